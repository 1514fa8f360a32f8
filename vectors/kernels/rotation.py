"""A random rotation in O(dim log dim): signs, Walsh-Hadamard transforms of the first and last 2^p values, a shuffle.

Layout   rows C-contiguous float32; the first ``dim`` values are rotated in place, the others untouched.
Threads  single-threaded; a row's result depends on nothing but the row, ``signs`` and ``order``.
Limits   float32 in a fixed order of operations; ``signs`` (n_rounds, dim) of ±1, ``order`` of permutations.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Float32s = npt.NDArray[np.float32]


@numba.njit(nogil=True, cache=True)
def rotate_rows(rows: Float32s, signs: Float32s, order: npt.NDArray[np.int64]) -> None:
    """Rotate every row: lengths and distances stay, but for rounding."""
    n_rounds, dim = signs.shape
    size = 1
    while 2 * size <= dim:
        size *= 2
    scale = np.float32(1.0 / np.sqrt(np.float64(size)))
    scratch = np.empty(dim, dtype=np.float32)
    for row in range(rows.shape[0]):
        for turn in range(n_rounds):
            for d in range(dim):
                scratch[d] = rows[row, order[turn, d]] * signs[turn, d]
            _transform(scratch[:size], scale)
            if size < dim:
                _transform(scratch[dim - size :], scale)
            for d in range(dim):
                rows[row, d] = scratch[d]


@numba.njit(nogil=True, cache=True)
def _transform(values: Float32s, scale: np.float32) -> None:
    half = 1
    while half < values.size:
        for first in range(0, values.size, 2 * half):
            for d in range(first, first + half):
                x, y = values[d], values[d + half]
                values[d] = x + y
                values[d + half] = x - y
        half *= 2
    for d in range(values.size):
        values[d] *= scale
