"""Plot docs/img/ann_peers.png: recall against queries a CPU-second of our lists and of the peers, on one set.

Run: PURLIEU_PEERS=PYTHON PURLIEU_ANN_SET=SET python benchmarks/plots/ann_peers.py  (as long as the benchmark)
"""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from benchmarks.bench_ann_peers import Point, gathered

LOWEST = 0.85  # recall from which on points are drawn


def frontier(points: list[Point]) -> list[Point]:
    """Those that no other beats in both recall and speed, by recall."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (-point.per_second, -point.recall)):
        if not best or point.recall > best[-1].recall:
            best.append(point)
    return [point for point in best if point.recall >= LOWEST]


def main() -> None:
    name = os.environ.get("PURLIEU_ANN_SET", "fashion-mnist")
    points = gathered(name)
    figure, axes = plt.subplots(figsize=(7.5, 5), layout="constrained")
    for who in dict.fromkeys(point.name for point in points):
        drawn = frontier([point for point in points if point.name == who])
        style = "*" if who.startswith("auto") else "o-" if who.startswith("grid") else "s--"
        label = who.replace("grid", "purlieu").replace("auto", "purlieu, auto at")
        size = 12 if style == "*" else 4
        axes.plot([p.recall for p in drawn], [p.per_second for p in drawn], style, label=label, markersize=size)
    axes.set_yscale("log")
    axes.set_xlabel("recall@10")
    axes.set_ylabel("queries a CPU-second, one thread, all at once")
    axes.set_title(name, fontsize=10)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    figure.savefig(Path(__file__).parents[2] / "docs" / "img" / "ann_peers.png", dpi=110)


if __name__ == "__main__":
    main()
