"""Plot docs/img/encoders.png: what each step of static encoding is worth in retrieval.

Run: python benchmarks/plots/encoders.py  (about five minutes)
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench import print_table
from bench_encoders import SETS, quality, shared_data

OUT = Path(__file__).resolve().parents[2] / "docs" / "img" / "encoders.png"


def main() -> None:
    data = shared_data()
    if data is None:
        raise SystemExit("the corpora of ../shared/data are absent")
    rows = quality(data, SETS, 10**9)
    print_table(rows)
    figure, axes = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
    places = range(len(rows))
    for name, colour in zip(SETS, ("#1b6ca8", "#d98324", "#4b8f4b"), strict=True):
        axes.plot([row[name] for row in rows], places, "o-", color=colour, label=name)
    axes.set_yticks(places, [str(row["variant"]) for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0.0, 0.75)
    axes.set_xlabel("nDCG@10, exact MaxSim, all judged queries")
    axes.grid(axis="x", alpha=0.3)
    axes.legend()
    OUT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(OUT, dpi=110)


if __name__ == "__main__":
    main()
