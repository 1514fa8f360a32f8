"""What choosing first medoids asks of rows of dissimilarities, and the check of them all.

Layout   ``rows`` (n_candidates, n) are C-contiguous float32 or float64; ``least`` (n,), of their type, is the distance
         of every object to the medoids chosen so far.
Threads  a range of rows per call, one writer per row of ``out``.
Limits   sums are float64 in four strands of fixed order, so that a row's sum depends on the row alone; and a gain never
         grows when ``least`` falls, not even by rounding: every step of the sum is monotone.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

_STRANDS = 4


@numba.njit(nogil=True, cache=True)
def row_sums(rows: npt.NDArray[Any], out: npt.NDArray[np.float64]) -> None:
    """``out[i]`` becomes the sum of row i."""
    n = rows.shape[1]
    whole = n - n % _STRANDS
    for i in range(rows.shape[0]):
        row = rows[i]
        a = b = c = d = 0.0
        for o in range(0, whole, _STRANDS):
            a += row[o]
            b += row[o + 1]
            c += row[o + 2]
            d += row[o + 3]
        for o in range(whole, n):
            a += row[o]
        out[i] = (a + b) + (c + d)


@numba.njit(nogil=True, cache=True)
def gains(rows: npt.NDArray[Any], least: npt.NDArray[Any], out: npt.NDArray[np.float64]) -> None:
    """``out[i]`` becomes how much candidate i would lower the loss as one more medoid."""
    n = rows.shape[1]
    whole = n - n % _STRANDS
    zero = rows.dtype.type(0)
    for i in range(rows.shape[0]):
        row = rows[i]
        a = b = c = d = 0.0
        for o in range(0, whole, _STRANDS):
            a += max(least[o] - row[o], zero)
            b += max(least[o + 1] - row[o + 1], zero)
            c += max(least[o + 2] - row[o + 2], zero)
            d += max(least[o + 3] - row[o + 3], zero)
        for o in range(whole, n):
            a += max(least[o] - row[o], zero)
        out[i] = (a + b) + (c + d)


@numba.njit(nogil=True, cache=True)
def first_not_finite(rows: npt.NDArray[Any], start: int, stop: int) -> tuple[int, int]:
    """Row and column of the first NaN or infinity in rows ``start … stop - 1``, (-1, -1) when there is none."""
    for i in range(start, stop):
        row = rows[i]
        n_wrong = 0
        for o in range(row.size):
            n_wrong += not (abs(row[o]) < np.inf)
        if n_wrong > 0:
            for o in range(row.size):
                if not (abs(row[o]) < np.inf):
                    return i, o
    return -1, -1
