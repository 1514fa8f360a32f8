"""Edge-density linkage by looking at all pairs of clusters before every merge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def edge_density_linkage(
    weights: npt.NDArray[np.float64], labels: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Merged clusters as in SciPy, (n - 1, 2), and their density, counted from the nodes every time.

    The densest pair comes first, then the smallest smallest community, then the smallest other one.
    """
    mean = (weights + weights.T) / 2
    n = int(labels.max()) + 1
    clusters = [([community], community) for community in range(n)]
    merged, densities = [], []
    while len(clusters) > 1:
        found = []
        for i, (first, _) in enumerate(clusters):
            for j, (second, _) in enumerate(clusters[:i]):
                rows, columns = np.isin(labels, first), np.isin(labels, second)
                density = mean[np.ix_(rows, columns)].sum() / (float(rows.sum()) * float(columns.sum()))
                low, high = sorted((min(first), min(second)))
                found.append((-density, low, high, i, j))
        negative, _, _, i, j = min(found)
        merged.append(sorted((clusters[i][1], clusters[j][1])))
        densities.append(-negative)
        union = (clusters[i][0] + clusters[j][0], n + len(merged) - 1)
        clusters = [cluster for place, cluster in enumerate(clusters) if place not in (i, j)] + [union]
    return np.array(merged, dtype=np.int64).reshape(-1, 2), np.array(densities)
