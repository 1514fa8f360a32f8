"""Aligned columns of text on stdout."""

from __future__ import annotations

import shutil
from collections.abc import Sequence


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a header; numbers to the right, the last column cut at the terminal's width."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in [list(header), *texts]) for column in range(len(header))]
    numeric = [all(_is_number(row[column]) for row in texts) for column in range(len(header))]
    limit = max(60, shutil.get_terminal_size((120, 24)).columns)
    for line in [list(header), *texts]:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        print("  ".join(cells).rstrip()[:limit])


def _is_number(text: str) -> bool:
    return bool(text) and text.replace(",", "").replace(".", "", 1).split(" ")[0].lstrip("-").isdigit()
