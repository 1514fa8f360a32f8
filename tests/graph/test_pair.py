"""What links two nodes, against NetworkX: the resource allocation index and every simple path."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph import pair
from graph.csr import CSRGraph
from graph.pair import MAX_STEPS, flow_into, likely_ways, shared_neighbours

weights = st.sampled_from([0.25, 1.0, 1.0, 3.0])


@st.composite
def linked(draw: st.DrawFn) -> CSRGraph:
    """Small graphs: directed or not, with self-loops, lone nodes and parallel arcs, with or without weights."""
    n_nodes = draw(st.integers(2, 9))
    node = st.integers(0, n_nodes - 1)
    arcs = draw(st.lists(st.tuples(node, node, weights), max_size=40))
    src, dst, values = (np.array([arc[part] for arc in arcs]) for part in range(3))
    return CSRGraph.from_edges(
        src.astype(np.int64),
        dst.astype(np.int64),
        values.astype(np.float64) if draw(st.booleans()) else None,
        n_nodes=n_nodes,
        directed=draw(st.booleans()),
        duplicates=draw(st.sampled_from(["sum", "keep"])),
    )


def arc_weights(graph: CSRGraph) -> dict[tuple[int, int], float]:
    """Weight of each pair of nodes with arcs between them, added up."""
    found: dict[tuple[int, int], float] = {}
    for node in range(graph.n_nodes):
        for edge in range(graph.indptr[node], graph.indptr[node + 1]):
            key = (node, int(graph.indices[edge]))
            found[key] = found.get(key, 0.0) + (1.0 if graph.weights is None else float(graph.weights[edge]))
    return found


@given(graph=linked(), data=st.data())
def test_ways_are_all_simple_paths_by_their_chance(graph: CSRGraph, data: st.DataObject) -> None:
    first, last = data.draw(st.permutations(range(graph.n_nodes)))[:2]
    k = data.draw(st.sampled_from([1, 2, 5, 1000]))
    arcs, out_weight = arc_weights(graph), graph.out_weight()
    oracle = nx.DiGraph()
    oracle.add_nodes_from(range(graph.n_nodes))
    oracle.add_edges_from(arcs)
    chances = {
        tuple(path): float(np.prod([arcs[step] / out_weight[step[0]] for step in nx.utils.pairwise(path)]))
        for path in nx.all_simple_paths(oracle, first, last, cutoff=MAX_STEPS)
    }
    ways, complete = likely_ways(graph, out_weight, first, last, k)
    assert complete
    assert len(ways) == len({way.nodes for way in ways}) == min(k, len(chances))
    best = sorted(chances.values(), reverse=True)[:k]
    np.testing.assert_allclose([way.chance for way in ways], best, rtol=1e-12)
    for way in ways:
        assert way.chance == pytest.approx(chances[way.nodes], rel=1e-12)
        assert list(way.weights) == [arcs[step] for step in nx.utils.pairwise(way.nodes)]


@given(graph=linked(), data=st.data())
def test_shared_neighbours_share_what_flows_into_them(graph: CSRGraph, data: st.DataObject) -> None:
    first, second = data.draw(st.permutations(range(graph.n_nodes)))[:2]
    k = data.draw(st.sampled_from([1, 3, 1000]))
    arcs, flow = arc_weights(graph), flow_into(graph)
    into = [sum(weight for (_, end), weight in arcs.items() if end == node) for node in range(graph.n_nodes)]
    np.testing.assert_allclose(flow, into)
    expected = {
        node: arcs[first, node] * arcs[second, node] / into[node]
        for node in range(graph.n_nodes)
        if (first, node) in arcs and (second, node) in arcs and node not in (first, second)
    }
    shared = shared_neighbours(graph, flow, first, second, k)
    assert shared.nodes.size == min(k, len(expected))
    np.testing.assert_allclose(shared.scores, sorted(expected.values(), reverse=True)[:k])
    for node, score, (ours, theirs) in zip(*(column.tolist() for column in shared), strict=True):
        assert score == pytest.approx(expected[node])
        assert (ours, theirs) == (arcs[first, node], arcs[second, node])


def test_scores_add_up_to_the_resource_allocation_index() -> None:
    graph = nx.karate_club_graph()
    csr = CSRGraph.from_networkx(graph, weight=None)
    for first, second, index in nx.resource_allocation_index(graph, [(0, 33), (2, 33), (5, 6), (8, 30), (16, 26)]):
        shared = shared_neighbours(csr, flow_into(csr), first, second, 1000)
        assert set(shared.nodes.tolist()) == set(nx.common_neighbors(graph, first, second))
        assert shared.scores.sum() == pytest.approx(index)


def test_a_search_that_gives_up_says_so_and_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.array([(0, v) for v in range(2, 30)] + [(u, v) for u in range(2, 30) for v in range(30, 60)])
    ends = np.array([(v, 1) for v in range(30, 60)])
    arcs = np.concatenate((rows, ends))
    graph = CSRGraph.from_edges(arcs[:, 0], arcs[:, 1], directed=False)
    whole, complete = likely_ways(graph, graph.out_weight(), 0, 1, 1000)
    assert complete
    assert len(whole) == 28 * 30
    monkeypatch.setattr(pair, "_WORK", 100)
    part, complete = likely_ways(graph, graph.out_weight(), 0, 1, 1000)
    assert not complete
    assert 0 < len(part) < len(whole)
    assert {way.nodes for way in part} < {way.nodes for way in whole}


def test_weights_of_one_are_as_none() -> None:
    graph = CSRGraph.from_networkx(nx.karate_club_graph(), weight=None)
    weighted = replace(graph, weights=np.ones(graph.n_edges, dtype=np.float32))
    assert likely_ways(graph, graph.out_weight(), 0, 33, 9) == likely_ways(weighted, graph.out_weight(), 0, 33, 9)
