"""Triangles beside networkx and beside the cube of the adjacency matrix."""

from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given, settings

from graph.csr import CSRGraph
from graph.triangles import triangles
from tests.strategies import graphs


@given(graph=graphs(max_nodes=14, max_arcs=80, directed=False, weighted=False, parallel=True))
@settings(deadline=None, max_examples=150)
def test_agrees_with_networkx(graph: CSRGraph) -> None:
    oracle = nx.triangles(graph.to_networkx())
    assert triangles(graph.indptr, graph.indices).tolist() == [oracle[node] for node in range(graph.n_nodes)]


def test_closed_walks_of_three_steps_pass_each_triangle_twice() -> None:
    graph = CSRGraph.from_networkx(nx.powerlaw_cluster_graph(300, 6, 0.5, seed=2))
    dense = graph.to_scipy().toarray().astype(np.int64)
    counts = triangles(graph.indptr, graph.indices)
    assert counts.tolist() == (np.diagonal(dense @ dense @ dense) // 2).tolist()
    assert counts.sum() > 1000
