"""The least so far: keys gathered without order, and cut back to the least of them when there is no more room.

A heap puts every newcomer in its place; here most are only written down, a third of the time for the nearest 80 of
3,000.

Layout   a key is an int64 that orders as (float32 value, row): the value's bits, made to order as integers, then the
         row.
Threads  no shared state.
Limits   values are not NaN; rows are 0 or more and fit int32.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.simd import bits_of_float, float_of_bits

Int64s = npt.NDArray[np.int64]

_RANKED = 192  # keys up to which counting in vectors sorts more quickly than comparing one by one does
_MAGNITUDE = np.int32(0x7FFFFFFF)
_S31, _S32 = np.int32(31), np.int64(32)


@numba.njit(nogil=True, cache=True, inline="always")
def key_of(value: np.float32, row: int) -> np.int64:
    """The key of a value and a row."""
    bits = np.int32(bits_of_float(value))
    return np.int64((np.int64(bits ^ ((bits >> _S31) & _MAGNITUDE)) << _S32) | np.int64(row))


@numba.njit(nogil=True, cache=True, inline="always")
def value_of(key: int) -> np.float32:
    """The value in a key."""
    bits = np.int32(np.int64(key) >> _S32)
    return np.float32(float_of_bits(np.uint32(bits ^ ((bits >> _S31) & _MAGNITUDE))))


@numba.njit(nogil=True, cache=True, inline="always")
def row_of(key: int) -> int:
    """The row in a key."""
    return key & 0x7FFFFFFF


@numba.njit(nogil=True, cache=True)
def keep_least(keys: Int64s, n_used: int, n: int) -> int:
    """Move the n least of the first ``n_used`` > n distinct keys to the front, in any order; the greatest of them."""
    low, high, wanted = 0, n_used, n - 1  # the key of rank ``wanted`` is in keys[low:high]
    while high - low > 1:
        middle, last = (low + high) // 2, high - 1
        a, b, c = keys[low], keys[middle], keys[last]
        pivot = max(min(a, b), min(max(a, b), c))
        place = low if pivot == a else middle if pivot == b else last
        keys[place] = keys[last]
        cut = low
        for at in range(low, last):  # lesser keys go to the front, without a branch that nobody could foresee
            key = keys[at]
            keys[at] = keys[cut]
            keys[cut] = key
            cut += int(key < pivot)
        keys[last] = keys[cut]
        keys[cut] = pivot
        if cut == wanted:
            return int(pivot)
        if cut > wanted:
            high = cut
        else:
            low = cut + 1
    return int(keys[wanted])


@numba.njit(nogil=True, cache=True)
def sort_keys(keys: Int64s, n: int) -> None:
    """Put the first ``n`` distinct keys in ascending order; where as much room is behind them, it is written to."""
    if n > _RANKED or keys.size < 2 * n:
        keys[:n].sort()
        return
    for i in range(n):
        key, rank = keys[i], 0
        for j in range(n):
            rank += int(keys[j] < key)
        keys[n + rank] = key
    keys[:n] = keys[n : 2 * n]
