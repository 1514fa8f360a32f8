"""The largest of many values, in order, ties by a number of their own.

Layout   a key is a uint64: the bits of a float32 that is not negative, above the complement of a tie number below
         2**32. Larger keys are larger values, and among equal values smaller tie numbers.
Threads  single-threaded; the result is a function of the set of keys, not of their order.
Limits   keys are distinct: so are tie numbers among equal values.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.simd import bits_of_float, float_of_bits

BINS = 4096  # of the histogram that `select` takes
_BITS = 12
_FEW = 64  # keys more or less to sort cost less than another count
_COUNTED = 256
_LOW = np.uint64(0xFFFFFFFF)

Keys = npt.NDArray[np.uint64]


@numba.njit(inline="always")
def key_of(value: np.float32, tie: int) -> np.uint64:
    """Key of a value that is not negative."""
    return (np.uint64(bits_of_float(value)) << np.uint64(32)) | (_LOW - np.uint64(tie))


@numba.njit(inline="always")
def value_of(key: np.uint64) -> np.float32:
    """The value in a key."""
    value: np.float32 = float_of_bits(np.uint32(key >> np.uint64(32)))
    return value


@numba.njit(inline="always")
def tie_of(key: np.uint64) -> np.int64:
    """The tie number in a key."""
    return np.int64(_LOW - (key & _LOW))


@numba.njit(nogil=True, cache=True)
def sort_descending(keys: Keys) -> None:
    """In place. A few hundred keys are counted against one another, which vectors do eight at a time; more are shell
    sorted, which compiles in a fifth of the time of ``sort``."""
    if keys.size <= _COUNTED:
        unsorted = keys.copy()
        for key in unsorted:
            larger = 0
            for other in unsorted:
                larger += other > key
            keys[larger] = key
        return
    gap = keys.size
    while gap > 1:
        gap = max(1, gap * 5 // 11)
        for i in range(gap, keys.size):
            key = keys[i]
            place = i
            while place >= gap and keys[place - gap] < key:
                keys[place] = keys[place - gap]
                place -= gap
            keys[place] = key


@numba.njit(nogil=True, cache=True)
def select(keys: Keys, k: int, histogram: npt.NDArray[np.int32]) -> int:
    """Bring the ``k`` largest keys (or all there are) to the front, largest first; returns how many.

    ``histogram`` (`BINS`,) is scratch. The bits of the keys are counted from the top until the boundary is known to
    within a few keys: what is sorted is hardly more than what was asked for.
    """
    if keys.size > k + _FEW:
        least = np.uint64(0)  # every key of the k largest is at least this
        wanted, shift = k, 64
        for key in keys:
            least = max(least, key)
        most, least = int(least >> np.uint64(64 - _BITS)) + 1, np.uint64(0)
        while shift >= _BITS:
            above = np.uint64(shift)
            shift -= _BITS
            below = np.uint64(shift)
            histogram[:most] = 0
            for key in keys:
                if above == np.uint64(64) or (key >> above) == (least >> above):
                    histogram[(key >> below) & np.uint64(BINS - 1)] += 1
            cut = most
            most = BINS
            while wanted > 0:
                cut -= 1
                wanted -= histogram[cut]
            least |= np.uint64(cut) << below
            if wanted >= -_FEW:
                break
            wanted += histogram[cut]
        n_kept = 0
        for i in range(keys.size):
            if keys[i] >= least:
                keys[n_kept], keys[i] = keys[i], keys[n_kept]
                n_kept += 1
        sort_descending(keys[:n_kept])
        return k
    sort_descending(keys)
    return min(k, keys.size)


@numba.njit(nogil=True, cache=True)
def keys_of(scores: npt.NDArray[np.float64], keys: Keys) -> int:
    """Keys of the scores above 0 in float32, ties by their places; returns how many."""
    n_keys = 0
    for i in range(scores.size):
        score = np.float32(scores[i])
        if score > 0.0:
            keys[n_keys] = key_of(score, i)
            n_keys += 1
    return n_keys


@numba.njit(nogil=True, cache=True)
def unpack(keys: Keys, ties: npt.NDArray[np.int64], values: npt.NDArray[np.float32]) -> None:
    """Write tie numbers and values of all keys; what is left of the places is -1 and 0."""
    for i in range(keys.size):
        ties[i] = tie_of(keys[i])
        values[i] = value_of(keys[i])
    ties[keys.size :] = -1
    values[keys.size :] = 0.0


@numba.njit(nogil=True, cache=True)
def best_of(
    scores: npt.NDArray[np.float64],
    keys: Keys,
    histogram: npt.NDArray[np.int32],
    places: npt.NDArray[np.int64],
    values: npt.NDArray[np.float32],
) -> None:
    """Fill ``places`` and ``values`` with the largest of ``scores`` above 0; ``keys`` (scores.size,) is scratch."""
    n_keys = keys_of(scores, keys)
    n_best = select(keys[:n_keys], places.size, histogram)
    unpack(keys[:n_best], places, values)
