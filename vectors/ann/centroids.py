"""k-means for inverted lists and codebooks: Lloyd's iterations over a sample, equal bytes on every machine.

Source: Lloyd, "Least squares quantization in PCM", IEEE Trans. Information Theory 28 (1982).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from foundation.seeds import stream
from vectors.kernels.lists import nearest_lists
from vectors.metrics import Float32s, Int64s, row_norms

_N_STEPS: Final = 8


def centroids(sample: Float32s, n_centroids: int, *, seed: int, purpose: str, number: int = 0) -> Float32s:
    """Centres of ``n_centroids`` clusters of the sample, float32 (n_centroids, dim); zeros for an empty one.

    A cluster that runs empty starts again at a row of the sample. A sample of fewer rows is repeated.
    """
    draw = stream(seed, purpose, number, n_centroids)
    n = sample.shape[0]
    if n == 0:
        return np.zeros((n_centroids, sample.shape[1]), dtype=np.float32)
    order = draw.permutation(n)
    centres = sample[np.resize(order, n_centroids)].copy()
    if n <= n_centroids:
        return centres
    for _ in range(_N_STEPS):
        nearest = nearest_centroids(sample, centres)
        sizes = np.bincount(nearest, minlength=n_centroids)
        sums = np.zeros(centres.shape, dtype=np.float64)
        by_centre = np.argsort(nearest, kind="stable")
        there = np.flatnonzero(sizes)
        starts = np.cumsum(sizes) - sizes
        sums[there] = np.add.reduceat(sample[by_centre].astype(np.float64), starts[there], axis=0)
        centres[there] = (sums[there] / sizes[there, None]).astype(np.float32)
        empty = np.flatnonzero(sizes == 0)
        centres[empty] = sample[draw.choice(n, empty.size, replace=empty.size > n)]
    return centres


def nearest_centroids(rows: Float32s, centres: Float32s) -> Int64s:
    """Number of the centre nearest to each row, int64 (n,)."""
    lists = np.empty((rows.shape[0], 1), dtype=np.int64)
    values = np.empty((rows.shape[0], 1), dtype=np.float32)
    nearest_lists(rows, *search_form(centres, euclidean=True), True, lists, values)
    return lists[:, 0]


def search_form(centres: Float32s, *, euclidean: bool) -> tuple[Float32s, Float32s]:
    """What `nearest_lists` takes: centres as columns, and half their squared lengths (zeros for dot products)."""
    half = (row_norms(centres) / 2).astype(np.float32) if euclidean else np.zeros(len(centres), np.float32)
    return np.ascontiguousarray(centres.T), half
