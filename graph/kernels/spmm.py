"""Sparse matrix times dense block, and the passes over dense blocks that go with it.

Layout   CSR rows; dense blocks are C-contiguous float32 (n_nodes, width), inputs and outputs distinct. ``weights`` and
         ``scale`` may be empty, which means 1 everywhere.
Threads  single-threaded loops over the rows [start, stop), one writer per row. Columns never meet, except in
         `square_blocks`, which adds inside fixed groups of `COLUMNS`: bytes depend neither on the row ranges nor
         on how a block is cut into panels of columns, as long as cuts fall on multiples of `COLUMNS`.
Limits   column ids lie in [0, n_nodes): the caller has checked. Sums are float32 in storage order of the arcs.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.splitmix import hash2

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]

COLUMNS = 16


@numba.njit(nogil=True, cache=True)
def fill_signs(
    key: np.uint64, first: int, chance: np.uint64, magnitude: Float32s, out: Float32s, start: int, stop: int
) -> None:
    """``out[row, c]`` = ±``magnitude[row]``, each with probability chance / 2**64, else 0.

    The entry is a function of (key, row, first + c) alone; ``chance`` is at most 2**63.
    """
    for row in range(start, stop):
        row_key = hash2(key, np.uint64(row))
        value = magnitude[row]
        for c in range(out.shape[1]):
            word = hash2(row_key, np.uint64(first + c))
            out[row, c] = value * np.float32(np.int32(word < chance) - np.int32(~word < chance))


@numba.njit(nogil=True, cache=True)
def gather_rows(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: Float32s,
    inverse: Float64s,
    scale: Float32s,
    block: Float32s,
    out: Float32s,
    start: int,
    stop: int,
) -> None:
    """``out[row] = inverse[row] * sum over arcs row -> j of weight * scale[j] * block[j]``."""
    weighted, scaled = weights.size > 0, scale.size > 0
    factor = np.empty(4, dtype=np.float32)
    for row in range(start, stop):
        total = out[row]
        total[:] = np.float32(0.0)
        share = inverse[row]
        arc, end = indptr[row], indptr[row + 1]
        while arc < end:
            n = min(4, end - arc)
            for k in range(n):
                value = np.float32(weights[arc + k] * share) if weighted else np.float32(1.0)
                factor[k] = value * scale[indices[arc + k]] if scaled else value
            if n == 4:  # four arcs a pass, added in the same order as one by one
                a, b, c, d = factor[0], factor[1], factor[2], factor[3]
                row_a, row_b = block[indices[arc]], block[indices[arc + 1]]
                row_c, row_d = block[indices[arc + 2]], block[indices[arc + 3]]
                for i in range(total.size):
                    total[i] = total[i] + a * row_a[i] + b * row_b[i] + c * row_c[i] + d * row_d[i]
            else:
                for k in range(n):
                    a, row_a = factor[k], block[indices[arc + k]]
                    for i in range(total.size):
                        total[i] += a * row_a[i]
            arc += n
        if not weighted:
            last = np.float32(share)
            for i in range(total.size):
                total[i] *= last


@numba.njit(nogil=True, cache=True)
def square_blocks(block: Float32s, squares: Float64s, start: int, stop: int) -> None:
    """``squares[g, row]`` = sum of the squares of ``block[row]`` over the g-th group of `COLUMNS` columns."""
    half = COLUMNS // 2
    part = np.empty(half, dtype=np.float64)
    for row in range(start, stop):
        values = block[row]
        for group in range(squares.shape[0]):
            first = group * COLUMNS
            if first + COLUMNS <= values.size:  # lanes of independent sums, which the compiler turns into vectors
                for c in range(half):
                    x, y = np.float64(values[first + c]), np.float64(values[first + half + c])
                    part[c] = x * x + y * y
                squares[group, row] = ((part[0] + part[4]) + (part[2] + part[6])) + (
                    (part[1] + part[5]) + (part[3] + part[7])
                )
            else:
                total = 0.0
                for c in range(first, values.size):
                    total += np.float64(values[c]) * np.float64(values[c])
                squares[group, row] = total


@numba.njit(nogil=True, cache=True)
def add_scaled_rows(block: Float32s, factor: Float32s, out: Float32s, start: int, stop: int) -> None:
    """``out[row] += factor[row] * block[row]``."""
    for row in range(start, stop):
        a, values, total = factor[row], block[row], out[row]
        for c in range(total.size):
            total[c] += a * values[c]
