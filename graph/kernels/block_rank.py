"""One step of many rankings at once, pulled along the arcs that come in.

Layout   CSR over targets: row v of ``indptr`` and ``sources`` lists the nodes with an arc to v, ``weights`` (float32)
         what these arcs weigh, empty when all weigh 1. ``block`` and ``following`` are distinct C-contiguous float64
         (n_nodes, n_columns), a column a ranking, each node's rank divided by its ``out_weight`` (float64; by 1 where
         that is 0). Restarts are entries sorted by row: ``seeds`` int64 rows, ``seed_columns`` int64, ``seed_shares``
         float64.
Threads  single-threaded loops over the rows [start, stop), one writer per row; the sums are of these rows. A column's
         bytes do not depend on the other columns, nor on how many there are.
Limits   ``sources`` lie in [0, n_nodes): the caller has checked. ``columns`` are as many as the blocks have.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.columns import distance, fetch, load, plus, product, store, times, zeros

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_AHEAD = 16  # arcs between asking for a row and adding it


@numba.njit(nogil=True, cache=True, inline="always")
def heavy(columns: Any, block: Float64s, sources: Any, weights: Any, arc: int, n_columns: int) -> Any:
    """What an arc with a weight brings."""
    return times(load(columns, block, np.int64(sources[arc]) * n_columns), np.float64(weights[arc]))


@numba.njit(nogil=True, cache=True)
def pull_block(
    indptr: Int64s,
    sources: npt.NDArray[Any],
    weights: npt.NDArray[np.float32],
    out_weight: Float64s,
    seeds: Int64s,
    seed_columns: Int64s,
    seed_shares: Float64s,
    restart: Float64s,
    damping: float,
    blend: Float64s,
    block: Float64s,
    following: Float64s,
    start: int,
    stop: int,
    columns: Any,
    changes: Float64s,
    stuck: Float64s,
) -> None:
    """``following`` = ``blend`` · F + (1 - ``blend``) · ``following``, F what a step makes of ``block``.

    F = ``damping`` · arcs + ``restart`` · shares of the seeds; ``blend`` and ``restart`` are (n_columns,), as are
    ``changes`` and ``stuck``, which become the sums of |F - ``block``| and of ``following`` over nodes that pass
    nothing on, both as ranks.
    """
    n_columns, n_arcs = changes.size, indptr[stop]
    wide = n_columns > 1  # the processor itself looks far enough ahead when a row is a single number
    change, held = zeros(columns), zeros(columns)
    blended, kept = load(columns, blend, np.int64(0)), load(columns, 1.0 - blend, np.int64(0))
    room = np.zeros(n_columns)
    seed = np.searchsorted(seeds, start)
    for row in range(start, stop):
        first, last = np.int64(indptr[row]), np.int64(indptr[row + 1])
        seeded = seed < seeds.size and seeds[seed] == row
        if first == last and not seeded:
            continue  # nothing ever comes here
        # Four sums at a time, since each addition waits for the one before it.
        one, two, three, four = zeros(columns), zeros(columns), zeros(columns), zeros(columns)
        fours = last - (last - first) % 4
        for arc in range(first, fours, 4):
            if wide and arc + _AHEAD + 3 < n_arcs:
                for soon in range(arc + _AHEAD, arc + _AHEAD + 4):
                    fetch(columns, block, np.int64(sources[soon]) * n_columns)
            if weights.size:
                one = plus(one, heavy(columns, block, sources, weights, arc, n_columns))
                two = plus(two, heavy(columns, block, sources, weights, arc + 1, n_columns))
                three = plus(three, heavy(columns, block, sources, weights, arc + 2, n_columns))
                four = plus(four, heavy(columns, block, sources, weights, arc + 3, n_columns))
            else:
                one = plus(one, load(columns, block, np.int64(sources[arc]) * n_columns))
                two = plus(two, load(columns, block, np.int64(sources[arc + 1]) * n_columns))
                three = plus(three, load(columns, block, np.int64(sources[arc + 2]) * n_columns))
                four = plus(four, load(columns, block, np.int64(sources[arc + 3]) * n_columns))
        for arc in range(fours, last):
            if weights.size:
                one = plus(one, heavy(columns, block, sources, weights, arc, n_columns))
            else:
                one = plus(one, load(columns, block, np.int64(sources[arc]) * n_columns))
        value = times(plus(plus(one, two), plus(three, four)), damping)
        if seeded:
            room[:] = 0.0
            while seed < seeds.size and seeds[seed] == row:
                room[seed_columns[seed]] = restart[seed_columns[seed]] * seed_shares[seed]
                seed += 1
            value = plus(value, load(columns, room, np.int64(0)))
        at = np.int64(row) * n_columns
        weight = out_weight[row] if out_weight[row] > 0.0 else 1.0
        change = plus(change, distance(value, times(load(columns, block, at), weight)))
        value = product(times(value, 1.0 / weight), blended)
        value = plus(value, product(load(columns, following, at), kept))
        store(value, following, at)
        if out_weight[row] == 0.0:
            held = plus(held, value)
    store(change, changes, np.int64(0))
    store(held, stuck, np.int64(0))


@numba.njit(nogil=True, cache=True)
def turn_by_rank(
    indptr: Int64s,
    indices: npt.NDArray[Any],
    weights: npt.NDArray[np.float32],
    nodes: npt.NDArray[Any],
    places: npt.NDArray[Any],
    cursor: Int64s,
    sources: npt.NDArray[Any],
    turned: npt.NDArray[np.float32],
) -> None:
    """Store each arc in the row of its end's place, as the place of its start; rows come out ascending.

    ``nodes`` are those of each place, ``places`` those of each node; ``cursor`` holds the row starts.
    """
    for place in range(nodes.size):
        for arc in range(indptr[nodes[place]], indptr[nodes[place] + 1]):
            row = places[indices[arc]]
            at = cursor[row]
            cursor[row] = at + 1
            sources[at] = place
            if weights.size:
                turned[at] = weights[arc]


@numba.njit(nogil=True, cache=True)
def unload(block: Float64s, columns: Int64s, scale: Float64s, nodes: npt.NDArray[Any], out: Float64s) -> None:
    """``out[columns[i], nodes[v]] = block[v, columns[i]] * scale[v]``, 0 where that is less."""
    for place in range(nodes.size):
        for column in columns:
            out[column, nodes[place]] = max(block[place, column] * scale[place], 0.0)
