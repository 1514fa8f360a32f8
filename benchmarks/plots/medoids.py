"""Plot docs/img/medoids.png: what samples and draws cost and give, and medoids of points in a plane.

Run: python -m benchmarks.plots.medoids  (a minute)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

import matplotlib as mpl
import numpy as np

from benchmarks.bench_medoids import blobs
from clustering.medoids.dissimilarities import EVERY, Chosen, Dissimilarities, Matrix, Rows
from clustering.medoids.fastclara import fastclara
from clustering.medoids.fastclarans import fastclarans
from clustering.medoids.fasterpam import fasterpam
from clustering.medoids.params import ClaransParams, ClaraParams, MedoidParams
from clustering.medoids.vectors import VectorDissimilarities

mpl.use("agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[2]
N, K = 6000, 50


@final
class Counted(Dissimilarities):
    """Counts the dissimilarities asked for."""

    def __init__(self, base: Dissimilarities) -> None:
        self.base, self.n_asked = base, 0

    def __len__(self) -> int:
        return len(self.base)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.base.dtype

    def rows(self, candidates: Chosen, objects: Chosen = EVERY) -> Rows:
        rows = self.base.rows(candidates, objects)
        self.n_asked += rows.size
        return rows


def main() -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    matrix = Matrix(VectorDissimilarities(blobs(N)).rows(EVERY))
    losses = [fasterpam(matrix, MedoidParams(n_medoids=K, seed=seed)).loss for seed in range(5)]
    best = min(losses)
    left.plot([N * N] * len(losses), np.divide(losses, best), "o", label="FasterPAM on all, 5 starts")
    for label, searches in (
        (
            "FastCLARA, samples of 100 … 3,200",
            [
                lambda d, s=s: fastclara(d, ClaraParams(n_medoids=K, sample_size=s))
                for s in (100, 200, 400, 800, 1600, 3200)
            ],
        ),
        (
            "FastCLARANS, patience .005 … .08",
            [
                lambda d, p=p: fastclarans(d, ClaransParams(n_medoids=K, patience=p))
                for p in (0.005, 0.01, 0.02, 0.04, 0.08)
            ],
        ),
    ):
        points = []
        for search in searches:
            counted = Counted(matrix)
            loss = search(counted).loss
            points.append((counted.n_asked, loss / best))
        left.plot(*zip(*points, strict=True), "o-", label=label)
    left.set(xscale="log", xlabel="dissimilarities asked for", ylabel="loss, of the best found")
    left.set_title(f"{N:,} points, {K} medoids")
    left.legend(fontsize=8, frameon=False)

    plane = blobs(900, n_blobs=9, dim=2, spread=4)
    found = fasterpam(Matrix(VectorDissimilarities(plane).rows(EVERY)), MedoidParams(n_medoids=9))
    right.scatter(*plane.T, c=found.labels, s=6, cmap="tab10", alpha=0.6, linewidths=0)
    right.scatter(*plane[found.medoids].T, marker="*", s=120, c="black", label="medoids")
    right.set(xticks=[], yticks=[], title="900 points, 9 medoids")
    right.legend(fontsize=8, frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(ROOT / "docs" / "img" / "medoids.png", dpi=100)


if __name__ == "__main__":
    main()
