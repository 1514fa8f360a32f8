"""Heat around seeds."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.heat import heat_from
from clustering.neighbourhoods import Sets, neighbourhoods
from graph.csr import CSRGraph
from tests.clustering.strategies import community_graphs
from tests.oracles import minhash as oracle


def _rows(*seeds: int) -> np.ndarray:
    return np.array(seeds, dtype=np.int64)


@settings(deadline=None, max_examples=80)
@given(graph=community_graphs(), time=st.sampled_from([0.5, 5.0, 12.0]), data=st.data())
def test_heat_is_the_matrix_exponential_up_to_the_walks_left_out(
    graph: CSRGraph, time: float, data: st.DataObject
) -> None:
    links = neighbourhoods(graph, "both")
    linked = np.flatnonzero(np.diff(links.indptr)).tolist()
    if not linked:
        return
    seeds = data.draw(st.lists(st.sampled_from(linked), min_size=1, max_size=3, unique=True))
    adjacency = np.zeros((graph.n_nodes, graph.n_nodes))
    adjacency[np.repeat(np.arange(graph.n_nodes), np.diff(links.indptr)), links.indices] = 1
    heat = heat_from(links, _rows(*seeds), time, 1e-300)
    expected = oracle.heat_per_link(adjacency, seeds, time)
    everywhere = heat.at(np.arange(graph.n_nodes))
    assert np.all(everywhere <= expected + 1e-12)
    missing = ((expected - everywhere) * np.maximum(adjacency.sum(axis=0), 1)).sum()
    assert -1e-12 <= missing < 1e-3
    assert heat.lost == 0
    assert sorted(heat.nodes.tolist()) == np.flatnonzero(everywhere).tolist()
    np.testing.assert_array_equal(heat.per_link, everywhere[heat.nodes])


def _power_law_links() -> Sets:
    return neighbourhoods(CSRGraph.from_networkx(nx.barabasi_albert_graph(3000, 5, seed=1)), "both")


def test_what_the_tolerance_keeps_back_is_counted() -> None:
    links = _power_law_links()
    degree = np.diff(links.indptr)
    whole = heat_from(links, _rows(7, 900), 5.0, 1e-300)
    cut = heat_from(links, _rows(7, 900), 5.0, 1e-4)
    assert cut.nodes.size < whole.nodes.size
    assert 0.1 < cut.lost < 1
    less, more = (heat.at(np.arange(degree.size)) for heat in (cut, whole))
    assert (less * degree).sum() + cut.lost == pytest.approx((more * degree).sum(), abs=1e-12)
    assert np.all(less <= more + 1e-15)


def test_seeds_pass_heat_on_however_many_links_they_have() -> None:
    star = neighbourhoods(CSRGraph.from_networkx(nx.star_graph(500)), "both")
    assert heat_from(star, _rows(0), 5.0, 0.1).nodes.size == 501


def test_a_seed_without_links_heats_only_itself() -> None:
    links = neighbourhoods(CSRGraph.from_edges([0], [1], n_nodes=3), "both")
    heat = heat_from(links, _rows(2), 5.0, 1e-6)
    assert heat.nodes.tolist() == [2]
    assert heat.at(_rows(2)) == pytest.approx(np.exp(-5))
    assert heat.lost == pytest.approx(1 - np.exp(-5), abs=1e-3)


def test_equal_calls_give_equal_bytes() -> None:
    links = _power_law_links()
    first, second = (heat_from(links, _rows(3, 4, 5), 5.0, 1e-5) for _ in range(2))
    assert first.per_link.tobytes() == second.per_link.tobytes()
    assert first.nodes.tobytes() == second.nodes.tobytes()
