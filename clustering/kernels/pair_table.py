"""A hash table of pairs of small integers: open addressing, linear probing, removal without tombstones.

Layout   ``codes`` int64, a power of two long and at most half full, -1 where free; ``values`` beside it.
Threads  single-threaded.
Limits   ids below 2**31.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.splitmix import mix64

Int64s = npt.NDArray[np.int64]


@numba.njit(nogil=True, cache=True)
def _home(code: int, mask: int) -> np.int64:
    return np.int64(mix64(np.uint64(code)) & np.uint64(mask))


@numba.njit(nogil=True, cache=True)
def find(codes: Int64s, code: int) -> np.int64:
    """Where ``code`` stands, or the free place where it would."""
    mask = codes.size - 1
    place = _home(code, mask)
    while codes[place] != -1 and codes[place] != code:
        place = (place + 1) & mask
    return place


@numba.njit(nogil=True, cache=True)
def forget(codes: Int64s, values: Int64s, place: np.int64) -> None:
    """Free ``place`` and move back what had to pass it."""
    mask = codes.size - 1
    hole = place
    place = (place + 1) & mask
    while codes[place] != -1:
        if ((place - _home(codes[place], mask)) & mask) >= ((place - hole) & mask):
            codes[hole], values[hole] = codes[place], values[place]
            hole = place
        place = (place + 1) & mask
    codes[hole] = -1


@numba.njit(nogil=True, cache=True)
def code_of(a: int, b: int, n: int) -> int:
    return min(a, b) * n + max(a, b)
