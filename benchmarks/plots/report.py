"""The picture of docs/reports.md: the charts of a real report, side by side on one sheet.

Run ``purlieu build config/nightly.toml`` first, then ``python benchmarks/plots/report.py [STORE] [INDEX]``.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from artifacts.publish import read_release
from artifacts.reports import read_facts
from artifacts.store import Store
from flows.report_blocks import Bars, Curve
from flows.report_figures import artifact_sections, stage_charts
from flows.report_plots import figure_of, style

OUT = Path(__file__).parents[2] / "docs" / "img" / "report.png"
DPI, COLUMNS = 84, 2


def main() -> None:
    store = Store.open(sys.argv[1] if len(sys.argv) > 1 else "purlieu-store")
    release = read_release(store, sys.argv[2] if len(sys.argv) > 2 else "nightly")
    charts = stage_charts(read_facts(store, release.index, release.version)["stages"])
    blocks = [block for section in artifact_sections(store, release) for block in section.blocks]
    charts += [block for block in blocks if isinstance(block, Bars | Curve)]
    pictures = []
    for chart in charts:
        with style(chart.name):
            figure, page = figure_of(chart), io.BytesIO()
            figure.savefig(page, format="png", dpi=DPI)
        pictures.append(Image.open(page))
    rows = [pictures[start : start + COLUMNS] for start in range(0, len(pictures), COLUMNS)]
    heights = [max(picture.height for picture in row) for row in rows]
    sheet = Image.new("RGB", (COLUMNS * pictures[0].width, sum(heights)), "white")
    for number, row in enumerate(rows):
        for column, picture in enumerate(row):
            sheet.paste(picture, (column * pictures[0].width, sum(heights[:number])))
    sheet.quantize(64).save(OUT, optimize=True)
    print(f"{OUT} {OUT.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
