"""Rankings of a block of hubs: a short push from each, then steps over the whole graph that they share.

Layout   rows of a `graph.powerwalk.layout.Layout` of an undirected graph, arcs as `graph.kernels.sweep.Steps` has them;
         ``block`` and ``other`` are float32 (n_nodes, n_columns), a column a hub, ranks times ``Steps.scale``.
Threads  single-threaded; a column's bytes do not depend on the others, nor on how many there are.
Limits   node rows fit int32. Arcs are added up as in `graph.kernels.sweep`, all else in float64.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.columns import any_reaches, distance, load, narrowed, plus, store, times, widened, zeros
from graph.kernels.answer import Arcs, Places, Scratch
from graph.kernels.push import push
from graph.kernels.selection import key_of, select, tie_of, value_of
from graph.kernels.sweep import ROUNDING, Float32s, Float64s, Int32s, Int64s, Steps, arriving

_UNLIMITED = 2**62
_DOWN = 1.0 - 2.0**-23  # a float32 made of a float64 times this is not above it
_NARROWING = 2.0**-22  # of what rounding down takes from each entry
_LEAST = np.float32(2.0**-149)


@numba.njit(nogil=True, cache=True)
def push_hubs(
    arcs: Arcs, places: Places, steps: Steps, hubs: Int32s, damping: float, rmax: float, scratch: Scratch,
    block: Float32s,
) -> None:  # fmt: skip
    """Fill ``block``: what a push from each of ``hubs`` settles, and the stationary distribution for what it leaves."""
    state, seen, touched = scratch.state, scratch.seen, scratch.touched
    component, stationary, scale, n_columns = places.component, places.stationary, steps.scale, block.shape[1]
    rest, group = np.zeros(n_columns), np.full(n_columns, -1, dtype=np.int32)
    block[:] = 0.0
    for column in range(hubs.size):
        hub = np.int64(hubs[column])
        state[2 * hub] = 1.0
        seen[hub] = True
        touched[0] = hub
        n_touched, _ = push(
            arcs.indptr, arcs.indices, arcs.weights, arcs.out_weight, arcs.limits, damping, rmax, _UNLIMITED,
            state, seen, touched, 1, scratch.front, scratch.following, scratch.moving,
        )  # fmt: skip
        group[column] = component[hub]
        for j in range(n_touched):
            node = np.int64(touched[j])
            rest[column] += damping * state[2 * node]
            block[node, column] = state[2 * node + 1] + (1.0 - damping) * state[2 * node]
            state[2 * node] = 0.0
            state[2 * node + 1] = 0.0
            seen[node] = False
    for row in range(component.size):
        for column in range(n_columns):
            even = rest[column] * stationary[row] if group[column] == component[row] else 0.0
            block[row, column] = (block[row, column] + even) * scale[row]


@numba.njit(nogil=True, cache=True)
def step_hubs(
    steps: Steps, hubs: Int32s, damping: float, blend: float, block: Float32s, other: Float32s, columns: Any,
    singles: Any,
) -> None:  # fmt: skip
    """``other`` = ``blend`` · F + (1 - ``blend``) · ``other``, F what a step makes of ``block``."""
    indptr, sources, weights, scale, rows = steps.indptr, steps.sources, steps.weights, steps.scale, steps.rows
    n_columns = block.shape[1]
    for row in range(rows.size):
        value = arriving(columns, singles, indptr, sources, weights, row, rows, block)
        value = times(value, blend * damping * scale[row])
        if blend != 1.0:
            value = plus(value, times(widened(load(singles, other, np.int64(row) * n_columns)), 1.0 - blend))
        store(narrowed(value), other, np.int64(row) * n_columns)
    for column in range(hubs.size):
        other[hubs[column], column] += blend * (1.0 - damping) * scale[hubs[column]]


@numba.njit(nogil=True, cache=True)
def finish_hubs(
    places: Places,
    steps: Steps,
    hubs: Int32s,
    damping: float,
    block: Float32s,
    columns: Any,
    singles: Any,
    keys: npt.NDArray[np.uint64],
    histogram: Int32s,
    max_entries: Int32s,
    indptr: Int64s,
    nodes: Int32s,
    values: Float32s,
    mass: Float64s,
    error: Float64s,
    off: Float64s,
) -> None:
    """The last step, and of every column the largest entries, as `graph.kernels.hubs.hub_lists` returns them.

    ``keys`` (n_columns, n_nodes or more than the longest list) and ``histogram``, as `select` takes it, are scratch.
    ``off`` becomes a limit of the L1 distance of all scores to the exact ones: where a step would change a ranking by
    δ, what it makes of it is at most damping / (1 - damping) · δ away.
    """
    order, place, rows, scale = places.order, places.place, steps.rows, steps.scale
    n_columns, n_hubs = block.shape[1], hubs.size
    teleport, longest = 1.0 - damping, max_entries.max()
    restart, least = np.zeros(n_columns), np.full(n_columns, _LEAST)
    n_keys, sums, scores = (
        np.zeros(n_columns, dtype=np.int64),
        np.zeros((2, n_columns)),
        np.zeros(n_columns, np.float32),
    )
    column_of = np.full(rows.size, -1, dtype=np.int32)
    for column in range(n_hubs):
        column_of[hubs[column]] = column
    total, change = zeros(columns), zeros(columns)
    for row in range(rows.size):
        if scale[row] == 0.0:
            continue  # no walk of a hub comes here
        value = arriving(columns, singles, steps.indptr, steps.sources, steps.weights, row, rows, block)
        value = times(value, damping)
        if column_of[row] >= 0:
            restart[column_of[row]] = teleport
            value = plus(value, load(columns, restart, np.int64(0)))
            restart[column_of[row]] = 0.0
        was = times(widened(load(singles, block, np.int64(row) * n_columns)), 1.0 / scale[row])
        change = plus(change, distance(value, was))
        # Blending may leave a little below 0: half of what it and its size come to is what lies above.
        value = times(plus(value, distance(value, zeros(columns))), 0.5)
        total = plus(total, value)
        score = narrowed(value)
        if any_reaches(score, load(singles, least, np.int64(0))):
            store(score, scores, np.int64(0))
            for column in range(n_hubs):
                if scores[column] >= least[column]:
                    keys[column, n_keys[column]] = key_of(scores[column], order[row])
                    n_keys[column] += 1
                    if n_keys[column] == keys.shape[1]:
                        n_keys[column] = select(keys[column], longest, histogram)
                        least[column] = value_of(keys[column, n_keys[column] - 1])
    store(total, sums[0], np.int64(0))
    store(change, sums[1], np.int64(0))
    filled = 0
    for column in range(n_hubs):
        # Scores that come to more than 1 are made smaller: what a list lacks is then never less than nothing.
        above = max(sums[0, column] - 1.0, 0.0)
        mass[column] = min(sums[0, column], 1.0)
        off[column] = (damping * sums[1, column] + ROUNDING) / teleport + above + _NARROWING
        error[column] = off[column] + 1.0 - mass[column]
        n_best = select(keys[column, : n_keys[column]], max_entries[column], histogram)
        for j in range(n_best):
            nodes[filled + j] = place[tie_of(keys[column, j])]
            values[filled + j] = np.float32(np.float64(value_of(keys[column, j])) * (_DOWN / (1.0 + above)))
        filled += n_best
        indptr[column + 1] = indptr[0] + filled
