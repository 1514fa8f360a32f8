"""Visits counted in a small hash table, and taken out of it with the most visited node first.

Layout   a slot of ``table``, a power of two of them, holds node + 1 above and its count below, or 0; collisions move on
         to the next slot. ``found`` lists the slots in use, in the order in which they were taken.
Threads  single-threaded; the table belongs to one thread.
Limits   node rows fit int32 and counts stay below 2**31; the caller keeps the table half empty.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

_LARGEST = np.int64(2**31 - 1)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_NONE = np.uint64(0)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: multiplicative hashing


@numba.njit(nogil=True, cache=True)
def _sort(values: npt.NDArray[np.int64]) -> None:
    """Ascending, in place. Shell sort: it is seldom called, and compiles in a fifth of the time of ``sort``."""
    size = values.size
    gap = size
    while gap > 1:
        gap = max(1, gap * 5 // 11)
        for i in range(gap, size):
            value = values[i]
            place = i
            while place >= gap and values[place - gap] > value:
                values[place] = values[place - gap]
                place -= gap
            values[place] = value


@numba.njit(nogil=True, cache=True)
def count_visits(
    path: npt.NDArray[np.int32],
    table: npt.NDArray[np.uint64],
    shift: np.uint64,
    found: npt.NDArray[np.int32],
    n_found: int,
) -> int:
    """Add the visits of ``path`` to ``table``, of 2**(64 - shift) slots; returns ``n_found``. -1 is no visit."""
    mask = np.uint64(table.size - 1)
    for i in range(path.size):
        if path[i] < 0:
            continue
        node = np.uint64(path[i]) + _ONE
        slot = (node * _SPREAD) >> shift
        entry = table[slot]
        while entry != _NONE and entry >> _HALF != node:
            slot = (slot + _ONE) & mask
            entry = table[slot]
        found[n_found] = np.int32(slot)
        n_found += entry == _NONE
        table[slot] = (entry | (node << _HALF)) + _ONE
    return n_found


@numba.njit(nogil=True, cache=True)
def finish_row(
    table: npt.NDArray[np.uint64],
    found: npt.NDArray[np.int32],
    n_found: int,
    often: npt.NDArray[np.uint64],
    ranks: npt.NDArray[np.int64],
    nodes: npt.NDArray[np.int32],
    counts: npt.NDArray[Any],
) -> None:
    """Empty ``table``: its nodes in order. Most were visited once: they are set apart, and the others sorted."""
    n_often, n_once = 0, 0
    for i in range(n_found):
        entry = table[found[i]]
        once = entry & _LOW == _ONE
        nodes[n_once] = np.int32(np.uint32(entry >> _HALF) - np.uint32(1))
        often[n_often] = entry
        n_once += once
        n_often += not once
    for i in range(n_found):  # after all reads: a write between them would hold up reads of the same offset in a page
        table[found[i]] = _NONE
    for i in range(n_once - 1, -1, -1):
        nodes[n_often + i] = nodes[i]
    counts[n_often:n_found] = 1
    top = np.int64(0)
    for i in range(n_often):
        top = max(top, np.int64(often[i] & _LOW))
    if top >= ranks.size:
        order = np.empty(n_often, dtype=np.int64)
        for i in range(n_often):
            order[i] = ((_LARGEST - np.int64(often[i] & _LOW)) << 32) | i
        _sort(order)
        for rank in range(n_often):
            entry = often[order[rank] & _LARGEST]
            nodes[rank] = np.int32(np.int64(entry >> _HALF) - 1)
            counts[rank] = np.int64(entry & _LOW)
        return
    ranks[: top + 1] = 0
    for i in range(n_often):
        ranks[np.int64(often[i] & _LOW)] += 1
    before = np.int64(0)
    for common in range(top, 1, -1):
        size = ranks[common]
        ranks[common] = before
        before += size
    for i in range(n_often):
        count = np.int64(often[i] & _LOW)
        rank = ranks[count]
        ranks[count] = rank + 1
        nodes[rank] = np.int32(np.int64(often[i] >> _HALF) - 1)
        counts[rank] = count
