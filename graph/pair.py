"""What links two nodes: the neighbours they share, and the likeliest short ways from one to the other.

A shared neighbour counts the more the fewer others it has (resource allocation). A way counts as the chance that a
random walk from the first node takes exactly it, so that ways through hubs, which lead everywhere, count little.

Source: of the weight of shared neighbours, Zhou, Lü, Zhang: "Predicting missing links via local information", European
Physical Journal B 71, 2009.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from graph.csr import CSRGraph

MAX_STEPS: Final = 3  # arcs of a way: longer ones of a graph with hubs are without number, and say little
_WORK: Final = 4_000_000  # arcs looked up for the ways of three steps before the search gives up

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


class Shared(NamedTuple):
    """``nodes`` int64, best first; ``scores`` float64; ``weights`` float64 (n, 2) of the arcs from either node."""

    nodes: Int64s
    scores: Float64s
    weights: Float64s


class Way(NamedTuple):
    """Nodes from the first to the last, the weights of the arcs between them, and the chance that a walk takes it."""

    nodes: tuple[int, ...]
    weights: tuple[float, ...]
    chance: float


def shared_neighbours(graph: CSRGraph, flow: Float64s, first: int, second: int, k: int) -> Shared:
    """The ``k`` best nodes that arcs of both lead to, neither of the two among them; ties by row.

    The score of v is ``w(first, v) * w(second, v) / flow[v]``; ``flow`` float64 (n_nodes,) is the weight of all arcs
    into each node.
    """
    ours, our_weights = _arcs(graph, first)
    theirs, their_weights = _arcs(graph, second)
    nodes, at_ours, at_theirs = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
    weights = np.stack((our_weights[at_ours], their_weights[at_theirs]), axis=1)
    others = (nodes != first) & (nodes != second)
    nodes, weights = nodes[others], weights[others]
    scores = weights.prod(axis=1) / flow[nodes]
    best = np.lexsort((nodes, -scores))[:k]
    return Shared(nodes[best], scores[best], weights[best])


def likely_ways(graph: CSRGraph, out_weight: Float64s, first: int, last: int, k: int) -> tuple[list[Way], bool]:
    """The ``k`` likeliest ways of up to three steps that come by no node twice; ties by length, then by rows.

    ``out_weight`` float64 (n_nodes,) is `CSRGraph.out_weight`. The second value tells whether none can be missing:
    between hubs the search gives up after a bounded number of arcs, the likeliest beginnings first.
    """
    begun, begun_weights = _arcs(graph, first)
    ended, ended_weights = _arcs_into(graph, last)
    found = [
        Way((first, last), (weight,), weight / float(out_weight[first]))
        for weight in begun_weights[begun == last].tolist()
    ]
    inner = (begun != first) & (begun != last)
    begun, begun_weights = begun[inner], begun_weights[inner]
    inner = (ended != first) & (ended != last)
    ended, ended_weights = ended[inner], ended_weights[inner]
    starts, ends = begun_weights / out_weight[first], ended_weights / out_weight[ended]
    _, at_begun, at_ended = np.intersect1d(begun, ended, assume_unique=True, return_indices=True)
    chances = starts[at_begun] * ends[at_ended]
    for place in _largest(chances, k).tolist():
        one, other = at_begun[place], at_ended[place]
        steps = (float(begun_weights[one]), float(ended_weights[other]))
        found.append(Way((first, int(begun[one]), last), steps, float(chances[place])))
    if ended.size == 0:
        return _best(found, k), True
    order = np.lexsort((begun, -starts))
    highest, work = float(ends.max(initial=0.0)), 0
    for place in order.tolist():
        if len(found) >= k and float(starts[place]) * highest < sorted(way.chance for way in found)[-k]:
            break
        if work > _WORK:
            return _best(found, k), False
        start, stop = graph.indptr[begun[place] : begun[place] + 2].tolist()
        work += min(stop - start, ended.size)
        between = _middle(graph, int(begun[place]), ended, float(out_weight[begun[place]]))
        chances = starts[place] * between.chances * ends[between.at]
        for one in _largest(chances, k).tolist():
            at = between.at[one]
            nodes = (first, int(begun[place]), int(ended[at]), last)
            three = (float(begun_weights[place]), float(between.weights[one]), float(ended_weights[at]))
            found.append(Way(nodes, three, float(chances[one])))
        found = _best(found, k)
    return _best(found, k), True


class _Middle(NamedTuple):
    at: Int64s
    weights: Float64s
    chances: Float64s


def _middle(graph: CSRGraph, node: int, ended: Int64s, out_weight: float) -> _Middle:
    """Arcs of ``node`` to nodes of ``ended``, sorted, not empty: places in it, weights, chance of the step."""
    nodes, weights = _arcs(graph, node)
    if nodes.size <= ended.size:
        at = np.searchsorted(ended, nodes)
        there = ended[np.minimum(at, ended.size - 1)] == nodes
        at, weights = at[there], weights[there]
    else:
        places = np.minimum(np.searchsorted(nodes, ended), nodes.size - 1)
        at = np.flatnonzero(nodes[places] == ended)
        weights = weights[places[at]]
    other = ended[at] != node
    return _Middle(at[other], weights[other], weights[other] / out_weight)


def _largest(values: Float64s, k: int) -> Int64s:
    """Places of all values that may be among the ``k`` largest, those equal to the last included."""
    if values.size <= k:
        return np.arange(values.size)
    return np.flatnonzero(values >= np.partition(values, values.size - k)[values.size - k])


def _best(ways: list[Way], k: int) -> list[Way]:
    return sorted(ways, key=lambda way: (-way.chance, len(way.nodes), way.nodes))[:k]


def _arcs(graph: CSRGraph, node: int) -> tuple[Int64s, Float64s]:
    """Where the arcs of a node lead, ascending, and their weights; parallel ones as one with their sum."""
    start, stop = int(graph.indptr[node]), int(graph.indptr[node + 1])
    nodes = np.asarray(graph.indices[start:stop], dtype=np.int64)
    weights = np.ones(nodes.size) if graph.weights is None else np.asarray(graph.weights[start:stop], dtype=np.float64)
    return _summed(nodes, weights)


def _arcs_into(graph: CSRGraph, node: int) -> tuple[Int64s, Float64s]:
    """Where arcs into a node come from, ascending, and their weights; of a directed graph by looking at every arc."""
    if not graph.directed:
        return _arcs(graph, node)
    places = np.flatnonzero(graph.indices == node)
    nodes = np.searchsorted(graph.indptr, places, side="right") - 1
    weights = np.ones(nodes.size) if graph.weights is None else np.asarray(graph.weights[places], dtype=np.float64)
    return _summed(nodes, weights)


def _summed(nodes: Int64s, weights: Float64s) -> tuple[Int64s, Float64s]:
    if nodes.size < 2 or (nodes[1:] > nodes[:-1]).all():
        return nodes, weights
    distinct, places = np.unique(nodes, return_inverse=True)
    sums: Float64s = np.bincount(places, weights=weights).astype(np.float64)
    return distinct, sums


def flow_into(graph: CSRGraph) -> Float64s:
    """Weight of all arcs into each node, float64 (n_nodes,)."""
    if not graph.directed:
        return graph.out_weight()
    flow: Float64s = np.bincount(graph.indices, weights=graph.weights, minlength=graph.n_nodes).astype(np.float64)
    return flow
