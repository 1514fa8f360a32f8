"""Aligned columns of text on stdout."""

from __future__ import annotations

import shutil
from collections.abc import Sequence


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a header; numbers to the right, the last column cut at the terminal's width."""
    texts = [[_printable(str(cell)) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in [list(header), *texts]) for column in range(len(header))]
    numeric = [all(_is_number(row[column]) for row in texts) for column in range(len(header))]
    limit = max(60, shutil.get_terminal_size((120, 24)).columns)
    for line in [list(header), *texts]:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        print("  ".join(cells).rstrip()[:limit])


def _printable(text: str) -> str:
    """Line ends and other controls as escapes: a row keeps to its line, and a terminal is told nothing by data."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _is_number(text: str) -> bool:
    return bool(text) and text.replace(",", "").replace(".", "", 1).split(" ")[0].lstrip("-").isdigit()
