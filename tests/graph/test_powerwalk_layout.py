"""The order queries read a graph in: a permutation that keeps walks, components and what is absorbed right."""

from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.csr import CSRGraph
from graph.powerwalk.layout import Layout
from tests.oracles import ppr as oracle
from tests.strategies import walk_graphs

DAMPINGS = st.sampled_from([0.0, 0.5, 0.85, 0.99])


@given(graph=walk_graphs())
@settings(deadline=None, max_examples=100)
def test_a_layout_holds_the_same_arcs_in_the_same_order(graph: CSRGraph) -> None:
    layout = Layout.of(graph, 0.85)
    assert sorted(layout.order.tolist()) == list(range(graph.n_nodes))
    assert (layout.place[layout.order] == np.arange(graph.n_nodes)).all()
    for row in range(graph.n_nodes):
        old = int(layout.order[row])
        here = slice(layout.indptr[row], layout.indptr[row + 1])
        there = slice(graph.indptr[old], graph.indptr[old + 1])
        assert layout.order[layout.indices[here]].tolist() == graph.indices[there].tolist()
        if graph.weights is not None:
            assert layout.weights[here].tolist() == graph.weights[there].tolist()


@given(graph=walk_graphs(), damping=DAMPINGS)
@settings(deadline=None, max_examples=100)
def test_totals_are_the_sums_of_rankings_whose_walks_end(graph: CSRGraph, damping: float) -> None:
    layout = Layout.of(graph, damping)
    totals = layout.totals if layout.totals.size else np.ones(graph.n_nodes)
    np.testing.assert_allclose(totals[layout.place], oracle.solve_all(graph, damping).sum(axis=1), atol=1e-12)


@given(graph=walk_graphs())
@settings(deadline=None, max_examples=100)
def test_components_are_ranges_with_a_stationary_distribution_each(graph: CSRGraph) -> None:
    layout = Layout.of(graph, 0.85)
    if graph.directed:
        assert layout.component.size == layout.starts.size == layout.stationary.size == 0
        return
    step = oracle.transition(graph)
    alive = np.flatnonzero(step.sum(axis=1) > 0)
    network = nx.from_numpy_array(step[np.ix_(alive, alive)])
    found = {frozenset(alive[list(nodes)].tolist()) for nodes in nx.connected_components(network)}
    sizes = np.diff(layout.starts)
    assert (np.diff(sizes) <= 0).all()
    ranges = [slice(a, b) for a, b in zip(layout.starts[:-1], layout.starts[1:], strict=True)]
    assert {frozenset(layout.order[here].tolist()) for here in ranges} == found
    for number, here in enumerate(ranges):
        assert (layout.component[here] == number).all()
        assert (np.diff(layout.stationary[here]) <= 0).all()
        spread = np.zeros(graph.n_nodes)
        spread[layout.order[here]] = layout.stationary[here]
        np.testing.assert_allclose(spread.sum(), 1.0)
        np.testing.assert_allclose(spread @ step, spread, atol=1e-6)  # weights are float32
    assert (layout.component[layout.starts[-1] :] == -1).all()
    assert (layout.stationary[layout.starts[-1] :] == 0).all()
