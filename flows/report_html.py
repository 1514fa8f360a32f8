"""A report as one HTML file that needs nothing else: no script, no network, light and dark, screen and paper."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from flows.report_blocks import Block, Section, Table, Text
from flows.report_plots import draw

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .25rem; opacity: .75; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
figure { margin: 1rem 0; break-inside: avoid; } figcaption { opacity: .75; font-size: .9rem; }
svg { width: 100%; height: auto; max-width: 40rem; } svg text { font-family: inherit !important; }
code { font-size: .92em; }
@media print {
  body { max-width: none; font-size: 10pt; padding: 0; }
  .wide { overflow: visible; }
  tr { break-inside: avoid; }
}
"""
_NUMBER = re.compile(r"[-+]?[\d,.]+( ?(%|s|MiB))?")


def to_html(title: str, sections: Sequence[Section]) -> str:
    """The whole report; charts are drawn here."""
    body = [f"<h1>{html.escape(title)}</h1>"]
    for section in sections:
        heading = f"<h2>{html.escape(section.title)}</h2>" if section.title else ""
        body.append("\n".join(["<section>", heading, *(_block(block) for block in section.blocks), "</section>"]))
    head = (
        '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>"
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n'
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return f"<p>{_inline(block.text)}</p>"
    if isinstance(block, Table):
        return _table(block)
    note = f": {block.note}" if block.note else ""
    return f"<figure>\n{draw(block)}\n<figcaption>{html.escape(block.title + note)}</figcaption>\n</figure>"


def _table(table: Table) -> str:
    """Columns of nothing but numbers are set to the right."""
    right = [
        bool(table.rows) and all(not row[column] or _NUMBER.fullmatch(row[column]) for row in table.rows)
        for column in range(len(table.header))
    ]
    kind = [' class="number"' if is_right else "" for is_right in right]
    header = "".join(
        f'<th scope="col"{cls}>{html.escape(cell)}</th>' for cls, cell in zip(kind, table.header, strict=True)
    )
    rows = "\n".join(
        "<tr>" + "".join(f"<td{cls}>{_inline(cell)}</td>" for cls, cell in zip(kind, row, strict=True)) + "</tr>"
        for row in table.rows
    )
    head = f"<caption>{html.escape(table.caption)}</caption>\n<thead><tr>{header}</tr></thead>"
    return f'<div class="wide"><table>\n{head}\n<tbody>\n{rows}\n</tbody>\n</table></div>'


def _inline(text: str) -> str:
    """Escaped, with the two marks that reports use: `code` and **strong**."""
    escaped = html.escape(text)
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", escaped)
