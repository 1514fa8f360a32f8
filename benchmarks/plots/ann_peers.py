"""Plot docs/img/ann_peers.png: recall against queries a CPU-second of our lists and of the peers, a panel for each set.

Run: python benchmarks/plots/ann_peers.py POINTS.json...  (what `python -m benchmarks ann_peers` wrote to the folder
that PURLIEU_ANN_POINTS names; a file for each set)
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from benchmarks.bench_ann_peers import Point

COLUMNS = 2
LOWEST = 0.85  # recall from which on points are drawn


def frontier(points: list[Point]) -> list[Point]:
    """Those that no other beats in both recall and speed, by recall."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (-point.per_second, -point.recall)):
        if not best or point.recall > best[-1].recall:
            best.append(point)
    return [point for point in best if point.recall >= LOWEST]


def draw(axes: Any, title: str, points: list[Point], colours: dict[str, Any]) -> None:
    names = {point.name for point in points}
    for who in sorted(names, key=lambda name: (not name.startswith(("auto", "grid")), name)):
        drawn = frontier([point for point in points if point.name == who])
        style = "*" if who.startswith("auto") else "o-" if who.startswith("grid") else "s--"
        label = who.replace("grid", "purlieu").replace("auto", "purlieu, auto at")
        size = 12 if style == "*" else 4
        line = axes.plot([p.recall for p in drawn], [p.per_second for p in drawn], style, label=label, markersize=size)
        line[0].set_color(colours.setdefault(who, plt.get_cmap("tab20")(2 * len(colours) % 20 + len(colours) // 10)))
    axes.set_yscale("log")
    axes.set_xlabel("recall@10")
    axes.set_ylabel("queries a CPU-second, one thread, all at once")
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=7)


def main() -> None:
    files = [Path(name) for name in sys.argv[1:]]
    if not files:
        sys.exit("name the files of points to draw, see the top of this file")
    n_rows = -(-len(files) // COLUMNS)
    size = (6.5 * COLUMNS, 5 * n_rows)
    figure, panels = plt.subplots(n_rows, COLUMNS, figsize=size, layout="constrained", squeeze=False)
    colours: dict[str, Any] = {}  # the same in every panel
    for axes, file in itertools.zip_longest(panels.flat, files):
        if file is None:
            axes.remove()
        else:
            draw(axes, file.stem, [Point(*each) for each in json.loads(file.read_text())], colours)
    figure.savefig(Path(__file__).parents[2] / "docs" / "img" / "ann_peers.png", dpi=110)


if __name__ == "__main__":
    main()
