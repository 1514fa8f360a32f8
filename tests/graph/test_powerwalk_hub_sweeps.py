"""Hubs ranked by sweeps: how near their lists are, and that bounds hold where entries may be above the truth."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams
from graph.csr import CSRGraph
from graph.powerwalk import PowerWalkIndex, PowerWalkParams, QueryParams
from graph.powerwalk.choice import build
from graph.powerwalk.hubs import HubVectors, choose_hubs, hub_vectors
from graph.powerwalk.layout import Layout
from graph.powerwalk.measure import goodness
from graph.powerwalk.refresh import refresh
from tests.oracles import ppr as oracle
from tests.strategies import walk_graphs, walk_seeds

DAMPINGS = st.sampled_from([0.0, 0.5, 0.85, 0.99])


def communities(n_nodes: int = 600, *, weighted: bool = False) -> CSRGraph:
    """Groups of thirty that hang together by few edges, and some lone pairs: walks mix slowly."""
    drawn = nx.relaxed_caveman_graph(n_nodes // 30, 30, 0.05, seed=3)
    ends = np.array(list(drawn.edges), dtype=np.int64).T
    ends = np.concatenate([ends, [[n_nodes, n_nodes + 2], [n_nodes + 1, n_nodes + 3]]], axis=1)
    weights = np.random.default_rng(2).choice([0.25, 0.5, 1.0], ends.shape[1]) if weighted else None
    return CSRGraph.from_edges(*ends, weights, directed=False)


def swept(
    graph: CSRGraph,
    n_hubs: int,
    max_entries: int,
    n_sweeps: int,
    rmax: float,
    damping: float = 0.85,
    n_threads: int = 1,
) -> tuple[Layout, HubVectors]:
    layout = Layout.of(graph, damping)
    which = choose_hubs(layout, n_hubs)
    limits = np.full(which.size, max_entries, dtype=np.int32)
    return layout, hub_vectors(
        layout, which, damping=damping, rmax=rmax, max_entries=limits, n_sweeps=n_sweeps, n_threads=n_threads
    )


@given(
    graph=walk_graphs(),
    damping=DAMPINGS,
    background=st.booleans(),
    n_hubs=st.integers(1, 40),
    max_entries=st.integers(1, 40),
    n_sweeps=st.integers(1, 9),
    hub_rmax=st.sampled_from([1e-6, 1e-2, 0.9]),
    cut=st.sampled_from([0.0, 1e-3, 0.1]),
    data=st.data(),
)
@settings(deadline=None, max_examples=300)
def test_the_bound_is_never_broken(
    graph: CSRGraph,
    damping: float,
    background: bool,
    n_hubs: int,
    max_entries: int,
    n_sweeps: int,
    hub_rmax: float,
    cut: float,
    data: st.DataObject,
) -> None:
    layout, hubs = swept(graph, n_hubs, max_entries, n_sweeps, hub_rmax, damping)
    index = PowerWalkIndex(
        graph, PowerWalkParams(damping=damping), layout=layout, hubs=hubs, background=background
    )  # fmt: skip
    queries = [data.draw(walk_seeds(graph.n_nodes), label="seeds") for _ in range(3)]
    answers = index.vectors(queries, params=QueryParams(rmax=1e-2, cut=cut))
    for query, scores, bound in zip(queries, answers.scores, answers.error_bound, strict=True):
        assert np.abs(scores - oracle.solve(graph, query, damping)).sum() <= bound
        assert (scores >= 0).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_sweeps", [1, 2, 5, 20, 60])
def test_whole_lists_are_as_near_as_they_say_and_come_nearer_with_sweeps(weighted: bool, n_sweeps: int) -> None:
    graph = communities(weighted=weighted)
    layout, hubs = swept(graph, 50, graph.n_nodes, n_sweeps, 1e-3)
    absorbed = oracle.solve_all(graph, 0.85)
    assert hubs.off is not None
    for number, hub in enumerate(hubs.hubs):
        row = slice(hubs.indptr[number], hubs.indptr[number + 1])
        values = np.zeros(graph.n_nodes)
        values[layout.order[hubs.nodes[row]]] = hubs.values[row]
        distance = np.abs(values - absorbed[layout.order[hub]]).sum()
        assert distance <= hubs.off[number]
        assert distance <= max(2 * 0.7**n_sweeps, 2e-6)  # .56 a step at worst, .85 the last
        assert values.sum() <= 1.0
        assert (np.diff(hubs.values[row]) <= 0).all()
        assert 0 < hubs.mass[number] <= 1.0


def test_bytes_do_not_depend_on_threads_ranges_or_a_larger_build() -> None:
    graph = communities(weighted=True)
    layout, whole = swept(graph, 40, 20, 3, 1e-3, n_threads=3)
    which, some = whole.hubs, np.full(40, 20, dtype=np.int32)

    def part(first: int, last: int, less: int = 0) -> HubVectors:
        return hub_vectors(
            layout, which[first:last], damping=0.85, rmax=1e-3, max_entries=some[first:last] - less, n_sweeps=3
        )

    parts = [part(first, last) for first, last in itertools.pairwise([0, 1, 18, 18, 40])]
    for name, array in HubVectors.concatenate(parts).arrays().items():
        assert array.tobytes() == whole.arrays()[name].tobytes()
    for name, array in whole.first(9, 7).arrays().items():
        assert array.tobytes() == part(0, 9, 13).arrays()[name].tobytes()


def test_directed_graphs_push_alone() -> None:
    graph = CSRGraph.from_edges([0, 0, 1, 2, 3, 3], [1, 2, 2, 0, 2, 0])
    _, pushed = swept(graph, 4, 4, 0, 1e-9)
    _, asked = swept(graph, 4, 4, 5, 1e-9)
    assert asked.off is None
    for name, array in pushed.arrays().items():
        assert array.tobytes() == asked.arrays()[name].tobytes()


def test_where_walks_mix_slowly_swept_hubs_meet_what_is_asked_with_less_work_than_a_push() -> None:
    graph = communities(3000)
    asked = {"precision": 0.97, "rag": 0.999, "index_bytes": 4096}
    by_push = build(graph, PowerWalkParams(**asked, method="push"))
    by_hubs = build(
        graph, PowerWalkParams(**asked, method="hubs", max_hub_entries=200, hub_rmax=1e-3, hub_sweeps=6), n_threads=2
    )
    work = [next(one.quality.work for one in built.frontier if one.kept) for built in (by_push, by_hubs)]
    assert work[1] < 0.5 * work[0]
    sources = list(range(7, 3000, 101))
    found = by_hubs.index.query([{source: 1.0} for source in sources], 100, n_threads=2)
    truth = oracle.solve_all(graph, 0.85)[sources]
    assert np.mean([goodness(rank, nodes)[0] for rank, nodes in zip(truth, found.nodes, strict=True)]) >= 0.95


def test_a_refresh_sweeps_all_hubs_anew() -> None:
    graph = communities()
    params = PowerWalkParams(method="hubs", hub_sweeps=4, hub_rmax=1e-3, max_hub_entries=50)
    layout, hubs = swept(graph, 30, 50, 4, 1e-3)
    index = PowerWalkIndex(graph, params, layout=layout, hubs=hubs)
    src = np.repeat(np.arange(graph.n_nodes), np.diff(graph.indptr))
    kept = src < graph.indices
    changed = CSRGraph.from_edges(
        np.append(src[kept], 3), np.append(graph.indices[kept], 500), n_nodes=graph.n_nodes, directed=False
    )
    newer = refresh(index, changed)
    assert newer.n_hubs_kept == 0
    assert newer.index.hubs is not None
    _, anew = swept(changed, 30, 50, 4, 1e-3)
    for name, array in anew.arrays().items():
        assert array.tobytes() == newer.index.hubs.arrays()[name].tobytes()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidParams, match="hub_sweeps"):
        PowerWalkParams(hub_sweeps=-1)
    _, hubs = swept(communities(), 5, 9, 2, 1e-3)
    arrays = hubs.arrays()
    with pytest.raises(InvalidInput, match="distances"):
        HubVectors(**{**arrays, "off": arrays["off"][:-1]})
