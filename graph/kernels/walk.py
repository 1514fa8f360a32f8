"""Random walks that stop by chance, counted at every node they visit.

Layout   CSR rows, with the aliases of `graph.kernels.alias` (empty when every arc weighs 1). Walks are drawn in order
         of (row, walk), as many at a time as there are slots, and advance together. A call appends rows to
         ``nodes``/``counts``, each with the most visited node first, ties in order of the first visit, and continues
         the running total ``indptr_out`` from its first element.
Threads  single-threaded over rows; random words are keyed by (row's key, walk, step): bytes do not depend on the range.
Limits   node rows fit int32 and a count stays below 2**31: the caller bounds walks times steps.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.splitmix import hash2
from graph.kernels.step import TOGETHER, step_all
from graph.kernels.visits import count_visits, finish_row

_ONE = np.uint64(1)
_NONE = np.uint64(0)
_GUIDE = np.uint64(54)  # the upper 10 bits of a word


@numba.njit(nogil=True, cache=True)
def _steps(word: np.uint64, survival: npt.NDArray[np.uint64], guide: npt.NDArray[np.int32]) -> int:
    """Length of a walk: the number of thresholds above ``word``; ``guide`` knows how many are for certain."""
    steps = int(guide[word >> _GUIDE])
    while steps < survival.size and word < survival[steps]:
        steps += 1
    return steps


@numba.njit(nogil=True, cache=True)
def _advance(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    aliases: npt.NDArray[np.uint64],
    n_longer: npt.NDArray[np.int64],
    at: npt.NDArray[np.int32],
    words: npt.NDArray[np.uint64],
    places: npt.NDArray[np.int64],
    arcs: npt.NDArray[np.int64],
    coins: npt.NDArray[np.uint64],
    path: npt.NDArray[np.int32],
) -> None:
    """Walk to the end; the longest walks come first, and ``n_longer[s]`` of them take more than ``s`` steps.

    So `TOGETHER` of them that stand side by side are about equally long: none waits for the others.
    """
    for start in range(0, n_longer[0], TOGETHER):
        step = 0
        while n_longer[step] > start:
            stop = min(n_longer[step], start + TOGETHER)
            going = min(max(n_longer[step + 1], start), stop)
            step_all(indptr, indices, aliases, at, words, places, step, start, going, stop, arcs, coins, path)
            step += 1


@numba.njit(nogil=True, cache=True)
def walk_counts(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    aliases: npt.NDArray[np.uint64],
    survival: npt.NDArray[np.uint64],
    guide: npt.NDArray[np.int32],
    walks: npt.NDArray[np.int32],
    keys: npt.NDArray[np.uint64],
    key: np.uint64,
    max_entries: int,
    start: int,
    stop: int,
    steps: npt.NDArray[np.int64],
    drawn: npt.NDArray[np.uint64],
    origin: npt.NDArray[np.int32],
    at: npt.NDArray[np.int32],
    words: npt.NDArray[np.uint64],
    places: npt.NDArray[np.int64],
    arcs: npt.NDArray[np.int64],
    coins: npt.NDArray[np.uint64],
    n_longer: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    path: npt.NDArray[np.int32],
    table: npt.NDArray[np.uint64],
    ranks: npt.NDArray[np.int64],
    found: npt.NDArray[np.int32],
    often: npt.NDArray[np.uint64],
    indptr_out: npt.NDArray[np.int64],
    filled: int,
    nodes: npt.NDArray[np.int32],
    counts: npt.NDArray[Any],
    cut: npt.NDArray[np.int64],
) -> int:
    """Walk from the rows ``[start, stop)`` until the output or ``table`` is full; returns the first row not done.

    ``survival[t]`` is 2**64 times the chance of more than ``t`` steps, ``guide`` as `_steps` reads it. Row ``v`` takes
    ``walks[v]`` walks, ``walks[0]`` when it has one element, keyed by ``keys[v]``, by ``v`` when that is empty. From
    ``steps`` to ``coins`` one element per slot; ``n_longer`` two more than ``survival``; ``path`` holds at least one
    walk; ``table`` is a power of two of zeros, on return too, ``found`` and ``often`` one more than half of
    it. ``filled`` entries are in the output already. ``cut[row - start]`` becomes the number of visits dropped by
    ``max_entries``.
    """
    shift, size = np.uint64(64), table.size
    while size > 1:
        size >>= 1
        shift -= _ONE
    row, walk, row_key = start, 0, key
    done, n_found = start, 0
    while done < stop:
        # Draw walks, in order, until the slots or the path are full.
        n_drawn, n_ends, used, longest = 0, 0, 0, 0
        while row < stop and n_drawn < at.size and n_ends < ends.size:
            n_walks = walks[row] if walks.size > 1 else walks[0]
            if walk == n_walks or indptr[row] == indptr[row + 1]:
                ends[n_ends] = used
                n_ends += 1
                row += 1
                walk = 0
                continue
            if walk == 0:
                row_key = hash2(key, keys[row] if keys.size > 0 else np.uint64(row))
            word = hash2(row_key, np.uint64(walk))
            n_steps = _steps(word, survival, guide)
            if used + n_steps > path.size:
                break
            steps[n_drawn] = n_steps
            drawn[n_drawn] = word
            origin[n_drawn] = row
            longest = max(longest, n_steps)
            used += n_steps
            n_drawn += 1
            walk += 1
        # The longest first: then those that walk on are always the first ones.
        n_longer[: longest + 2] = 0
        for i in range(n_drawn):
            n_longer[steps[i]] += 1
        longer = 0
        for length in range(longest, -1, -1):
            size = n_longer[length]
            n_longer[length] = longer
            longer += size
        place = 0
        for i in range(n_drawn):
            slot = n_longer[steps[i]]
            n_longer[steps[i]] = slot + 1
            at[slot] = origin[i]
            words[slot] = drawn[i]
            places[slot] = place
            place += steps[i]
        # Each element now counts the walks of at least its length: one further on, it counts those that are longer.
        for length in range(longest + 1):
            n_longer[length] = n_longer[length + 1]
        _advance(indptr, indices, aliases, n_longer, at, words, places, arcs, coins, path)
        # Count them, row by row; the last one may go on among the next walks.
        place = 0
        for i in range(n_ends + 1):
            end = ends[i] if i < n_ends else used
            fits = n_found + end - place < found.size
            if fits:
                n_found = count_visits(path[place:end], table, shift, found, n_found)
                place = end
                if i == n_ends:
                    break
                fits = filled + n_found <= nodes.size
            if not fits:
                for j in range(n_found):
                    table[found[j]] = _NONE
                return done
            finish_row(table, found, n_found, often, ranks, nodes[filled:], counts[filled:])
            dropped = np.int64(0)
            for j in range(filled + max_entries, filled + n_found):
                dropped += counts[j]
            cut[done - start] = dropped
            filled += min(n_found, max_entries)
            n_found = 0
            indptr_out[done - start + 1] = filled
            done += 1
    return stop
