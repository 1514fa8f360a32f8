"""The last sweep of a block of queries, and what they are told, while its numbers are at hand.

Layout   as in `graph.kernels.sweep`.
Threads  single-threaded; a query's bytes do not depend on the others of its block, nor on how many there are.
Limits   node rows fit int32; float32 scores.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.columns import (
    any_reaches,
    distance,
    load,
    narrowed,
    plus,
    product,
    store,
    times,
    widened,
    zeros,
)
from graph.kernels.answer import Places
from graph.kernels.selection import key_of, select, unpack, value_of
from graph.kernels.sweep import ERROR, LEFT, TOTAL, Float32s, Float64s, Int32s, Int64s, Room, Steps, arriving

_LEAST = np.float32(2.0**-149)
_MOVING, _OPEN, _UNEVEN = range(3)


@numba.njit(nogil=True, cache=True)
def finish_block(
    places: Places,
    steps: Steps,
    damping: float,
    n_sweeps: int,
    start: int,
    stop: int,
    room: Room,
    seen_as: Int32s,
    y: Float32s,
    columns: Any,
    singles: Any,
    keys: npt.NDArray[np.uint64],
    histogram: Int32s,
    best_nodes: Int64s,
    best_scores: Float32s,
    vectors: Float64s,
    tally: Float64s,
) -> None:
    """The last of ``n_sweeps``, then rankings of queries ``[start, stop)``, or ``vectors`` where these have columns.

    ``y`` and ``seen_as`` as of `graph.kernels.sweep.sweep`. What walks afterwards is spread where a background is.
    ``keys`` (n_columns, n_nodes or at least 2 k) and ``histogram``, as `select` takes it, are scratch; whenever the
    keys of a column are full, only the k best are kept. ``tally`` gets the mass that walks, and a limit of the L1 error
    but for rounding; its totals are read.
    """
    slot_of, again, settled, rest = room.slot_of, room.again, room.settled, room.rest
    indptr, sources, weights, scale = steps.indptr, steps.sources, steps.weights, steps.scale
    order, totals, component, stationary = places.order, places.totals, places.component, places.stationary
    n_columns, k = y.shape[1], best_nodes.shape[1]
    background, ranked, teleport, walking = stationary.size > 0, vectors.shape[1] == 0, 1.0 - damping, damping**n_sweeps
    inverse, least = np.zeros(n_columns), np.full(n_columns, np.float32(np.inf))
    for query in range(start, stop):
        inverse[query - start] = 1.0 / tally[query, TOTAL]
        least[query - start] = _LEAST
    n_keys, sums = np.zeros(n_columns, dtype=np.int64), np.zeros((3, n_columns))
    scores, final = np.zeros(n_columns, dtype=np.float32), np.zeros(n_columns)
    shares = load(columns, inverse, np.int64(0))
    moving, open_, uneven = zeros(columns), zeros(columns), zeros(columns)
    for row in range(slot_of.size):
        slot = np.int64(slot_of[row])
        if slot == 0 and indptr[row] == indptr[row + 1]:
            continue  # nothing ever comes here
        moved = times(arriving(columns, singles, indptr, sources, weights, row, seen_as, y), damping)
        value = moved
        if slot > 0:
            value = plus(value, load(columns, again, slot * n_columns))
        if scale[row] > 0.0:
            if n_sweeps > 1:  # y less what it was before
                was = widened(load(singles, y, np.int64(row) * n_columns))
                moved = plus(value, times(was, -1.0 / scale[row]))
            moved = distance(times(moved, 1.0 / teleport), zeros(columns))
            moving = plus(moving, moved)
            open_ = plus(open_, times(moved, max((totals[row] if totals.size else 1.0) - teleport, 0.0)))
            if background:
                even = times(load(columns, rest, np.int64(component[row]) * n_columns), walking * stationary[row])
                uneven = plus(uneven, distance(moved, even))
                value = plus(value, times(even, damping))
        if slot > 0:
            value = plus(value, load(columns, settled, slot * n_columns))
        value = product(value, shares)
        if not ranked:
            store(value, final, np.int64(0))
            for query in range(start, stop):
                vectors[query, order[row]] = final[query - start]
            continue
        score = narrowed(value)
        if any_reaches(score, load(singles, least, np.int64(0))):
            store(score, scores, np.int64(0))
            for column in range(stop - start):
                if scores[column] >= least[column]:
                    keys[column, n_keys[column]] = key_of(scores[column], order[row])
                    n_keys[column] += 1
                    if n_keys[column] == keys.shape[1]:
                        n_keys[column] = select(keys[column], k, histogram)
                        least[column] = value_of(keys[column, n_keys[column] - 1])
    store(moving, sums[_MOVING], np.int64(0))
    store(open_, sums[_OPEN], np.int64(0))
    store(uneven, sums[_UNEVEN], np.int64(0))
    for query in range(start, stop):
        column = query - start
        tally[query, LEFT], error = sums[_MOVING, column], sums[_OPEN, column]
        tally[query, ERROR] = min(2.0 * error, damping * sums[_UNEVEN, column]) if background else error
        if ranked:
            n_best = select(keys[column, : n_keys[column]], k, histogram)
            unpack(keys[column, :n_best], best_nodes[query], best_scores[query])
