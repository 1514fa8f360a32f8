"""Minhash signatures and their comparison.

Layout   sets are CSR rows (``indptr`` int64, ``indices`` int32, int64 or uint32); signatures are C-contiguous uint32
         (n_sets, num_perm); ``lanes`` (see `foundation.kernels.words`) are of at most num_perm words.
Threads  a range of sets per call and one writer per row: bytes do not depend on ranges, threads or ``lanes``.
Limits   elements are taken modulo 2**64; below 2**32 no two of them mix to the same word.

All arithmetic is modulo 2**32. numba widens uint32 · uint32 to uint64, so every product and sum is cut
back by ``np.uint32``, which also lets the loop over slots run on 32-bit vector lanes.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.words import least_hashes, width_of

# No hash of an element exceeds NEVER_EMPTY, so EMPTY marks exactly the sets without elements.
EMPTY = np.uint32(2**32 - 1)
NEVER_EMPTY = np.uint32(2**32 - 2)

_WINDOW = 1024  # mixed elements at a time: 4 kB, a twelfth of a first-level cache

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
    indices: npt.NDArray[Any],
    salt: np.uint32,
    multipliers: npt.NDArray[np.uint32],
    addends: npt.NDArray[np.uint32],
    include_self: bool,
    start: int,
    stop: int,
    lanes: Any,
    out: npt.NDArray[np.uint32],
) -> None:
    """``out[i - start]`` becomes the signature of set i, for i in [start, stop); ``include_self`` adds i to it.

    Elements are mixed `_WINDOW` at a time, those of many small sets together, and meet the slots block by block. The
    last block of slots ends where the row does, so that it overlaps the one before.
    """
    width, n_slots = width_of(lanes), multipliers.size
    window = np.empty(_WINDOW + 1, dtype=np.uint32)  # behind the elements there is room for the set's own number
    opened = closed = indptr[start]
    for i in range(start, stop):
        row = out[i - start]
        at, last = indptr[i], indptr[i + 1]
        alone = include_self
        row[:] = NEVER_EMPTY if alone or at < last else EMPTY
        while alone or at < last:
            if alone:
                first, n, alone = _WINDOW, 1, False
                window[first] = mix32(i, salt)
            else:
                if at >= closed:
                    opened, closed = at, min(at + _WINDOW, indptr[stop])
                    part = indices[opened:closed]
                    for j in range(part.size):
                        window[j] = mix32(part[j], salt)
                first, n = at - opened, min(last, closed) - at
                at += n
            for block in range(0, n_slots, width):
                least_hashes(lanes, multipliers, addends, min(block, n_slots - width), window, first, n, row)


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
