"""Similarities of a pool of signatures among themselves, and what ranks it by them.

Layout   signatures are C-contiguous uint32 (n_pool, num_perm); ``weights`` float32 (n_pool, n_pool), symmetric.
Threads  single-threaded; sums run in a fixed order, so equal calls give equal bytes.
Limits   counts are exact in float32, num_perm being below 2**24.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from clustering.kernels.sketching import EMPTY

_ROWS = 4  # compared with a signature while it is in registers
_TILE = 32  # rows and columns mirrored at a time, a cache line or two wide


@numba.njit(nogil=True, cache=True)
def count_all_equal(signatures: npt.NDArray[np.uint32], out: npt.NDArray[np.float32]) -> None:
    """``out[i, j]`` becomes how many slots signatures i and j share, 0 when either is empty, and for i = j."""
    n, width = signatures.shape
    whole = n - n % _ROWS
    for i in range(0, whole, _ROWS):
        first, second, third, fourth = signatures[i], signatures[i + 1], signatures[i + 2], signatures[i + 3]
        for j in range(i + _ROWS):
            other = signatures[j]
            a = b = c = d = np.int32(0)
            for slot in range(width):
                a += np.int32(first[slot] == other[slot])
                b += np.int32(second[slot] == other[slot])
                c += np.int32(third[slot] == other[slot])
                d += np.int32(fourth[slot] == other[slot])
            out[i, j], out[i + 1, j], out[i + 2, j], out[i + 3, j] = a, b, c, d
    for i in range(whole, n):
        for j in range(i):
            equal = np.int32(0)
            for slot in range(width):
                equal += np.int32(signatures[i, slot] == signatures[j, slot])
            out[i, j] = equal
    for i in range(n):
        out[i, i] = 0.0
        if signatures[i, 0] == EMPTY:
            out[i, :i] = 0.0
    for top in range(0, n, _TILE):
        for left in range(0, top + 1, _TILE):
            for i in range(top, min(top + _TILE, n)):
                for j in range(left, min(left + _TILE, i)):
                    out[j, i] = out[i, j]


@numba.njit(nogil=True, cache=True)
def times(weights: npt.NDArray[np.float32], vector: npt.NDArray[np.float64], out: npt.NDArray[np.float64]) -> None:
    """``out = weights @ vector``, ``weights`` being symmetric: its rows are added up."""
    out[:] = 0.0
    for j in range(vector.size):
        share, row = vector[j], weights[j]
        for i in range(out.size):
            out[i] += share * row[i]


@numba.njit(nogil=True, cache=True)
def take_most_similar(
    signatures: npt.NDArray[np.uint32],
    mean: npt.NDArray[np.float64],
    outside: npt.NDArray[np.bool_],
    n_members: int,
) -> tuple[int, float]:
    """Take the one of ``outside`` with the largest ``mean`` similarity to the members, the first of equal ones.

    It leaves ``outside``, and every mean becomes the one over ``n_members`` + 1 members. Returns its position and its
    mean before. At least one is outside.
    """
    taken = -1
    for i in range(mean.size):
        if outside[i] and (taken < 0 or mean[i] > mean[taken]):
            taken = i
    outside[taken], score = False, mean[taken]
    joined, width = signatures[taken], signatures.shape[1]
    for i in range(mean.size):
        equal = np.int32(0)
        if joined[0] != EMPTY:
            for slot in range(width):
                equal += np.int32(signatures[i, slot] == joined[slot])
        mean[i] = (n_members * mean[i] + equal / width) / (n_members + 1)
    return taken, score
