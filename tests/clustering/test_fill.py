"""Whether buckets let enough through."""

from __future__ import annotations

import networkx as nx
import numpy as np

from clustering.banding import LSHParams
from clustering.fill import N_SAMPLED, Fill, sampled_fill
from clustering.lsh import LSHIndex
from clustering.minhash import MinHashParams, minhash
from clustering.neighbourhoods import neighbourhoods
from graph.csr import CSRGraph


def _index(graph: nx.Graph, params: LSHParams) -> LSHIndex:
    sets = neighbourhoods(CSRGraph.from_networkx(graph), "both", include_self=True)
    return LSHIndex.build(minhash(*sets, MinHashParams()), params)


def test_of_a_small_graph_it_is_the_share_of_all_nodes() -> None:
    graph = nx.disjoint_union(nx.complete_graph(30), nx.path_graph(40))
    index = _index(graph, LSHParams(n_bands=8, n_rows=16))
    sizes = [len(index.candidates(node)) + 1 for node in range(index.n_nodes)]
    assert 0 < np.mean(np.array(sizes) >= 20) < 1
    fill = sampled_fill(index, 20)
    assert fill == Fill(float(np.mean(np.array(sizes) >= 20)), int(np.median(np.array(sizes) - 1)))


def test_a_sample_comes_near_the_share_of_all_and_is_always_the_same() -> None:
    index = _index(nx.barabasi_albert_graph(3000, 3, seed=0), LSHParams())
    sizes = np.array([len(index.candidates(node)) + 1 for node in range(index.n_nodes)])
    size = int(np.median(sizes))
    fill = sampled_fill(index, size)
    assert abs(fill.share_filled - np.mean(sizes >= size)) < 4 * 0.5 / np.sqrt(N_SAMPLED)
    assert fill == sampled_fill(index, size)


def test_nodes_without_sets_do_not_count() -> None:
    sets = neighbourhoods(CSRGraph.from_edges([0, 1], [1, 0], n_nodes=50))
    index = LSHIndex.build(minhash(*sets, MinHashParams()), LSHParams())
    assert sampled_fill(index, 1) == Fill(1.0, 0)
    nothing = LSHIndex.build(index.signatures[2:], LSHParams())
    assert sampled_fill(nothing, 1) == Fill(0.0, 0)


def test_nodes_without_links_are_not_asked_where_links_are_known() -> None:
    graph = CSRGraph.from_edges([0, 1], [1, 0], n_nodes=50)
    with_self = neighbourhoods(graph, "both", include_self=True)
    index = LSHIndex.build(minhash(*with_self, MinHashParams()), LSHParams())
    assert sampled_fill(index, 2) == Fill(2 / 50, 0)
    assert sampled_fill(index, 2, neighbourhoods(graph, "both").indptr) == Fill(1.0, 1)
