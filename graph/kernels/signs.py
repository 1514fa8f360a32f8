"""Random signs of a very sparse projection, an entry a function of (key, row key, column) alone.

Layout   ``row_keys`` uint64, one a row. Lists: ``signs[starts[i]:starts[i + 1]]`` are the entries of row i, uint16
         ``column << 1 | negative``, columns ascending. Dense: int8 in {-1, 0, 1}.
Threads  single-threaded loops over the rows [start, stop), one writer per row.
Limits   columns below 2**15 in lists; ``starts`` is uint32.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.splitmix import hash2

UInt64s = npt.NDArray[np.uint64]

_BITS = np.uint64(16)
_MASK = np.uint64(0xFFFF)


@numba.njit(nogil=True, cache=True)
def count_signs(key: np.uint64, row_keys: UInt64s, gaps: UInt64s, counts: npt.NDArray[np.uint32], start: int) -> None:
    """``counts[start + i]`` = number of entries of the row with ``row_keys[i]``; ``gaps`` as in `list_signs`."""
    n_columns = gaps.size
    for i in range(row_keys.size):
        row_key = hash2(key, row_keys[i])
        n, column = 0, 0
        while True:
            word = hash2(row_key, np.uint64(n))
            if word >= gaps[n_columns - 1 - column]:
                break
            column += _gap(gaps, word) + 1
            n += 1
            if column == n_columns:
                break
        counts[start + i] = n


@numba.njit(nogil=True, cache=True)
def list_signs(
    key: np.uint64,
    row_keys: UInt64s,
    gaps: UInt64s,
    starts: npt.NDArray[np.uint32],
    signs: npt.NDArray[np.uint16],
    start: int,
) -> None:
    """The lists of the rows [start, start + row_keys.size).

    ``gaps[g]`` / 2**64 is the chance that at most g columns stand before the next entry, for each of the row's columns.
    """
    for i in range(row_keys.size):
        row_key = hash2(key, row_keys[i])
        column, first = 0, np.int64(starts[start + i])
        for n in range(np.int64(starts[start + i + 1]) - first):
            word = hash2(row_key, np.uint64(n))
            column += _gap(gaps, word)
            negative = hash2(word, np.uint64(0)) & np.uint64(1)
            signs[first + n] = np.uint16((column << 1) | np.int64(negative))
            column += 1


@numba.njit(nogil=True, cache=True)
def expand_signs(
    starts: npt.NDArray[np.uint32], signs: npt.NDArray[np.uint16], first: int, last: int, out: npt.NDArray[np.int8]
) -> None:
    """``out[row, column - first]`` = 1 or -1 for the entries in columns [first, last); ``out`` comes as zeros."""
    for row in range(out.shape[0]):
        for entry in range(starts[row], starts[row + 1]):
            column = np.int64(signs[entry] >> np.uint16(1))
            if first <= column < last:
                out[row, column - first] = -1 if signs[entry] & np.uint16(1) else 1


@numba.njit(nogil=True, cache=True)
def _gap(gaps: UInt64s, word: np.uint64) -> int:
    """First g with ``word < gaps[g]``; there is one."""
    low, high = 0, gaps.size - 1
    while low < high:
        middle = (low + high) // 2
        if word < gaps[middle]:
            high = middle
        else:
            low = middle + 1
    return low


@numba.njit(nogil=True, cache=True)
def fill_signs(
    key: np.uint64, row_keys: UInt64s, first: int, chance: np.uint64, out: npt.NDArray[np.int8], start: int
) -> None:
    """``out[start + i, c]`` = 1 or -1, each with probability ``chance`` / 2**16, else 0.

    That is column ``first + c`` of the row; ``chance`` is at most 2**15.
    """
    for i in range(row_keys.size):
        row_key = hash2(key, row_keys[i])
        row = out[start + i]
        for c in range(row.size):
            column = np.uint64(first + c)
            word = hash2(row_key, column >> np.uint64(2))
            part = (word >> (_BITS * (column & np.uint64(3)))) & _MASK
            row[c] = np.int8(np.int32(part < chance) - np.int32(_MASK - part < chance))


@numba.njit(nogil=True, cache=True)
def project_rows(
    given: npt.NDArray[np.float32],
    signs: npt.NDArray[np.int8],
    factor: np.float32,
    out: npt.NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """``out[row] = factor * (given[row] @ signs)``, features added in order."""
    for row in range(start, stop):
        total = out[row]
        total[:] = np.float32(0.0)
        for feature in range(given.shape[1]):
            value = given[row, feature]
            if value != np.float32(0.0):
                for c in range(total.size):
                    total[c] += value * np.float32(signs[feature, c])
        for c in range(total.size):
            total[c] *= factor
