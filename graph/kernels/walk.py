"""Random walks that stop by chance, counted at every node they visit.

Layout   CSR rows; ``cumulative`` is empty when every arc weighs 1, else the running weight within each row.
         A call appends rows to ``nodes``/``counts``, each with the most visited node first, ties by node, and
         continues the running total ``indptr_out`` from its first element.
Threads  single-threaded over rows; random words are keyed by (row, walk, step), so bytes do not depend on the range.
Limits   node rows fit int32 and a count stays below 2**31: the caller bounds walks times steps.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.splitmix import hash2, uniform01

_LARGEST = np.int64(2**31 - 1)
_BELOW_ONE = 1.0 - 2.0**-53  # times any x > 0 it rounds below x: an arc of weight 0 is never walked


@numba.njit(nogil=True, cache=True)
def row_cumulative(
    indptr: npt.NDArray[np.int64], weights: npt.NDArray[np.float32], out: npt.NDArray[np.float64]
) -> None:
    """``out[arc]`` becomes the weight of its row up to and including ``arc``."""
    for row in range(indptr.size - 1):
        total = 0.0
        for arc in range(indptr[row], indptr[row + 1]):
            total += weights[arc]
            out[arc] = total


@numba.njit(nogil=True, cache=True)
def _sort(values: npt.NDArray[np.int64]) -> None:
    """Ascending, in place. Shell sort: it is a few hundred values, and compiles in a fifth of the time of ``sort``."""
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
def walk_counts(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    cumulative: npt.NDArray[np.float64],
    damping: float,
    max_steps: int,
    max_entries: int,
    key: np.uint64,
    start: int,
    stop: int,
    at: npt.NDArray[np.int32],
    word: npt.NDArray[np.uint64],
    visits: npt.NDArray[np.uint32],
    found: npt.NDArray[np.int64],
    indptr_out: npt.NDArray[np.int64],
    nodes: npt.NDArray[np.int32],
    counts: npt.NDArray[np.uint32],
    cut: npt.NDArray[np.int64],
) -> int:
    """Walk ``at.size`` times from each row until the output is full; returns the first row not done.

    ``visits`` (n_nodes) is zero on entry and on return; ``found`` and the output hold at least what one row can visit.
    The start of a walk is not counted. ``cut[row - start]`` is the number of visits dropped by ``max_entries``.
    All walks of a row advance together, so that their memory accesses do not wait for one another.
    """
    weighted = cumulative.size > 0
    filled = 0
    for row in range(start, stop):
        row_key = hash2(key, np.uint64(row))
        n_walking = at.size
        for walk in range(n_walking):
            at[walk] = row
            word[walk] = hash2(row_key, np.uint64(walk))
        n_found = 0
        step = 0
        while n_walking > 0 and step < max_steps:
            kept = 0
            for walk in range(n_walking):
                chance = uniform01(hash2(word[walk], np.uint64(step)))
                first, last = indptr[at[walk]], indptr[at[walk] + 1]
                if chance >= damping or first == last:
                    continue
                chance = min(chance / damping, _BELOW_ONE)  # of a walk that goes on: uniform in [0, 1) again
                if weighted:
                    if cumulative[last - 1] == 0.0:
                        continue
                    target = chance * cumulative[last - 1]
                    low, high = first, last - 1
                    while low < high:
                        middle = (low + high) >> 1
                        if cumulative[middle] > target:
                            high = middle
                        else:
                            low = middle + 1
                else:
                    low = first + np.int64(chance * (last - first))
                node = indices[low]
                if visits[node] == 0:
                    found[n_found] = node
                    n_found += 1
                visits[node] += np.uint32(1)
                at[kept] = node
                word[kept] = word[walk]
                kept += 1
            n_walking = kept
            step += 1
        for i in range(n_found):
            node = found[i]
            found[i] = ((_LARGEST - np.int64(visits[node])) << 32) | node
            visits[node] = 0
        n_kept = min(n_found, max_entries)
        if filled + n_kept > nodes.size:
            return row
        _sort(found[:n_found])
        dropped = 0
        for i in range(n_found):
            count = _LARGEST - (found[i] >> 32)
            if i < n_kept:
                nodes[filled + i] = found[i] & _LARGEST
                counts[filled + i] = count
            else:
                dropped += count
        filled += n_kept
        indptr_out[row - start + 1] = indptr_out[0] + filled
        cut[row - start] = dropped
    return stop
