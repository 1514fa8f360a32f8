"""Queries answered one after another: push, read what an index knows of the rest, select the best.

Layout   all rows but answers are those of a `graph.powerwalk.layout.Layout`; query q starts from ``seeds.nodes``
         ``[seeds.indptr[q], seeds.indptr[q + 1])``, distinct nodes. ``state`` holds residual and settled mass of each
         node side by side. Row q of every output belongs to query q.
Threads  single-threaded over queries; a query leaves the scratch as it found it, so its bytes do not depend on others.
Limits   node rows fit int32; float64 mass, float32 scores.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.simd import prefetch_element
from graph.kernels.push import push
from graph.kernels.selection import key_of, select, unpack

_AHEAD = 16  # entries
_NEVER = np.float32(np.inf)


class Arcs(NamedTuple):
    """The graph as `graph.kernels.push.push` takes it; ``limits`` are infinite at hubs and dangling nodes."""

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    out_weight: npt.NDArray[np.float64]
    limits: npt.NDArray[np.float32]


class Places(NamedTuple):
    """What is known of every node; arrays of size 0 where it does not apply.

    ``order`` int32: the caller's row, ``place`` int32: the row here of each of the caller's. ``totals`` float64: mass
    that does not end up absorbed, empty when all of it. With a background: ``component`` int32, -1 at nodes without
    arcs; ``starts`` int64 (n_components + 1,): a component is a range of rows, largest ``stationary`` first, float64,
    which adds up to 1 in each.
    """

    order: npt.NDArray[np.int32]
    place: npt.NDArray[np.int32]
    totals: npt.NDArray[np.float64]
    component: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    stationary: npt.NDArray[np.float64]


class Hubs(NamedTuple):
    """Rankings of hubs, CSR by hub, largest entry first: ``hub_of`` int32 (n_nodes,), -1 elsewhere, or empty.

    ``mass`` float64: sum of the list before it was cut. ``error`` float64: with that list whole, and a background for
    the rest, a limit of the L1 distance to the exact ranking. ``off`` float64: limit of the L1 distance of its entries
    to the exact scores, 0 where none is above. ``limits`` int32: entries of each that count.
    """

    hub_of: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]
    mass: npt.NDArray[np.float64]
    error: npt.NDArray[np.float64]
    off: npt.NDArray[np.float64]
    limits: npt.NDArray[np.int32]


class Prints(NamedTuple):
    """Fingerprints by the caller's rows, of all nodes or of none; ``n_walks`` int32 (n_nodes,)."""

    indptr: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int32]
    counts: npt.NDArray[Any]
    n_walks: npt.NDArray[np.int32]


class Seeds(NamedTuple):
    """Where each query starts; shares add up to 1."""

    indptr: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int32]
    shares: npt.NDArray[np.float64]


class Scratch(NamedTuple):
    """Zero where it is state, anything where it is room; `graph.powerwalk.scratch` makes it."""

    state: npt.NDArray[np.float64]
    seen: npt.NDArray[np.bool_]
    touched: npt.NDArray[np.int32]
    front: npt.NDArray[np.int32]
    following: npt.NDArray[np.int32]
    moving: npt.NDArray[np.float64]
    keys: npt.NDArray[np.uint64]
    histogram: npt.NDArray[np.int32]
    spread: npt.NDArray[np.float64]
    rest: npt.NDArray[np.float64]


# These are inlined: passing a tuple of arrays to a function counts a reference to each of them, which costs more than
# a short list does.
@numba.njit(inline="always")
def read_list(
    nodes: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
    first: Any,
    last: Any,
    held: float,
    cut: float,
    state: npt.NDArray[np.float64],
    seen: npt.NDArray[np.bool_],
    touched: npt.NDArray[np.int32],
    n_touched: int,
) -> tuple[int, Any, float]:
    """Add ``held`` times the entries of a hub that come to ``cut`` or more.

    Returns the new number of touched nodes, how many entries were read, and their sum.
    """
    least = cut / held
    read = 0.0
    entry = first
    while entry < last:
        value = np.float64(values[entry])
        if value < least:
            break
        prefetch_element(state, 2 * np.int64(nodes[min(entry + _AHEAD, last - 1)]))
        node = np.int64(nodes[entry])
        before = state[2 * node + 1]
        if before == 0.0 and not seen[node]:
            seen[node] = True
            touched[n_touched] = node
            n_touched += 1
        state[2 * node + 1] = before + held * value
        read += value
        entry += 1
    return n_touched, entry - first, read


@numba.njit(inline="always")
def read_print(
    nodes: npt.NDArray[np.int32],
    counts: npt.NDArray[Any],
    first: Any,
    last: Any,
    scale: float,
    place: npt.NDArray[np.int32],
    state: npt.NDArray[np.float64],
    seen: npt.NDArray[np.bool_],
    touched: npt.NDArray[np.int32],
    n_touched: int,
) -> tuple[int, float]:
    """Add ``scale`` times the counts of a fingerprint; returns touched nodes and the mass it placed."""
    visits = np.int64(0)
    for entry in range(first, last):
        prefetch_element(state, 2 * np.int64(place[nodes[min(entry + _AHEAD, last - 1)]]))
        target = np.int64(place[nodes[entry]])
        before = state[2 * target + 1]
        if before == 0.0 and not seen[target]:
            seen[target] = True
            touched[n_touched] = target
            n_touched += 1
        state[2 * target + 1] = before + scale * counts[entry]
        visits += np.int64(counts[entry])
    return n_touched, scale * visits


@numba.njit(inline="always")
def resolve(
    arcs: Arcs,
    places: Places,
    hubs: Hubs,
    prints: Prints,
    damping: float,
    cut: float,
    scratch: Scratch,
    n_pushed: int,
    tally: npt.NDArray[np.float64],
) -> int:
    """Turn residual into mass, as far as the index knows how; returns the new number of touched nodes.

    What is settled and what was read of hubs is part of the exact answer; the rest of it, ``open_``, is not known.
    ``scratch.spread`` gets what of that is to be spread over each component by its stationary distribution. ``tally``
    becomes: residual that was left, a certain limit of the L1 error, and how many entries were read.
    """
    teleport = 1.0 - damping
    state, touched, spread, rest = scratch.state, scratch.touched, scratch.spread, scratch.rest
    seen, limits, component, totals = scratch.seen, arcs.limits, places.component, places.totals
    order, place = places.order, places.place
    hub_of, list_starts, list_nodes, list_values = hubs.hub_of, hubs.indptr, hubs.nodes, hubs.values
    list_limits, list_mass, list_error, list_off = hubs.limits, hubs.mass, hubs.error, hubs.off
    print_starts, print_nodes, counts, n_walks = prints.indptr, prints.nodes, prints.counts, prints.n_walks
    background, walked = places.stationary.size > 0, prints.indptr.size > 1
    left, open_, waiting, error, n_read, n_touched = 0.0, 0.0, 0.0, 0.0, 0, n_pushed
    for i in range(n_pushed):
        node = np.int64(touched[i])
        held = state[2 * node]
        if held == 0.0:
            continue
        if limits[node] == _NEVER:
            hub = hub_of[node] if hub_of.size else np.int32(-1)
            if hub < 0:  # dangling: that was all
                state[2 * node + 1] += teleport * held
                continue
            left += held
            first = list_starts[hub]
            last = min(list_starts[hub + 1], first + list_limits[hub])
            n_touched, n_entries, read = read_list(
                list_nodes, list_values, first, last, held, cut, state, seen, touched, n_touched
            )
            n_read += n_entries
            # What is not read comes to the total less what is, give or take what this is off; that is off itself, too.
            open_ += held * (max((totals[node] if totals.size else 1.0) - read, 0.0) + 2.0 * list_off[hub])
            if background:
                spread[component[node]] += held * (1.0 - read)
                error += held * (2.0 * max(list_mass[hub] - read, 0.0) + list_error[hub])
            continue
        state[2 * node + 1] += teleport * held
        left += held
        open_ += held * ((totals[node] if totals.size else 1.0) - teleport)
        if background:
            rest[component[node]] += held
            waiting += held
        elif walked:
            row = order[node]
            first, last = print_starts[row], print_starts[row + 1]
            n_touched, guessed = read_print(
                print_nodes, counts, first, last, teleport * held / n_walks[row], place, state, seen, touched, n_touched
            )
            n_read += last - first
            error += guessed
    if background:
        error = min(error + damping * _unevenness(arcs, places, waiting, scratch, n_pushed), 2.0 * open_)
    else:
        error += open_
    tally[0], tally[1], tally[2] = left, error, n_read
    return n_touched


@numba.njit(inline="always")
def _unevenness(arcs: Arcs, places: Places, waiting: float, scratch: Scratch, n_pushed: int) -> float:
    """L1 distance of the residual ``waiting`` at nodes that are no hubs to as much mass spread evenly."""
    touched, state, rest, limits = scratch.touched, scratch.state, scratch.rest, arcs.limits
    component, stationary = places.component, places.stationary
    distance = waiting
    for i in range(n_pushed):
        node = np.int64(touched[i])
        held = state[2 * node]
        if held == 0.0 or limits[node] == _NEVER:
            continue
        even = rest[component[node]] * stationary[node]
        distance += abs(held - even) - even
    return distance


@numba.njit(inline="always")
def spread_rest(places: Places, seeds: Seeds, query: int, damping: float, scratch: Scratch, n_touched: int) -> None:
    """Give every touched node its share of what is to be spread over its component, the rest that walks on included."""
    touched, state, spread, rest = scratch.touched, scratch.state, scratch.spread, scratch.rest
    component, stationary = places.component, places.stationary
    for i in range(seeds.indptr[query], seeds.indptr[query + 1]):
        group = component[seeds.nodes[i]]
        if group >= 0:
            spread[group] += damping * rest[group]
            rest[group] = 0.0
    for i in range(n_touched):
        node = np.int64(touched[i])
        if component[node] >= 0:
            state[2 * node + 1] += spread[component[node]] * stationary[node]


@numba.njit(inline="always")
def rank(
    places: Places,
    seeds: Seeds,
    query: int,
    inverse: float,
    scratch: Scratch,
    n_touched: int,
    best_nodes: npt.NDArray[np.int64],
    best_scores: npt.NDArray[np.float32],
) -> None:
    """The best nodes of one query, best first, ties by the caller's row; what is left of the places is -1 and 0."""
    k = best_nodes.size
    touched, state, seen, spread, keys = scratch.touched, scratch.state, scratch.seen, scratch.spread, scratch.keys
    order, component, starts, stationary = places.order, places.component, places.starts, places.stationary
    n_keys = 0
    for i in range(n_touched):
        node = np.int64(touched[i])
        score = np.float32(state[2 * node + 1] * inverse)
        if score > 0.0:
            keys[n_keys] = key_of(score, order[node])
            n_keys += 1
    if stationary.size:
        for i in range(seeds.indptr[query], seeds.indptr[query + 1]):
            group = component[seeds.nodes[i]]
            if group < 0 or spread[group] <= 0.0:
                continue
            wanted = k
            for other in range(starts[group], starts[group + 1]):
                if wanted == 0:
                    break
                if not seen[other]:
                    score = np.float32(spread[group] * stationary[other] * inverse)
                    if score > 0.0:
                        keys[n_keys] = key_of(score, order[other])
                        n_keys += 1
                    wanted -= 1
            spread[group] = 0.0  # done: another seed may lie in it
    n_best = select(keys[:n_keys], k, scratch.histogram)
    unpack(keys[:n_best], best_nodes, best_scores)


@numba.njit(inline="always")
def fill(
    places: Places, seeds: Seeds, query: int, inverse: float, scratch: Scratch, n_touched: int, row: npt.NDArray[Any]
) -> None:
    """The score of every node of one query, in the caller's order; ``row`` is zero on entry."""
    touched, state, spread = scratch.touched, scratch.state, scratch.spread
    order, component, starts, stationary = places.order, places.component, places.starts, places.stationary
    if stationary.size:
        for i in range(seeds.indptr[query], seeds.indptr[query + 1]):
            group = component[seeds.nodes[i]]
            if group >= 0:
                for other in range(starts[group], starts[group + 1]):
                    row[order[other]] = spread[group] * stationary[other] * inverse
    for i in range(n_touched):
        node = np.int64(touched[i])
        row[order[node]] = state[2 * node + 1] * inverse


@numba.njit(nogil=True, cache=True)
def answer(
    arcs: Arcs,
    places: Places,
    hubs: Hubs,
    prints: Prints,
    seeds: Seeds,
    damping: float,
    rmax: float,
    cut: float,
    max_rounds: int,
    start: int,
    stop: int,
    scratch: Scratch,
    best_nodes: npt.NDArray[np.int64],
    best_scores: npt.NDArray[np.float32],
    vectors: npt.NDArray[np.float64],
    tally: npt.NDArray[np.float64],
) -> None:
    """Answer queries ``[start, stop)`` with rankings, or with whole ``vectors`` where these have columns.

    ``tally`` (n_queries, 6): as of `resolve`, then mass that is not absorbed, arcs walked, nodes touched.
    """
    for query in range(start, stop):
        n_seeds = seeds.indptr[query + 1] - seeds.indptr[query]
        total = 0.0
        for i in range(n_seeds):
            node = seeds.nodes[seeds.indptr[query] + i]
            share = seeds.shares[seeds.indptr[query] + i]
            scratch.state[2 * np.int64(node)] = share
            scratch.seen[node] = True
            scratch.touched[i] = node
            total += share * (places.totals[node] if places.totals.size else 1.0)
        n_pushed, n_arcs = push(
            arcs.indptr, arcs.indices, arcs.weights, arcs.out_weight, arcs.limits, damping, rmax, max_rounds,
            scratch.state, scratch.seen, scratch.touched, n_seeds, scratch.front, scratch.following, scratch.moving,
        )  # fmt: skip
        n_touched = resolve(arcs, places, hubs, prints, damping, cut, scratch, n_pushed, tally[query])
        tally[query, 3], tally[query, 4], tally[query, 5] = total, n_arcs, n_touched
        if places.stationary.size:
            spread_rest(places, seeds, query, damping, scratch, n_touched)
        if vectors.shape[1]:
            fill(places, seeds, query, 1.0 / total, scratch, n_touched, vectors[query])
        else:
            rank(places, seeds, query, 1.0 / total, scratch, n_touched, best_nodes[query], best_scores[query])
        clear(places, seeds, query, scratch, n_touched)


@numba.njit(inline="always")
def clear(places: Places, seeds: Seeds, query: int, scratch: Scratch, n_touched: int) -> None:
    """Leave the scratch as it was found."""
    touched, state, seen = scratch.touched, scratch.state, scratch.seen
    for i in range(n_touched):
        node = np.int64(touched[i])
        state[2 * node] = 0.0
        state[2 * node + 1] = 0.0
        seen[node] = False
    if places.stationary.size:
        for i in range(seeds.indptr[query], seeds.indptr[query + 1]):
            if places.component[seeds.nodes[i]] >= 0:
                scratch.spread[places.component[seeds.nodes[i]]] = 0.0
