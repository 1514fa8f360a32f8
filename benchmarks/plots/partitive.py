"""Plot docs/img/partitive.png: how the number of clusters is found, and which points are sure of theirs.

Run: python -m benchmarks.plots.partitive
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

from clustering.partitive import PartitiveParams, partition

mpl.use("agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[2]
CENTRES = np.array([[0, 0], [5, 0], [0, 6], [7, 7], [3.2, 2.8]])


def main() -> None:
    rng = np.random.default_rng(0)
    points = CENTRES[rng.integers(0, len(CENTRES), 1000)] + rng.standard_normal((1000, 2)) * 0.9
    params = PartitiveParams()
    found = partition(points, params)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    numbers = [trial.n_clusters for trial in found.trials]
    left.plot(numbers, [trial.agreement for trial in found.trials], "o-", label="agreement of mixture and k-means")
    left.plot(numbers, [trial.repeatability for trial in found.trials], "o-", label="repeatability of k-means")
    left.axhline(params.min_agreement, color="grey", linestyle=":", linewidth=1)
    left.set(xlabel="clusters", ylabel="adjusted Rand index", ylim=(0, 1.05), title="Trials")
    beside = left.twinx()
    beside.plot(numbers, [trial.bic for trial in found.trials], "s--", color="black", markersize=4, label="BIC (right)")
    beside.axvline(found.n_clusters, color="black", linewidth=0.5)
    handles = [*left.get_legend_handles_labels()[0], *beside.get_legend_handles_labels()[0]]
    left.legend(handles=handles, fontsize=8, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.18))
    sure = found.separable
    right.scatter(*points[sure].T, c=found.labels[sure], s=8, cmap="tab10", vmax=9, linewidths=0)
    right.scatter(
        *points[~sure].T, marker="x", c="grey", s=14, linewidths=0.8, label=f"not separable, {np.mean(~sure):.0%}"
    )
    right.set(xticks=[], yticks=[], title=f"{found.n_clusters} clusters found, {found.validated.sum()} validated")
    right.legend(fontsize=8, frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(ROOT / "docs" / "img" / "partitive.png", dpi=100)


if __name__ == "__main__":
    main()
