"""Core numbers beside networkx and beside their definition."""

from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given, settings

from graph.cores import core_numbers
from graph.csr import CSRGraph
from tests.strategies import graphs


def without_loops(graph: CSRGraph) -> CSRGraph:
    src = np.repeat(np.arange(graph.n_nodes), np.diff(graph.indptr))
    kept = (src != graph.indices) & (src <= graph.indices if not graph.directed else True)
    return CSRGraph.from_edges(src[kept], graph.indices[kept], n_nodes=graph.n_nodes, directed=graph.directed)


@given(drawn=graphs(max_nodes=14, max_arcs=70, weighted=False))
@settings(deadline=None, max_examples=150)
def test_agrees_with_networkx(drawn: CSRGraph) -> None:
    graph = without_loops(drawn)
    cores = core_numbers(graph.indptr, graph.indices, directed=graph.directed)
    oracle = nx.core_number(graph.to_networkx())
    assert cores.tolist() == [oracle[node] for node in range(graph.n_nodes)]


def test_a_core_is_what_is_left_when_nodes_of_few_neighbours_are_taken_away() -> None:
    graph = CSRGraph.from_networkx(nx.barabasi_albert_graph(400, 4, seed=5))
    ring = CSRGraph.from_networkx(nx.circulant_graph(30, [1, 2, 3]))
    for each in (graph, ring):
        cores = core_numbers(each.indptr, each.indices, directed=False)
        dense = each.to_scipy().toarray() != 0
        for k in range(int(cores.max()) + 2):
            alive = np.ones(each.n_nodes, dtype=bool)
            while (weak := alive & (dense[:, alive].sum(axis=1) < k)).any():
                alive &= ~weak
            assert (cores >= k).tolist() == alive.tolist()


def test_parallel_arcs_count_and_a_lone_node_has_core_zero() -> None:
    graph = CSRGraph.from_edges([0, 0, 0], [1, 1, 1], n_nodes=3, directed=False, duplicates="keep")
    assert core_numbers(graph.indptr, graph.indices, directed=False).tolist() == [3, 3, 0]
    nothing = CSRGraph.from_edges([], [])
    assert core_numbers(nothing.indptr, nothing.indices, directed=True).tolist() == []
