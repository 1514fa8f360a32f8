"""Strings laid end to end: finding equal ones in two sorted columns, uniting them, comparing given ones, hashing.

Layout   row i is ``blob[offsets[i]:offsets[i + 1]]``; blobs are uint8, offsets int64, rows int64.
Threads  none; one writer per row of ``out``.
Limits   columns that are matched are sorted by their bytes, without repeats (the caller has checked).
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.splitmix import hash2, mix64

Bytes = npt.NDArray[np.uint8]
Int64s = npt.NDArray[np.int64]


@numba.njit(nogil=True, cache=True)
def compare(a: Bytes, a_start: int, a_stop: int, b: Bytes, b_start: int, b_stop: int) -> int:
    """-1, 0 or 1 as ``a[a_start:a_stop]`` comes before, equals or comes after ``b[b_start:b_stop]``."""
    shorter = min(a_stop - a_start, b_stop - b_start)
    for i in range(shorter):
        left, right = a[a_start + i], b[b_start + i]
        if left != right:
            return -1 if left < right else 1
    return int(np.sign((a_stop - a_start) - (b_stop - b_start)))


@numba.njit(nogil=True, cache=True)
def match_sorted(old: Bytes, old_offsets: Int64s, new: Bytes, new_offsets: Int64s, out: Int64s) -> None:
    """``out[i]`` becomes the row of ``old`` that equals row i of ``new``, or -1. ``new_offsets`` may begin anywhere."""
    n_old = old_offsets.size - 1
    low, high = 0, n_old
    while out.size > 0 and low < high:  # the first old row that is not before the first new one
        middle = (low + high) // 2
        start, stop = old_offsets[middle], old_offsets[middle + 1]
        if compare(old, start, stop, new, new_offsets[0], new_offsets[1]) < 0:
            low = middle + 1
        else:
            high = middle
    for row in range(out.size):
        out[row] = -1
        while low < n_old:
            start, stop = old_offsets[low], old_offsets[low + 1]
            order = compare(old, start, stop, new, new_offsets[row], new_offsets[row + 1])
            if order == 0:
                out[row] = low
            if order >= 0:
                break
            low += 1


@numba.njit(nogil=True, cache=True)
def keep_equal(old: Bytes, old_offsets: Int64s, new: Bytes, new_offsets: Int64s, rows: Int64s) -> None:
    """``rows[i]`` becomes -1 unless row ``rows[i]`` of ``old`` equals row i of ``new``; -1 stays."""
    for row in range(rows.size):
        if rows[row] >= 0:
            start, stop = old_offsets[rows[row]], old_offsets[rows[row] + 1]
            if compare(old, start, stop, new, new_offsets[row], new_offsets[row + 1]) != 0:
                rows[row] = -1


@numba.njit(nogil=True, cache=True)
def hash_rows(blob: Bytes, offsets: Int64s, start: int, out: npt.NDArray[np.uint64]) -> None:
    """``out[i]`` becomes a 64-bit hash of row ``start + i``: of its length, then of eight bytes at a time."""
    for i in range(out.size):
        first, last = offsets[start + i], offsets[start + i + 1]
        word = mix64(np.uint64(last - first))
        for begin in range(first, last, 8):
            part = np.uint64(0)
            for at in range(begin, min(begin + 8, last)):
                part |= np.uint64(blob[at]) << np.uint64(8 * (at - begin))
            word = hash2(word, part)
        out[i] = word


@numba.njit(nogil=True, cache=True)
def unite_sorted(
    a: Bytes, a_offsets: Int64s, b: Bytes, b_offsets: Int64s, blob: Bytes, offsets: Int64s
) -> tuple[int, int]:
    """``blob`` and ``offsets`` begin with the union of both columns; its number of strings and of bytes."""
    i, j, n, size = 0, 0, 0, 0
    n_a, n_b = a_offsets.size - 1, b_offsets.size - 1
    offsets[0] = 0
    while i < n_a or j < n_b:
        order = -1 if j == n_b else 1
        if i < n_a and j < n_b:
            order = compare(a, a_offsets[i], a_offsets[i + 1], b, b_offsets[j], b_offsets[j + 1])
        if order <= 0:
            for at in range(a_offsets[i], a_offsets[i + 1]):
                blob[size] = a[at]
                size += 1
            i += 1
            j += order == 0
        else:
            for at in range(b_offsets[j], b_offsets[j + 1]):
                blob[size] = b[at]
                size += 1
            j += 1
        n += 1
        offsets[n] = size
    return n, size
