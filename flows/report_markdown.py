"""A report as Markdown: charts become tables with bars of block characters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flows.report_blocks import Bars, Block, Curve, Section, Table, Text

_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDTH = 24  # characters of the longest bar


def to_markdown(title: str, sections: Sequence[Section]) -> str:
    """The whole report."""
    parts = [f"# {title}"]
    for section in sections:
        if section.title:
            parts.append(f"## {section.title}")
        parts += [_block(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return block.text
    if isinstance(block, Table):
        return f"{block.caption}:\n\n{_table(block.header, block.rows)}"
    body = _bars(block) if isinstance(block, Bars) else _curve(block)
    return f"{block.title}:\n\n{body}" + (f"\n\n{block.note}" if block.note else "")


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _bars(chart: Bars) -> str:
    header, columns = [chart.x if not chart.across else "stage"], []
    for series, values in chart.series.items():
        scaled = [math.log1p(value) if chart.log else value for value in values]
        most = max(scaled, default=0.0)
        header += [series or chart.y or chart.x, ""]
        columns.append([f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}" for value in values])
        columns.append([block_bar(value / most if most else 0.0) for value in scaled])
    rows = [list(row) for row in zip(chart.labels, *columns, strict=True)]
    return _table(header, rows)


def block_bar(share: float) -> str:
    """A bar of ``share`` of the full width, to an eighth of a character; what is not zero shows."""
    if share <= 0:
        return ""
    eighths = max(1, round(share * _WIDTH * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _curve(chart: Curve) -> str:
    rows = [[f"{x:g}", f"{y:.4g}", block_bar(y), "chosen" if x == chart.chosen else ""] for x, y in chart.points]
    asked = "" if chart.asked is None else f"\n\n{chart.y} asked for: {chart.asked:g}"
    return _table([chart.x, chart.y, "", ""], rows) + asked
