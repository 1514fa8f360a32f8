"""Integers to their ranks among the distinct ones.

Layout   ``values`` are int32 or int64; ``present`` and ``rank`` are indexed by a value less ``low``; sorted columns
         (``a``, ``b``, ``ids``, ``part``) are int64, ascending, without repeats.
Threads  single-threaded loops over what they are given; several calls may mark the same ``present``, as all of them
         store the same value, and write different ``out``.
Limits   every value lies in the range of ``present``; ``part`` is a subset of ``ids``. The caller has looked.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def mark(values: npt.NDArray[Any], low: int, present: npt.NDArray[np.bool_]) -> None:
    """``present`` becomes true at every value."""
    for i in range(values.size):
        present[np.int64(values[i]) - low] = True


@numba.njit(nogil=True, cache=True)
def look_up(values: npt.NDArray[Any], low: int, rank: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    """``out[i]`` becomes ``rank[values[i] - low]``."""
    for i in range(values.size):
        out[i] = rank[np.int64(values[i]) - low]


@numba.njit(nogil=True, cache=True)
def unite(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], out: npt.NDArray[np.int64]) -> int:
    """``out`` begins with the union of both; how many that are is returned."""
    i, j, n = 0, 0, 0
    while i < a.size and j < b.size:
        left, right = a[i], b[j]
        out[n] = min(left, right)
        n += 1
        i += left <= right
        j += right <= left
    while i < a.size:
        out[n] = a[i]
        n += 1
        i += 1
    while j < b.size:
        out[n] = b[j]
        n += 1
        j += 1
    return n


@numba.njit(nogil=True, cache=True)
def match_subset(ids: npt.NDArray[np.int64], part: npt.NDArray[np.int64], out: npt.NDArray[Any]) -> None:
    """``out[i]`` becomes the position of ``part[i]`` in ``ids``."""
    at = 0
    for i in range(part.size):
        while ids[at] < part[i]:
            at += 1
        out[i] = at


@numba.njit(nogil=True, cache=True)
def pack(values: npt.NDArray[Any], low: int, shift: int, first: int, out: npt.NDArray[np.uint64]) -> None:
    """``out[first + i]`` becomes ``values[i] - low``, shifted, above ``first + i``."""
    for i in range(values.size):
        out[first + i] = (np.uint64(np.int64(values[i]) - low) << np.uint64(shift)) | np.uint64(first + i)


@numba.njit(nogil=True, cache=True)
def rank_packed(
    packed: npt.NDArray[np.uint64], low: int, shift: int, out: npt.NDArray[np.int32], ids: npt.NDArray[np.int64]
) -> int:
    """Sorted ``packed`` to the rank of every value, at its position, and the distinct values; how many there are."""
    mask = (np.uint64(1) << np.uint64(shift)) - np.uint64(1)
    n, before = 0, np.uint64(0)
    for i in range(packed.size):
        value = packed[i] >> np.uint64(shift)
        if n == 0 or value != before:
            ids[n] = np.int64(value) + low
            n += 1
            before = value
        out[np.int64(packed[i] & mask)] = n - 1
    return n
