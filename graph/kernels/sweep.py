"""Steps of the walk for a block of queries at once, after each of them has pushed for a while.

What the pushes left, r, all nodes settle and pass on together: y becomes (1 - damping) · r + damping · arcs(y), once a
sweep, from y = (1 - damping) · r. What is settled and y are then the answer but for the mass that still walks.

Layout   rows of a layout, and slots: numbers from 1 that nodes get as a query of the block touches them, so that what
         is read at random lies together. ``y`` float32 (slots, n_columns): y of each node times its ``scale``, a column
         a query; slot 0 is zero, and that of every node no query touched.
Threads  single-threaded; a column's bytes do not depend on the other columns, nor on how many there are.
Limits   node rows fit int32. Arcs are added up in float32, `TOGETHER` at a time, all else in float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.columns import fetch, load, narrowed, plus, store, times, widened, zeros
from graph.kernels.answer import Arcs, Places, Scratch, Seeds
from graph.kernels.push import push

TOGETHER = 256
_AHEAD = 16  # arcs between asking for a row and adding it
ROUNDING = 2.0**-17  # of a sum of so many float32, four sums side by side, each of them rounded for itself
LEFT, ERROR, _, TOTAL, ARCS, TOUCHED = range(6)  # of a tally, as of `graph.kernels.answer.answer`

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


class Steps(NamedTuple):
    """The arcs that come in, CSR over targets, and of each node by row.

    ``scale`` float64: one over the number of arcs that leave, 0 where a walk ends. With ``weights``, which are
    probabilities to leave by each arc, it is 1 where none ends. ``rows`` int32: 0, 1, 2, …, the slots when all nodes
    have one.
    """

    indptr: Int64s
    sources: Int32s
    weights: Float32s
    scale: Float64s
    rows: Int32s


class Room(NamedTuple):
    """Of one thread, for n columns. Zero between blocks: ``slot_of``, ``rest``, and row 0 of ``y``.

    ``slot_of`` int32 (n_nodes,), 0 for none; ``nodes`` int32 (n_nodes + 1,), of each slot; ``y``; ``again`` and
    ``settled`` float64 (n_nodes + 1, n), by slot: (1 - damping) · r, and what pushes settled; ``rest`` float64
    (n_components + 1, n): r in each component; ``full`` and ``next`` float32 (n_nodes, n), y of all nodes by row, or
    (0, n) where there is one sweep.
    """

    slot_of: Int32s
    nodes: Int32s
    y: Float32s
    again: Float64s
    settled: Float64s
    rest: Float64s
    full: Float32s
    next: Float32s


@numba.njit(nogil=True, cache=True)
def start_block(
    arcs: Arcs,
    places: Places,
    steps: Steps,
    seeds: Seeds,
    damping: float,
    rmax: float,
    max_rounds: int,
    start: int,
    stop: int,
    scratch: Scratch,
    room: Room,
    columns: Any,
    tally: Float64s,
) -> int:
    """Push queries ``[start, stop)``, a column each, and hand over what is left; returns the end of the slots."""
    state, seen, touched, totals, component = (
        scratch.state, scratch.seen, scratch.touched, places.totals, places.component,
    )  # fmt: skip
    slot_of, nodes, again, settled, rest = room.slot_of, room.nodes, room.again, room.settled, room.rest
    scale, teleport, n_columns, n_slots = steps.scale, 1.0 - damping, room.y.shape[1], 1
    for query in range(start, stop):
        column = query - start
        n_seeds = seeds.indptr[query + 1] - seeds.indptr[query]
        total = 0.0
        for i in range(n_seeds):
            node = np.int64(seeds.nodes[seeds.indptr[query] + i])
            share = seeds.shares[seeds.indptr[query] + i]
            state[2 * node] = share
            seen[node] = True
            touched[i] = node
            total += share * (totals[node] if totals.size else 1.0)
        n_touched, n_arcs = push(
            arcs.indptr, arcs.indices, arcs.weights, arcs.out_weight, arcs.limits, damping, rmax, max_rounds,
            state, seen, touched, n_seeds, scratch.front, scratch.following, scratch.moving,
        )  # fmt: skip
        tally[query, TOTAL], tally[query, ARCS], tally[query, TOUCHED] = total, n_arcs, n_touched
        for i in range(n_touched):
            node = np.int64(touched[i])
            slot = np.int64(slot_of[node])
            if slot == 0:
                slot = np.int64(n_slots)
                n_slots += 1
                slot_of[node] = slot
                nodes[slot] = node
                again[slot] = 0.0
                settled[slot] = 0.0
            held = state[2 * node]
            settled[slot, column] = state[2 * node + 1]
            if scale[node] > 0.0:
                again[slot, column] = teleport * held
                if component.size:
                    rest[component[node], column] += held
            else:  # the walk ends here
                settled[slot, column] += teleport * held
            state[2 * node] = 0.0
            state[2 * node + 1] = 0.0
            seen[node] = False
    for one in range(1, n_slots):
        row = times(load(columns, again, one * n_columns), scale[nodes[one]])
        store(narrowed(row), room.y, one * n_columns)
    return n_slots


@numba.njit(nogil=True, cache=True, inline="always")
def arriving(
    columns: Any,
    singles: Any,
    indptr: Int64s,
    sources: Int32s,
    weights: Float32s,
    row: int,
    slot_of: Int32s,
    y: Float32s,
) -> Any:
    """What comes in over the arcs of a row, float64."""
    n_columns, n_arcs = y.shape[1], sources.size
    wide = n_columns > 1  # the processor itself looks far enough ahead when a row is a single number
    first, last = np.int64(indptr[row]), np.int64(indptr[row + 1])
    total = zeros(columns)
    while first < last:
        until = min(last, first + TOGETHER)
        # Four sums at a time, since each addition waits for the one before it.
        one, two, three, four = zeros(singles), zeros(singles), zeros(singles), zeros(singles)
        fours = until - (until - first) % 4
        for arc in range(first, fours, 4):
            if wide and arc + _AHEAD + 3 < n_arcs:
                for soon in range(arc + _AHEAD, arc + _AHEAD + 4):
                    fetch(singles, y, np.int64(slot_of[sources[soon]]) * n_columns)
            a = load(singles, y, np.int64(slot_of[sources[arc]]) * n_columns)
            b = load(singles, y, np.int64(slot_of[sources[arc + 1]]) * n_columns)
            c = load(singles, y, np.int64(slot_of[sources[arc + 2]]) * n_columns)
            d = load(singles, y, np.int64(slot_of[sources[arc + 3]]) * n_columns)
            if weights.size:
                a, b = times(a, weights[arc]), times(b, weights[arc + 1])
                c, d = times(c, weights[arc + 2]), times(d, weights[arc + 3])
            one, two, three, four = plus(one, a), plus(two, b), plus(three, c), plus(four, d)
        for arc in range(fours, until):
            a = load(singles, y, np.int64(slot_of[sources[arc]]) * n_columns)
            if weights.size:
                a = times(a, weights[arc])
            one = plus(one, a)
        total = plus(total, widened(plus(plus(one, two), plus(three, four))))
        first = until
    return total


@numba.njit(nogil=True, cache=True)
def sweep(
    steps: Steps, damping: float, room: Room, seen_as: Int32s, y: Float32s, out: Float32s, columns: Any, singles: Any
) -> None:
    """``out`` float32 (n_nodes, n) becomes y after a sweep, of all nodes by row.

    ``y`` is what it was, the row ``seen_as`` of each node: ``room.slot_of``, or ``steps.rows``.
    """
    slot_of, again = room.slot_of, room.again
    indptr, sources, weights, scale = steps.indptr, steps.sources, steps.weights, steps.scale
    n_columns = out.shape[1]
    for row in range(slot_of.size):
        slot = np.int64(slot_of[row])
        value = times(arriving(columns, singles, indptr, sources, weights, row, seen_as, y), damping)
        if slot > 0:
            value = plus(value, load(columns, again, slot * n_columns))
        store(narrowed(times(value, scale[row])), out, np.int64(row) * n_columns)


@numba.njit(nogil=True, cache=True)
def clear_block(room: Room, n_slots: int) -> None:
    """Leave the room as it was found."""
    for slot in range(1, n_slots):
        room.slot_of[room.nodes[slot]] = 0
    room.rest[:] = 0.0
