"""Random walks of a fixed length: first order, and second order as in node2vec.

Second order draws by rejection: a step of first order is kept with a chance that depends on the node before. Returning,
where that is likelier than anything else, is set apart. Source: Yang et al., KnightKing, SOSP 2019.

Layout   CSR rows, ascending, with the aliases of `graph.kernels.alias` (empty when every arc weighs 1). Walk ``w`` of
         row ``v`` is row ``(v - start) * n_walks + w`` of ``out``, flat, int32; -1 after a node that cannot be left.
Threads  single-threaded over rows; random words are keyed by (row, walk, step): bytes do not depend on the range.
Limits   as `graph.kernels.step`.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.simd import prefetch_element
from foundation.kernels.splitmix import hash2, mix64, uniform01
from foundation.kernels.wide import step_word
from graph.kernels.step import TOGETHER, choose_one, exchange_one, step_all

TRIES = 31  # of a step; the law of the whole row is worked out when all are rejected


@numba.njit(nogil=True, cache=True)
def first_order(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    aliases: npt.NDArray[np.uint64],
    key: np.uint64,
    n_walks: int,
    length: int,
    start: int,
    stop: int,
    out: npt.NDArray[np.int32],
) -> None:
    """Walks of ``length`` nodes from the rows ``[start, stop)``."""
    at, words = np.empty(TOGETHER, dtype=np.int32), np.empty(TOGETHER, dtype=np.uint64)
    places, arcs = np.empty(TOGETHER, dtype=np.int64), np.empty(TOGETHER, dtype=np.int64)
    coins = np.empty(TOGETHER, dtype=np.uint64)
    total = (stop - start) * n_walks
    for first in range(0, total, TOGETHER):
        size = min(TOGETHER, total - first)
        for i in range(size):
            row = start + (first + i) // n_walks
            at[i] = row
            words[i] = hash2(hash2(key, np.uint64(row)), np.uint64((first + i) % n_walks))
            places[i] = (first + i) * length + 1
            out[(first + i) * length] = row
        for step in range(length - 1):
            step_all(indptr, indices, aliases, at, words, places, step, 0, size, size, arcs, coins, out)


@numba.njit(nogil=True, cache=True)
def _find(
    indices: npt.NDArray[Any],
    low: npt.NDArray[np.int64],
    high: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.int32],
    size: int,
) -> None:
    """``low[i]`` becomes the first place in ``[low[i], high[i])`` that is not below ``wanted[i]``, or ``high[i]``."""
    searching = size > 0
    while searching:
        searching = False
        for i in range(size):
            if low[i] < high[i]:
                middle = (low[i] + high[i]) >> 1
                below = indices[middle] < wanted[i]
                low[i] = middle + 1 if below else low[i]
                high[i] = high[i] if below else middle
                prefetch_element(indices, (low[i] + high[i]) >> 1)
                searching = True


@numba.njit(nogil=True, cache=True)
def _whole_row(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: npt.NDArray[np.float32],
    node: int,
    before: int,
    back: float,
    beside: float,
    away: float,
    chance: float,
) -> int:
    """The arc from ``node`` that ``chance`` falls on, by the law of the whole row; it has one with weight."""
    total, target, chosen = 0.0, np.inf, -1
    for sweep in range(2):
        if sweep == 1:
            target = chance * total
            total = 0.0
        other, end = indptr[before], indptr[before + 1]
        for arc in range(indptr[node], indptr[node + 1]):
            while other < end and indices[other] < indices[arc]:
                other += 1
            factor = beside if other < end and indices[other] == indices[arc] else away
            if indices[arc] == before:
                factor = back
            weight = factor * (weights[arc] if weights.size > 0 else 1.0)
            total += weight
            if sweep == 1 and weight > 0.0:
                chosen = arc
                if total > target:
                    return chosen
    return chosen


@numba.njit(nogil=True, cache=True)
def second_order(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    aliases: npt.NDArray[np.uint64],
    weights: npt.NDArray[np.float32],
    totals: npt.NDArray[np.float64],
    back: float,
    away: float,
    key: np.uint64,
    n_walks: int,
    length: int,
    start: int,
    stop: int,
    out: npt.NDArray[np.int32],
) -> None:
    """Walks of ``length`` nodes, ≥ 2, from the rows ``[start, stop)``; without weights these and ``totals`` are empty.

    A step from v, come from t, to x has the weight of the arc times ``back`` when x is t, 1 when an arc leads from t to
    x, else ``away``. Every round tries one step of every walk; a walk that ends makes room for the next.
    """
    most = max(1.0, away)  # of all but the way back
    least = min(1.0, away) / most
    surplus = max(0.0, back - most)
    kept_back = min(back, most) / most
    size = TOGETHER
    walk_of, step, tries = (
        np.empty(size, dtype=np.int64),
        np.empty(size, dtype=np.int64),
        np.empty(size, dtype=np.int64),
    )
    arcs, low, high = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
    asking, coins, words = (
        np.empty(size, dtype=np.int64),
        np.empty(size, dtype=np.uint64),
        np.empty(size, dtype=np.uint64),
    )
    at, before = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    found, wanted = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    chances = np.empty(size)
    returning = np.empty(size)  # the chance that a step is set apart as the way back
    weighted = aliases.size > 0
    total = (stop - start) * n_walks
    n_begun, n_walking = 0, 0
    while True:
        while n_walking < size and n_begun < total:
            row = start + n_begun // n_walks
            out[n_begun * length] = row
            walk_of[n_walking], step[n_walking], tries[n_walking] = n_begun, 1, 0
            at[n_walking], before[n_walking], returning[n_walking] = row, row, 0.0
            words[n_walking] = hash2(hash2(key, np.uint64(row)), np.uint64(n_begun % n_walks))
            n_walking += 1
            n_begun += 1
        if n_walking == 0:
            return
        for i in range(n_walking):
            word = step_word(words[i], np.uint64(step[i] * (TRIES + 1) + tries[i]))
            arcs[i], coins[i] = choose_one(indptr, indices, aliases, at[i], word)
            chances[i] = uniform01(mix64(word))
        if weighted:
            for i in range(n_walking):
                arcs[i] = exchange_one(indices, aliases, arcs[i], coins[i])
        # Keep, reject, or ask whether an arc leads from the node before.
        n_asking = 0
        for i in range(n_walking):
            chance = chances[i]
            if arcs[i] < 0:
                found[i] = -2
                continue
            node = indices[arcs[i]]
            if step[i] == 1:
                found[i] = node
            elif chance < returning[i]:
                found[i] = before[i]
            else:
                chance = (chance - returning[i]) / (1.0 - returning[i])
                if node == before[i]:
                    found[i] = node if chance < kept_back else -1
                elif chance < least:
                    found[i] = node
                else:
                    found[i] = node
                    asking[n_asking] = i
                    wanted[n_asking] = node
                    low[n_asking], high[n_asking] = indptr[before[i]], indptr[before[i] + 1]
                    prefetch_element(indices, (low[n_asking] + high[n_asking]) >> 1)
                    n_asking += 1
        _find(indices, low, high, wanted, n_asking)
        for j in range(n_asking):
            i = asking[j]
            beside = low[j] < indptr[before[i] + 1] and indices[low[j]] == wanted[j]
            if beside != (away <= 1.0):  # the chance exceeds that of the lighter kind
                found[i] = -1
        # Write what was kept; close up what ended.
        n_asking = 0
        kept = 0
        for i in range(n_walking):
            node = np.int64(found[i])
            tried = tries[i] + 1
            if node == -1 and tried == TRIES:
                chance = uniform01(step_word(words[i], np.uint64(step[i] * (TRIES + 1) + TRIES)))
                arc = _whole_row(indptr, indices, weights, at[i], before[i], back, 1.0, away, chance)
                node = np.int64(indices[arc])
            place = walk_of[i] * length
            if node == -2:
                out[place + step[i] : place + length] = -1
                continue
            came, now, done, share = before[i], at[i], step[i], returning[i]
            if node >= 0:
                out[place + done] = node
                came, now = now, np.int32(node)
                done += 1
                tried = 0
                share = 0.0
                prefetch_element(indptr, node)
                if done == length:
                    continue
                if surplus > 0.0:
                    asking[n_asking] = kept
                    n_asking += 1
            walk_of[kept], words[kept], tries[kept], step[kept] = walk_of[i], words[i], tried, done
            before[kept], at[kept], returning[kept] = came, now, share
            kept += 1
        n_walking = kept
        if n_asking > 0:
            for j in range(n_asking):
                i = asking[j]
                wanted[j], low[j], high[j] = before[i], indptr[at[i]], indptr[at[i] + 1]
                prefetch_element(indices, (low[j] + high[j]) >> 1)
            _find(indices, low, high, wanted, n_asking)
            for j in range(n_asking):
                i = asking[j]
                end = indptr[at[i] + 1]
                weight, arc = 0.0, low[j]
                while arc < end and indices[arc] == before[i]:
                    weight += weights[arc] if weights.size > 0 else 1.0
                    arc += 1
                whole = totals[at[i]] if totals.size > 0 else np.float64(end - indptr[at[i]])
                if weight > 0.0:
                    returning[i] = weight * surplus / (weight * surplus + whole * most)
