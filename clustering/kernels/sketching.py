"""Minhash signatures and their comparison.

Layout   sets are CSR rows (``indptr`` int64, ``indices`` int32 or int64); signatures are C-contiguous uint32
         (n_sets, num_perm).
Threads  a range of sets per call and one writer per row: bytes do not depend on ranges or threads.
Limits   elements are taken modulo 2**64; below 2**32 no two of them mix to the same word.

All arithmetic is modulo 2**32. numba widens uint32 · uint32 to uint64, so every product and sum is cut
back by ``np.uint32``, which also lets the loop over slots run on 32-bit vector lanes.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

# No hash of an element exceeds NEVER_EMPTY, so EMPTY marks exactly the sets without elements.
EMPTY = np.uint32(2**32 - 1)
NEVER_EMPTY = np.uint32(2**32 - 2)

_S16, _S13, _S32 = np.uint32(16), np.uint32(13), np.uint64(32)
# murmur3's 32-bit finaliser (Appleby), a bijection; the third number folds the high half of 64-bit ids.
_MIX1, _MIX2, _FOLD = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35), np.uint32(0x9E3779B1)


@numba.njit(nogil=True, cache=True, inline="always")
def mix32(element: int, salt: np.uint32) -> np.uint32:
    """Scramble an element to 32 bits; a bijection of [0, 2**32) for every salt."""
    wide = np.uint64(element)
    x = np.uint32(np.uint32(wide) ^ np.uint32(np.uint32(wide >> _S32) * _FOLD) ^ salt)
    x = np.uint32((x ^ (x >> _S16)) * _MIX1)
    x = np.uint32((x ^ (x >> _S13)) * _MIX2)
    return np.uint32(x ^ (x >> _S16))


@numba.njit(nogil=True, cache=True)
def sketch_sets(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    salt: np.uint32,
    multipliers: npt.NDArray[np.uint32],
    addends: npt.NDArray[np.uint32],
    start: int,
    stop: int,
    out: npt.NDArray[np.uint32],
) -> None:
    """``out[i - start]`` becomes the signature of set i, for i in [start, stop).

    Four elements go through a slot at a time, which saves three of four reads and writes of the minima; a
    set's last element stands in for those missing from the last four.
    """
    for i in range(start, stop):
        row = out[i - start]
        element, last = indptr[i], indptr[i + 1] - 1
        row[:] = EMPTY if last < element else NEVER_EMPTY
        while element <= last:
            x0 = mix32(indices[element], salt)
            x1 = mix32(indices[min(element + 1, last)], salt)
            x2 = mix32(indices[min(element + 2, last)], salt)
            x3 = mix32(indices[min(element + 3, last)], salt)
            for slot in range(multipliers.size):
                a, b = multipliers[slot], addends[slot]
                low = min(np.uint32(a * x0 + b), np.uint32(a * x1 + b))
                high = min(np.uint32(a * x2 + b), np.uint32(a * x3 + b))
                row[slot] = min(row[slot], min(low, high))
            element += 4


@numba.njit(nogil=True, cache=True)
def count_equal_slots(left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], out: npt.NDArray[np.int32]) -> None:
    """``out[i, j]`` becomes how many slots signatures ``left[i]`` and ``right[j]`` share, 0 when either is empty."""
    for i in range(left.shape[0]):
        for j in range(right.shape[0]):
            equal = np.int32(0)
            if left[i, 0] != EMPTY:
                for slot in range(left.shape[1]):
                    equal += np.int32(left[i, slot] == right[j, slot])
            out[i, j] = equal
