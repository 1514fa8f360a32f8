"""Keys to small consecutive codes, in order of first appearance.

Layout   a key is a pair of uint64 (``keys[i]``, ``checks[i]``); ``known`` holds the key of every code as
         (capacity, 2); ``slots`` is an open-addressed table of codes, a power of two long, -1 where empty.
Threads  single-threaded: codes depend on the order of the keys alone.
Limits   fewer than 2**31 codes; at most half of the slots are ever taken.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def intern_keys(
    keys: npt.NDArray[np.uint64],
    checks: npt.NDArray[np.uint64],
    start: int,
    slots: npt.NDArray[np.int32],
    known: npt.NDArray[np.uint64],
    n_known: int,
    codes: npt.NDArray[np.int32],
    fresh: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """Code the keys from ``start`` on; ``fresh[code]`` becomes the position where a new code was met.

    Returns the position and the number of codes reached: short of the end when the table is half full.
    """
    mask = np.uint64(slots.size - 1)
    for position in range(start, keys.size):
        slot = keys[position] & mask
        code = slots[slot]
        while code >= 0 and (known[code, 0] != keys[position] or known[code, 1] != checks[position]):
            slot = (slot + np.uint64(1)) & mask
            code = slots[slot]
        if code < 0:
            if 2 * n_known >= slots.size:
                return position, n_known
            code = np.int32(n_known)
            slots[slot] = code
            known[n_known, 0] = keys[position]
            known[n_known, 1] = checks[position]
            fresh[n_known] = position
            n_known += 1
        codes[position] = code
    return keys.size, n_known


@numba.njit(nogil=True, cache=True)
def fill_slots(known: npt.NDArray[np.uint64], n_known: int, slots: npt.NDArray[np.int32]) -> None:
    """Enter codes 0 … n_known - 1 into empty ``slots``."""
    mask = np.uint64(slots.size - 1)
    for code in range(n_known):
        slot = known[code, 0] & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = np.int32(code)
