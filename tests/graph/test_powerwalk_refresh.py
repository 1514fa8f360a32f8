"""An index after some edges changed equals one made anew, and keeps what no walk and no push can have met."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput
from graph.csr import CSRGraph
from graph.powerwalk import PowerWalkIndex, PowerWalkParams, fingerprints
from graph.powerwalk.hubs import choose_hubs, hub_vectors
from graph.powerwalk.layout import Layout
from graph.powerwalk.refresh import refresh
from tests.oracles import ppr as oracle
from tests.strategies import walk_graphs

Edges = list[tuple[int, int, float]]


def graph_of(edges: Edges, *, n_nodes: int, directed: bool, weighted: bool) -> CSRGraph:
    """Nodes are those that ``edges`` name and the first ``n_nodes``; ids keep their numbers when others go."""
    network: Any = nx.DiGraph() if directed else nx.Graph()
    network.add_nodes_from(range(n_nodes))
    for src, dst, weight in edges:
        network.add_edge(src, dst, **({"weight": weight} if weighted else {}))
    return CSRGraph.from_networkx(network)


def index_of(
    graph: CSRGraph, params: PowerWalkParams, *, n_hubs: int, max_entries: int, walks: bool = True
) -> PowerWalkIndex:
    layout = Layout.of(graph, params.damping)
    which = choose_hubs(layout, n_hubs)
    hubs = hub_vectors(
        layout, which, damping=params.damping, rmax=params.hub_rmax,
        max_entries=np.full(which.size, max_entries, dtype=np.int32),
    )  # fmt: skip
    prints = fingerprints(graph, params) if walks else None
    return PowerWalkIndex(graph, params, layout=layout, hubs=hubs, fingerprints=prints, background=True)


def assert_as_made_anew(refreshed: PowerWalkIndex, anew: PowerWalkIndex) -> None:
    assert refreshed.hubs is not None
    assert anew.hubs is not None
    for name, array in anew.hubs.arrays().items():
        if name != "error":
            assert refreshed.hubs.arrays()[name].tobytes() == array.tobytes(), name
    assert (refreshed.hubs.error >= anew.hubs.error - 1e-12).all()
    if anew.fingerprints is not None:
        assert refreshed.fingerprints is not None
        for name, array in anew.fingerprints.arrays().items():
            assert refreshed.fingerprints.arrays()[name].tobytes() == array.tobytes(), name


@st.composite
def edge_lists(draw: st.DrawFn, n_nodes: int) -> Edges:
    node = st.integers(0, n_nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=2 * n_nodes, unique_by=lambda e: tuple(sorted(e))))
    return [(src, dst, draw(st.sampled_from([0.5, 1.0, 3.0]))) for src, dst in edges]


@given(
    directed=st.booleans(),
    weighted=st.booleans(),
    allotment=st.sampled_from(["even", "degree"]),
    rmax=st.sampled_from([1e-6, 1e-2, 0.2]),
    max_entries=st.integers(1, 6),
    max_print=st.sampled_from([None, 2]),
    damping=st.sampled_from([0.5, 0.85]),
    data=st.data(),
)
@settings(deadline=None, max_examples=200)
def test_a_refreshed_index_is_what_a_rebuild_makes(
    directed: bool, weighted: bool, allotment: Any, rmax: float, max_entries: int, max_print: int | None,
    damping: float, data: st.DataObject,
) -> None:  # fmt: skip
    edges = data.draw(edge_lists(12), label="before")
    gone = set(data.draw(st.lists(st.integers(0, 30), max_size=3), label="gone"))
    added = data.draw(edge_lists(15), label="added")[:3]
    after = [edge for place, edge in enumerate(edges) if place not in gone]
    before_graph = graph_of(edges, n_nodes=4, directed=directed, weighted=weighted)
    after_graph = graph_of(after + added, n_nodes=3, directed=directed, weighted=weighted)
    params = PowerWalkParams(
        n_walks=3, allotment=allotment, hub_rmax=rmax, damping=damping, max_entries=max_print, max_hub_entries=6
    )
    old = index_of(before_graph, params, n_hubs=4, max_entries=max_entries)
    assert old.hubs is not None
    anew = index_of(after_graph, params, n_hubs=old.hubs.n_hubs, max_entries=max_entries if old.hubs.n_hubs else 6)
    refreshed = refresh(old, after_graph).index
    assert_as_made_anew(refreshed, anew)
    queries = [{row: 1.0} for row in range(after_graph.n_nodes)]
    answers = refreshed.vectors(queries)
    for row, scores in enumerate(answers.scores):
        assert np.abs(scores - oracle.solve(after_graph, row, damping)).sum() <= answers.error_bound[row]


def test_what_a_change_cannot_reach_is_kept() -> None:
    far = nx.disjoint_union(nx.barabasi_albert_graph(80, 2, seed=3), nx.barabasi_albert_graph(40, 2, seed=4))
    changed = far.copy()
    changed.add_edge(81, 119)
    before, after = CSRGraph.from_networkx(far), CSRGraph.from_networkx(changed)
    params = PowerWalkParams(n_walks=10, hub_rmax=1e-4)
    old = index_of(before, params, n_hubs=30, max_entries=200)
    made = refresh(old, after)
    assert_as_made_anew(made.index, index_of(after, params, n_hubs=30, max_entries=200))
    hubs = choose_hubs(made.index.layout, 30)
    near = int((made.index.layout.order[hubs] >= 80).sum())
    assert made.n_hubs_kept == 30 - near > 10
    assert 80 <= made.n_walked_rows_kept < 120


def test_a_short_push_keeps_hubs_of_the_same_component() -> None:
    path = nx.path_graph(200)
    changed = path.copy()
    changed.add_edge(150, 160)
    before, after = CSRGraph.from_networkx(path), CSRGraph.from_networkx(changed)
    params = PowerWalkParams(n_walks=5, hub_rmax=1e-2)
    made = refresh(index_of(before, params, n_hubs=200, max_entries=50), after)
    assert_as_made_anew(made.index, index_of(after, params, n_hubs=200, max_entries=50))
    assert 150 < made.n_hubs_kept < 200
    assert made.index.hubs is not None
    assert (made.index.hubs.error < 2.1).all()


def test_nothing_changed_keeps_everything() -> None:
    graph = CSRGraph.from_networkx(nx.barabasi_albert_graph(100, 3, seed=1))
    params = PowerWalkParams(n_walks=5, hub_rmax=1e-3)
    old = index_of(graph, params, n_hubs=20, max_entries=7)
    made = refresh(old, graph, n_threads=2)
    assert (made.n_hubs_kept, made.n_walked_rows_kept) == (20, 100)
    assert made.index.hubs is not None
    assert old.hubs is not None
    assert made.index.hubs.error.tobytes() == old.hubs.error.tobytes()


@given(graph=walk_graphs())
@settings(deadline=None, max_examples=30)
def test_an_index_without_hubs_or_walks_is_laid_out_again(graph: CSRGraph) -> None:
    made = refresh(PowerWalkIndex.build(graph, PowerWalkParams(method="push")), graph)
    assert made.index.hubs is None
    assert made.index.fingerprints is None
    assert made.index.layout.order.size == graph.n_nodes


def test_a_graph_of_the_other_kind_is_refused() -> None:
    old = PowerWalkIndex.build(CSRGraph.from_edges([0, 1], [1, 2], directed=False), PowerWalkParams(method="push"))
    with pytest.raises(InvalidInput, match="directed"):
        refresh(old, CSRGraph.from_edges([0, 1], [1, 2]))
