"""Distances and scores of given pairs, row lengths, and equal rows.

Layout   every matrix is C-contiguous float32, one vector a row; sums run in float64.
Threads  none; the caller decides. The order of every sum is fixed, so a pair's value depends on the pair alone.
Limits   row numbers are int64; values are finite (the caller has checked).
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from vectors.kernels.pair_sums import sum_of_products, sum_of_squares

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_S32 = np.uint64(32)
_MINUS_ZERO = np.uint32(0x80000000)


@numba.njit(nogil=True, cache=True)
def squared_norms(vectors: Float32s, out: Float64s) -> None:
    """``out[row] = |vectors[row]|²``; NaN or infinite exactly when the row holds such a value."""
    dim = vectors.shape[1]
    for row in range(vectors.shape[0]):
        out[row] = sum_of_products(vectors, row * dim, vectors, row * dim, dim)


@numba.njit(nogil=True, cache=True)
def divide_rows(vectors: Float32s, squared: Float64s) -> None:
    """Scale every row to length one, in place; ``squared`` are its squared norms. A zero row stays zero."""
    for row in range(vectors.shape[0]):
        if squared[row] > 0.0:
            norm = np.sqrt(squared[row])
            for d in range(vectors.shape[1]):
                vectors[row, d] = np.float32(np.float64(vectors[row, d]) / norm)


@numba.njit(nogil=True, cache=True)
def score_pairs(vectors: Float32s, queries: Float32s, query_of: Int64s, euclidean: bool, out: Float32s) -> None:
    """``out[i]``: dot product, or Euclidean distance, of ``vectors[i]`` and ``queries[query_of[i]]``."""
    dim = vectors.shape[1]
    for i in range(vectors.shape[0]):
        q = query_of[i]
        if euclidean:
            out[i] = np.float32(np.sqrt(sum_of_squares(vectors, i * dim, queries, q * dim, dim)))
        else:
            # Adding zero turns -0.0 into 0.0, so that equal scores have equal bytes.
            product = sum_of_products(vectors, i * dim, queries, q * dim, dim)
            out[i] = np.float32(product) + np.float32(0.0)


@numba.njit(nogil=True, cache=True)
def first_equal(bits: npt.NDArray[np.uint32], out: Int64s) -> None:
    """``out[row]``: the first row of the same values. ``bits`` are the float32s read as uint32; -0.0 equals 0.0."""
    n, dim = bits.shape
    size = 2
    while size < 2 * n:
        size *= 2
    slots = np.full(size, -1, dtype=np.int64)
    hashes = np.zeros(n, dtype=np.uint64)
    mask = size - 1
    for row in range(n):
        word = np.uint64(dim)
        for d in range(dim):
            value = bits[row, d]
            if value == _MINUS_ZERO:
                value = np.uint32(0)
            word = (word ^ np.uint64(value)) * _PRIME
            word ^= word >> _S32
        hashes[row] = word
        slot = np.int64(word & np.uint64(mask))
        while True:
            other = slots[slot]
            if other < 0:
                slots[slot] = row
                out[row] = row
                break
            if hashes[other] == word:
                same = True
                for d in range(dim):
                    x, y = bits[row, d], bits[other, d]
                    if x != y and ((x | y) != _MINUS_ZERO):
                        same = False
                        break
                if same:
                    out[row] = other
                    break
            slot = (slot + 1) & mask
