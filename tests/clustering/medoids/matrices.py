"""Dissimilarities that tests of medoids draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

Matrix = npt.NDArray[Any]

FIVE = np.array([[0, 1, 2, 4, 7], [1, 0, 3, 5, 8], [2, 3, 0, 6, 9], [4, 5, 6, 0, 1], [7, 8, 9, 1, 0]], dtype=np.float64)


@st.composite
def matrices(draw: st.DrawFn, max_objects: int = 9, min_objects: int = 1) -> Matrix:
    """Whole numbers, so that sums are exact: ties, duplicates at 0, asymmetric, negative, of both types."""
    n = draw(st.integers(min_objects, max_objects))
    elements = draw(st.sampled_from([st.integers(0, 3), st.integers(0, 1000), st.integers(-4, 4)]))
    matrix = draw(st_numpy.arrays(np.int64, (n, n), elements=elements))
    if draw(st.booleans()):
        matrix = matrix + matrix.T
        np.fill_diagonal(matrix, 0)
    return matrix.astype(draw(st.sampled_from([np.float32, np.float64])))


def blobs(n: int, n_blobs: int, dim: int = 4, seed: int = 0) -> npt.NDArray[np.float32]:
    """Points around random centres."""
    rng = np.random.default_rng(seed)
    centres = 3 * rng.standard_normal((n_blobs, dim))
    return (centres[rng.integers(0, n_blobs, n)] + rng.standard_normal((n, dim))).astype(np.float32)


def euclidean(points: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """All distances, float64."""
    wide = points.astype(np.float64)
    return np.asarray(np.sqrt(((wide[:, None] - wide[None]) ** 2).sum(axis=2)))
