"""Hub vectors and backgrounds: what queries make of them, and that the bound that comes with it always holds."""

from __future__ import annotations

import itertools
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput
from graph.csr import CSRGraph
from graph.powerwalk import PowerWalkIndex, PowerWalkParams, QueryParams, fingerprints
from graph.powerwalk.hubs import HubVectors, choose_hubs, hub_vectors
from graph.powerwalk.layout import Layout
from tests.oracles import ppr as oracle
from tests.strategies import walk_graphs, walk_seeds

DAMPINGS = st.sampled_from([0.0, 0.5, 0.85, 0.99])
E4 = [0, 0, 1, 2, 3, 3], [1, 2, 2, 0, 2, 0]
E5 = [0, 0, 1, 2, 3, 3], [1, 4, 2, 0, 2, 0]
KINDS = list(itertools.product([False, True], repeat=3))  # hubs, walks, background


def barabasi_albert() -> CSRGraph:
    return CSRGraph.from_networkx(nx.barabasi_albert_graph(300, 3, seed=1))


def index_of(
    graph: CSRGraph,
    *,
    hubs: bool = True,
    walks: bool = False,
    background: bool = False,
    damping: float = 0.85,
    n_hubs: int = 3,
    max_entries: int = 4,
    hub_rmax: float = 1e-2,
    layout: Layout | None = None,
) -> PowerWalkIndex:
    params = PowerWalkParams(damping=damping, n_walks=3)
    layout = Layout.of(graph, damping) if layout is None else layout
    which = choose_hubs(layout, n_hubs)
    limits = np.full(which.size, max_entries, dtype=np.int32)
    vectors = hub_vectors(layout, which, damping=damping, rmax=hub_rmax, max_entries=limits)
    return PowerWalkIndex(
        graph, params, layout=layout, hubs=vectors if hubs else None,
        fingerprints=fingerprints(graph, params) if walks else None, background=background,
    )  # fmt: skip


@given(
    graph=walk_graphs(),
    damping=DAMPINGS,
    kind=st.sampled_from(KINDS),
    n_hubs=st.integers(0, 9),
    max_entries=st.integers(1, 9),
    hub_rmax=st.sampled_from([1e-12, 1e-3, 0.3]),
    rmax=st.sampled_from([1e-9, 1e-3, 0.05, 0.5]),
    cut=st.sampled_from([0.0, 1e-3, 0.1, 1.0]),
    rounds=st.sampled_from([None, None, 0, 2]),
    data=st.data(),
)
@settings(deadline=None, max_examples=400)
def test_the_bound_is_never_broken(
    graph: CSRGraph,
    damping: float,
    kind: tuple[bool, bool, bool],
    n_hubs: int,
    max_entries: int,
    hub_rmax: float,
    rmax: float,
    cut: float,
    rounds: int | None,
    data: st.DataObject,
) -> None:
    hubs, walks, background = kind
    index = index_of(
        graph, hubs=hubs, walks=walks, background=background, damping=damping, n_hubs=n_hubs,
        max_entries=max_entries, hub_rmax=hub_rmax,
    )  # fmt: skip
    effort = QueryParams(rmax=rmax, cut=cut, max_rounds=rounds)
    queries = [data.draw(walk_seeds(graph.n_nodes), label="seeds") for _ in range(3)]
    answers = index.vectors(queries, params=effort)
    for query, scores, bound in zip(queries, answers.scores, answers.error_bound, strict=True):
        assert np.abs(scores - oracle.solve(graph, query, damping)).sum() <= bound
        assert (scores >= 0).all()
    ranking = index.query(queries, 5, params=effort)
    assert (ranking.error_bound >= answers.error_bound).all()
    for scores, nodes, best in zip(answers.scores, ranking.nodes, ranking.scores, strict=True):
        narrow = scores.astype(np.float32)
        order = sorted(np.flatnonzero(narrow).tolist(), key=lambda node: (-narrow[node], node))[:5]
        assert nodes.tolist() == order + [-1] * (5 - len(order))
        assert best.tolist() == narrow[order].tolist() + [0.0] * (5 - len(order))


def test_ten_thousand_queries_stay_within_their_bounds() -> None:
    rng = np.random.default_rng(17)
    n_asked = 0
    while n_asked < 10_000:
        n_nodes = int(rng.integers(2, 60))
        n_arcs = int(rng.integers(1, 4 * n_nodes))
        weights = rng.choice([0.0, 0.1, 1.0, 7.0], n_arcs) if rng.random() < 0.5 else None
        ends = rng.integers(0, n_nodes, (2, n_arcs))
        graph = CSRGraph.from_edges(*ends, weights, n_nodes=n_nodes, directed=bool(rng.random() < 0.5))
        absorbed = oracle.solve_all(graph, 0.85)
        truth = absorbed / absorbed.sum(axis=1, keepdims=True)
        hubs, walks, background = KINDS[int(rng.integers(8))]
        index = index_of(
            graph, hubs=hubs, walks=walks, background=background, n_hubs=int(rng.integers(1, 12)),
            max_entries=int(rng.integers(1, 30)), hub_rmax=float(10.0 ** -rng.integers(1, 6)),
        )  # fmt: skip
        effort = QueryParams(rmax=float(10.0 ** -rng.integers(1, 5)), cut=float(rng.choice([0.0, 1e-4, 1e-2])))
        queries = [{int(node): 1.0} for node in rng.integers(0, n_nodes, 100)]
        answers = index.vectors(queries, params=effort)
        distance = np.abs(answers.scores - truth[[next(iter(query)) for query in queries]]).sum(axis=1)
        assert (distance <= answers.error_bound).all()
        n_asked += len(queries)


@pytest.mark.parametrize(("hubs", "walks", "background"), KINDS)
@pytest.mark.parametrize(("arcs", "truth"), [
    (E4, [[0.452233, 0.192199, 0.355568, 0], [0.326738, 0.288864, 0.384398, 0],
          [0.384398, 0.163369, 0.452233, 0], [0.355568, 0.151116, 0.343315, 0.15]]),
    (E5, [[0.452233, 0.192199, 0.163369, 0, 0.192199]]),
])  # fmt: skip
def test_the_examples_come_out_in_every_mode(
    arcs: tuple[list[int], list[int]], truth: list[list[float]], hubs: bool, walks: bool, background: bool
) -> None:
    index = index_of(
        CSRGraph.from_edges(*arcs), hubs=hubs, walks=walks, background=background, max_entries=9, hub_rmax=1e-13
    )
    queries = [{source: 1.0} for source in range(len(truth))]
    answers = index.vectors(queries, params=QueryParams(rmax=1e-13, cut=0.0))
    np.testing.assert_allclose(answers.scores, truth, atol=6e-7)
    assert (answers.error_bound < 1e-6).all()
    np.testing.assert_allclose(index.vectors(queries, exact=True).scores, truth, atol=6e-7)


@given(graph=walk_graphs(), damping=DAMPINGS, max_entries=st.integers(1, 5), rmax=st.sampled_from([1e-9, 1e-2, 0.5]))
@settings(deadline=None, max_examples=100)
def test_a_list_is_the_head_of_what_is_certain(graph: CSRGraph, damping: float, max_entries: int, rmax: float) -> None:
    layout = Layout.of(graph, damping)
    which = choose_hubs(layout, graph.n_nodes)
    limits = np.full(which.size, max_entries, dtype=np.int32)
    vectors = hub_vectors(layout, which, damping=damping, rmax=rmax, max_entries=limits)
    absorbed = oracle.solve_all(graph, damping)
    for number, hub in enumerate(vectors.hubs):
        row = slice(vectors.indptr[number], vectors.indptr[number + 1])
        values, nodes = vectors.values[row].astype(np.float64), layout.order[vectors.nodes[row]]
        assert 0 < values.size <= max_entries
        assert (np.diff(values) <= 0).all()
        assert (values <= absorbed[layout.order[hub], nodes] + 1e-15).all()
        assert values.sum() <= vectors.mass[number] + 1e-15
        if rmax == 1e-9 and max_entries >= graph.n_nodes:
            np.testing.assert_allclose(values, absorbed[layout.order[hub], nodes], atol=1e-6)


def test_hubs_are_the_nodes_where_most_arcs_arrive() -> None:
    graph = CSRGraph.from_edges([0, 1, 2, 3, 3, 4], [4, 4, 4, 0, 1, 0])
    layout = Layout.of(graph, 0.85)
    assert layout.order[choose_hubs(layout, 10)].tolist() == [4, 0, 1]  # 2 and 3 are no one's neighbour
    sink = CSRGraph.from_edges([0, 1, 2, 0], [3, 3, 3, 1])
    layout = Layout.of(sink, 0.85)
    assert layout.order[choose_hubs(layout, 10)].tolist() == [1]  # no walk goes on from 3


def test_bytes_do_not_depend_on_threads_ranges_or_a_larger_build() -> None:
    layout = Layout.of(barabasi_albert(), 0.85)
    which = choose_hubs(layout, 40)
    some = np.full(40, 20, dtype=np.int32)
    whole = hub_vectors(layout, which, damping=0.85, rmax=1e-4, max_entries=some, n_threads=3)
    cuts = [0, 1, 17, 40]
    parts = [
        hub_vectors(layout, which[a:b], damping=0.85, rmax=1e-4, max_entries=some[a:b])
        for a, b in itertools.pairwise(cuts)
    ]
    for name, array in HubVectors.concatenate(parts).arrays().items():
        assert array.tobytes() == whole.arrays()[name].tobytes()
    smaller = hub_vectors(layout, which[:9], damping=0.85, rmax=1e-4, max_entries=some[:9] - 13)
    for name, array in whole.first(9, 7).arrays().items():
        assert array.tobytes() == smaller.arrays()[name].tobytes()


def test_nothing_but_speed_depends_on_the_order_of_rows() -> None:
    graph = barabasi_albert()
    sorted_ = Layout.of(graph, 0.85)
    rng = np.random.default_rng(0)
    order = np.argsort(-graph.out_degree() + 0.0 * rng.random(300), kind="stable")[::-1]  # worst instead of best first
    place = np.empty(300, dtype=np.int32)
    place[order] = np.arange(300)
    degrees = graph.out_degree()[order]
    indptr = np.concatenate([[0], np.cumsum(degrees)])
    indices = np.concatenate([place[graph.indices[graph.indptr[row] : graph.indptr[row + 1]]] for row in order])
    turned = Layout(
        order=order.astype(np.int32), place=place, indptr=indptr, indices=indices.astype(np.int32),
        weights=sorted_.weights, out_weight=sorted_.out_weight, totals=sorted_.totals,
        component=sorted_.component[:0], starts=sorted_.starts[:0], stationary=sorted_.stationary[:0],
    )  # fmt: skip
    queries = [{node: 1.0, (node * 7) % 300: 2.0} for node in range(20)]
    for hubs, walks in itertools.product([False, True], repeat=2):
        answers = [
            index_of(graph, hubs=hubs, walks=walks, n_hubs=20, max_entries=50, hub_rmax=1e-4, layout=layout).query(
                queries, 30, params=QueryParams(rmax=1e-3, cut=1e-6)
            )
            for layout in (sorted_, turned)
        ]
        for name in ("nodes", "scores", "error_bound", "residual"):
            assert getattr(answers[0], name).tobytes() == getattr(answers[1], name).tobytes()


def mean_distance(index: PowerWalkIndex, effort: QueryParams, truth: npt.NDArray[np.float64]) -> float:
    scores = index.vectors([{node: 1.0} for node in range(0, 300, 7)], params=effort).scores
    return float(np.abs(scores - truth[::7]).sum(axis=1).mean())


def test_more_push_hubs_and_entries_bring_answers_closer() -> None:
    graph = barabasi_albert()
    truth = oracle.solve_all(graph, 0.85)
    wide: dict[str, Any] = {"n_hubs": 40, "max_entries": 300, "hub_rmax": 1e-7}
    by_push = [mean_distance(index_of(graph, hubs=False), QueryParams(rmax=r), truth) for r in (1e-2, 1e-3, 1e-4, 1e-5)]
    by_cut = [mean_distance(index_of(graph, **wide), QueryParams(rmax=1e-3, cut=c), truth) for c in (1e-2, 1e-3, 1e-5)]
    by_hubs = [
        mean_distance(index_of(graph, **{**wide, "n_hubs": n}), QueryParams(rmax=1e-3, cut=0.0), truth)
        for n in (0, 5, 20, 80)
    ]
    by_entries = [
        mean_distance(index_of(graph, **{**wide, "max_entries": n}), QueryParams(rmax=1e-3, cut=0.0), truth)
        for n in (1, 10, 50, 300)
    ]
    for distances in (by_push, by_cut, by_hubs, by_entries):
        assert distances == sorted(distances, reverse=True)
        assert distances[-1] < 0.5 * distances[0]
    # Two fifths of the mass are spread where long walks are, and that is closer than nowhere.
    effort = QueryParams(rmax=1e-3, cut=1e-5)
    assert mean_distance(index_of(graph, background=True, **wide), effort, truth) < 0.5 * mean_distance(
        index_of(graph, **wide), effort, truth
    )


def test_each_component_gets_its_own_background() -> None:
    two = nx.disjoint_union(nx.barabasi_albert_graph(40, 2, seed=2), nx.star_graph(5))
    two.add_node(46)
    graph = CSRGraph.from_networkx(two)
    index = index_of(graph, background=True, hub_rmax=0.2)
    effort = QueryParams(rmax=0.5, cut=1e-6)
    answers = index.vectors([{0: 1.0}, {41: 1.0}, {46: 1.0}, {0: 1.0, 41: 2.0, 46: 1.0}], params=effort)
    assert (answers.scores[0, :40] > 0).all()
    assert (answers.scores[0, 40:] == 0).all()
    assert (answers.scores[1, :40] == 0).all()
    assert (answers.scores[1, 40:46] > 0).all()
    assert answers.scores[2].tolist() == [0.0] * 46 + [1.0]
    np.testing.assert_allclose(answers.scores.sum(axis=1), 1.0)
    truth = oracle.solve(graph, {0: 1.0, 41: 2.0, 46: 1.0}, 0.85)  # a walk that is stuck at 46 restarts anywhere
    for part in (slice(40), slice(40, 46), slice(46, 47)):
        assert answers.scores[3, part].sum() == pytest.approx(truth[part].sum())
    nodes = index.query([{41: 1.0}], 20, params=effort).nodes[0]
    assert sorted(nodes[:6].tolist()) == list(range(40, 46))
    assert (nodes[6:] == -1).all()


def test_a_background_is_left_out_of_directed_graphs() -> None:
    index = index_of(CSRGraph.from_edges(*E4), background=True)
    assert not index.background


def test_queries_of_a_batch_do_not_touch_one_another() -> None:
    graph = barabasi_albert()
    index = index_of(graph, background=True, n_hubs=20, max_entries=50, hub_rmax=1e-4)
    queries = [{node: 1.0, (7 * node + 1) % 300: 0.3} for node in range(50)]
    batch = index.query(queries, 30, n_threads=3)
    alone = [index.query([query], 30) for query in queries]
    for name in ("nodes", "scores", "error_bound", "residual"):
        together = np.concatenate([getattr(one, name) for one in alone])
        assert getattr(batch, name).tobytes() == together.tobytes()


def test_an_index_of_another_graph_is_refused() -> None:
    layout = Layout.of(barabasi_albert(), 0.85)
    with pytest.raises(InvalidInput, match="300 nodes"):
        PowerWalkIndex(CSRGraph.from_edges(*E4), PowerWalkParams(), layout=layout)


def test_arrays_that_do_not_fit_each_other_are_refused() -> None:
    arrays = index_of(barabasi_albert()).hubs
    assert arrays is not None
    for name in ("mass", "indptr", "values"):
        with pytest.raises(InvalidInput, match="hub vectors"):
            HubVectors(**{**arrays.arrays(), name: arrays.arrays()[name][:-1]})
