"""SuperMinHash: an element gives every slot one of the ranks 0 … num_perm - 1, and a random fraction.

Layout   sets are CSR rows; signatures are C-contiguous uint32 (n_sets, num_perm): rank · unit + fraction, where unit is
         2**32 / num_perm rounded down.
Threads  a range of sets per call and one writer per row: bytes do not depend on ranges or threads.
Limits   elements are taken modulo 2**64; a fraction has 32 - log2(num_perm) bits.

Source: Ertl, arXiv:1706.05698, algorithm 2. Ranks are dealt in ascending order, and dealing stops at the first rank
that no slot would take: a histogram of the slots' ranks knows it.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from clustering.kernels.sketching import EMPTY, NEVER_EMPTY
from foundation.kernels.splitmix import hash2

_S32, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


@numba.njit(nogil=True, cache=True)
def sketch_ranked(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    key: np.uint64,
    start: int,
    stop: int,
    out: npt.NDArray[np.uint32],
) -> None:
    """``out[i - start]`` becomes the signature of set i, for i in [start, stop)."""
    n_slots = out.shape[1]
    unit = np.uint64((1 << 32) // n_slots)
    dealt, dealt_for = np.empty(n_slots, dtype=np.int64), np.full(n_slots, -1, dtype=np.int64)
    n_of_rank = np.empty(n_slots, dtype=np.int64)
    for i in range(start, stop):
        row = out[i - start]
        row[:] = EMPTY
        n_of_rank[:] = 0
        n_of_rank[n_slots - 1] = n_slots
        highest = n_slots - 1  # rank of the slot that has the highest one; empty slots count as if they had the last
        for at in range(indptr[i], indptr[i + 1]):
            element = hash2(key, np.uint64(indices[at]))
            rank = np.int64(0)
            while rank <= highest:
                word = hash2(element, np.uint64(rank))
                other = rank + np.int64(((word & _LOW) * np.uint64(n_slots - rank)) >> _S32)
                for place in (rank, other):
                    if dealt_for[place] != at:
                        dealt_for[place], dealt[place] = at, place
                dealt[rank], dealt[other] = dealt[other], dealt[rank]
                slot = dealt[rank]
                value = np.uint64(rank) * unit + (((word >> _S32) * unit) >> _S32)
                value = min(value, np.uint64(NEVER_EMPTY))
                if value < np.uint64(row[slot]):
                    before = min(np.int64(np.uint64(row[slot]) // unit), n_slots - 1)
                    row[slot] = np.uint32(value)
                    if rank < before:
                        n_of_rank[before] -= 1
                        n_of_rank[rank] += 1
                        while n_of_rank[highest] == 0:
                            highest -= 1
                rank += 1
