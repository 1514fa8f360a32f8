"""Plot docs/img/powerwalk.png: distance and precision against time per query, push alone and with walks.

Run: python benchmarks/plots/powerwalk.py  (about two minutes)
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.bench_powerwalk import K, frontier, ground_truth
from benchmarks.debian import ROOT, debian_graph

mpl.use("agg")
PANELS = [("directed", 200, [1e-3, 1e-4, 1e-5, 1e-6]), ("undirected", 48, [1e-3, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6])]
WALKS = [0, 10, 30, 100, 250]


def main() -> None:
    figure, axes = plt.subplots(2, 2, figsize=(8, 6.2), constrained_layout=True)
    for (orientation, n_sources, thresholds), (left, right) in zip(PANELS, axes, strict=True):
        graph = debian_graph(orientation)
        rows = list(frontier(graph, ground_truth(graph, n_sources), WALKS, thresholds))
        for n_walks in WALKS:
            name = f"{n_walks} walks" if n_walks else "push alone"
            mine = [row for row in rows if row["method"] == name]
            milliseconds = [float(str(row["ms/query"])) for row in mine]
            style = "k--o" if n_walks == 0 else "-o"
            left.plot(milliseconds, [float(str(row["L1"])) for row in mine], style, markersize=3, label=name)
            missed = [1 - float(str(row[f"p@{K}"])) for row in mine]
            right.plot(milliseconds, missed, style, markersize=3, label=name)
        left.set(title=f"Debian, {orientation}: L1 distance", xscale="log", yscale="log")
        right.set(title=f"Debian, {orientation}: 1 - precision@{K}", xscale="log", yscale="log")
        for axis in (left, right):
            axis.set_xlabel("ms per query, one thread")
            axis.set_xlim(0.02, 60)
            axis.grid(alpha=0.3)
    axes[0, 0].legend(fontsize=8)
    figure.savefig(ROOT / "docs" / "img" / "powerwalk.png", dpi=72)


if __name__ == "__main__":
    main()
