"""The nearest so far: a heap of float32 keys with their ids, the largest first.

Layout   ``keys`` and ``ids`` of one length, of which the first ``n`` are used; of equal keys the larger id is larger.
Threads  no shared state.
Limits   keys are not NaN; ids fit int32.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.below import first_bit
from vectors.kernels.spann_blocks import LANES, lanes_equal

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]


@numba.njit(nogil=True, cache=True, inline="always")
def _is_larger(key: np.float32, id: int, other: np.float32, other_id: int) -> bool:
    return bool(key > other or (key == other and id > other_id))


@numba.njit(nogil=True, cache=True)
def _sink(keys: Float32s, ids: Int32s, n: int, at: int, key: np.float32, id: int) -> None:
    """Put (key, id) at ``at`` or below it."""
    while True:
        child = 2 * at + 1
        if child >= n:
            break
        if child + 1 < n and _is_larger(keys[child + 1], ids[child + 1], keys[child], ids[child]):
            child += 1
        if not _is_larger(keys[child], ids[child], key, id):
            break
        keys[at], ids[at] = keys[child], ids[child]
        at = child
    keys[at], ids[at] = key, id


@numba.njit(nogil=True, cache=True)
def push(keys: Float32s, ids: Int32s, n: int, key: np.float32, id: int) -> int:
    """Add one, in place of the largest when all are used and it is smaller; returns how many are used."""
    if n == keys.size:
        if n > 0 and _is_larger(keys[0], ids[0], key, id):
            _sink(keys, ids, n, 0, key, id)
        return n
    at = n
    while at > 0:
        parent = (at - 1) // 2
        if not _is_larger(key, id, keys[parent], ids[parent]):
            break
        keys[at], ids[at] = keys[parent], ids[parent]
        at = parent
    keys[at], ids[at] = key, id
    return n + 1


@numba.njit(nogil=True, cache=True)
def push_once(keys: Float32s, ids: Int32s, n: int, key: np.float32, id: int) -> int:
    """As `push`, for an id that may be there: then it keeps the smaller key.

    ``ids`` has room for a multiple of 16, -1 behind the first ``n``.
    """
    for first in range(0, n, LANES):
        mask = lanes_equal(ids, first, np.int32(id))
        if mask != 0:
            at = first + first_bit(np.uint64(mask))
            if key < keys[at]:
                _sink(keys, ids, n, at, key, id)
            return n
    return push(keys, ids, n, key, id)


@numba.njit(nogil=True, cache=True)
def sort_heap(keys: Float32s, ids: Int32s, n: int) -> None:
    """Smallest first, by (key, id)."""
    for last in range(n - 1, 0, -1):
        key, id = keys[last], ids[last]
        keys[last], ids[last] = keys[0], ids[0]
        _sink(keys, ids, last, 0, key, id)
