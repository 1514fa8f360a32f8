"""Exact personalised PageRank and forward push, beside networkx and dense linear algebra."""

from __future__ import annotations

import math
import pickle
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidParams, InvalidQuery, NotConverged
from graph.csr import CSRGraph
from graph.ppr import ExactPPR, PPRParams, personalized_pagerank, personalized_pageranks
from graph.push import PushParams, forward_push
from tests.oracles import ppr as oracle
from tests.strategies import walk_graphs, walk_seeds

DAMPINGS = st.sampled_from([0.0, 0.5, 0.85, 0.99])
E4 = CSRGraph.from_edges([0, 0, 1, 2, 3, 3], [1, 2, 2, 0, 2, 0])
E5 = CSRGraph.from_edges([0, 0, 1, 2, 3, 3], [1, 4, 2, 0, 2, 0], n_nodes=5)


def barabasi_albert() -> CSRGraph:
    return CSRGraph.from_networkx(nx.barabasi_albert_graph(300, 3, seed=1))


@given(graph=walk_graphs(), damping=DAMPINGS, data=st.data())
@settings(deadline=None, max_examples=150)
def test_agrees_with_a_dense_solve(graph: CSRGraph, damping: float, data: st.DataObject) -> None:
    seeds = data.draw(walk_seeds(graph.n_nodes), label="seeds")
    rank = personalized_pagerank(graph, seeds, PPRParams(damping=damping, max_iter=10_000))
    truth = oracle.solve(graph, seeds, damping)
    assert np.abs(rank - truth).sum() <= 1e-10 + 1e-12
    assert rank.sum() == pytest.approx(1.0, abs=1e-14)


@given(graph=walk_graphs(), damping=DAMPINGS, data=st.data())
@settings(deadline=None, max_examples=60)
def test_agrees_with_networkx(graph: CSRGraph, damping: float, data: st.DataObject) -> None:
    seeds = data.draw(walk_seeds(graph.n_nodes), label="seeds")
    rank = personalized_pagerank(graph, seeds, PPRParams(damping=damping, max_iter=10_000))
    np.testing.assert_allclose(rank, oracle.networkx_ppr(graph, seeds, damping), atol=1e-8, rtol=0)


def test_four_nodes_give_the_rows_worked_out_by_hand() -> None:
    rows = [
        [0.452233, 0.192199, 0.355568, 0.0],
        [0.326738, 0.288864, 0.384398, 0.0],
        [0.384398, 0.163369, 0.452233, 0.0],
        [0.355568, 0.151116, 0.343315, 0.15],
    ]
    for source, row in enumerate(rows):
        np.testing.assert_allclose(personalized_pagerank(E4, source), row, atol=1e-6)


def test_a_dangling_node_restarts_at_the_source_which_is_absorption_divided_by_its_sum() -> None:
    absorbed = oracle.solve(E5, 0, 0.85, "absorb")
    np.testing.assert_allclose(absorbed, [0.21647, 0.0920, 0.0782, 0, 0.0920], atol=1e-4)
    assert absorbed.sum() == pytest.approx(0.478669, abs=1e-6)
    rank = personalized_pagerank(E5, 0)
    np.testing.assert_allclose(rank, [0.452233, 0.192199, 0.163369, 0, 0.192199], atol=1e-6)
    np.testing.assert_allclose(rank, absorbed / absorbed.sum(), atol=1e-10)
    # The other conventions are other answers.
    assert oracle.solve(E5, 0, 0.85, "self-loop")[4] == pytest.approx(0.613331, abs=1e-6)
    uniform = [0.374472, 0.191748, 0.209436, 0.032597, 0.191748]
    np.testing.assert_allclose(oracle.solve(E5, 0, 0.85, "uniform"), uniform, atol=1e-6)


def test_an_undirected_graph_is_reversible() -> None:
    graph = barabasi_albert()
    degree = graph.out_degree()
    rows = np.array([personalized_pagerank(graph, node, PPRParams(tol=1e-14)) for node in range(graph.n_nodes)])
    flow = degree[:, None] * rows
    assert np.abs(flow - flow.T).max() < 1e-12


def test_several_seeds_are_a_mixture_of_single_ones() -> None:
    graph = barabasi_albert()
    mixed = personalized_pagerank(graph, {3: 1.0, 77: 3.0})
    apart = 0.25 * personalized_pagerank(graph, 3) + 0.75 * personalized_pagerank(graph, 77)
    np.testing.assert_allclose(mixed, apart, atol=1e-10)
    scaled = personalized_pagerank(graph, {77: 1.5e308, 3: 0.5e308})
    np.testing.assert_allclose(scaled, mixed, atol=1e-15)


def test_the_order_of_seeds_does_not_change_a_byte() -> None:
    graph = barabasi_albert()
    seeds = {node: 1 / (node + 3) for node in range(0, 300, 29)}
    turned = dict(reversed(seeds.items()))
    assert personalized_pagerank(graph, seeds).tobytes() == personalized_pagerank(graph, turned).tobytes()


def test_what_cannot_be_reached_is_exactly_zero() -> None:
    graph = CSRGraph.from_edges([0, 1, 3], [1, 0, 2], n_nodes=5)
    assert np.flatnonzero(personalized_pagerank(graph, 0)).tolist() == [0, 1]
    assert personalized_pagerank(graph, 4).tolist() == [0, 0, 0, 0, 1]


def test_arcs_that_weigh_nothing_leave_a_node_dangling() -> None:
    weights = np.array([0.0, 0.0, 1.0], dtype=np.float32)
    graph = CSRGraph(
        indptr=np.array([0, 2, 3, 3]), indices=np.array([1, 2, 0], dtype=np.int32), weights=weights, directed=True
    )
    assert personalized_pagerank(graph, 0).tolist() == [1, 0, 0]
    assert forward_push(graph, 0).settled == pytest.approx([0.15, 0, 0])


@given(graph=walk_graphs(), damping=DAMPINGS, tol=st.sampled_from([0.3, 1e-3, 1e-6, 1e-10]), data=st.data())
@settings(deadline=None, max_examples=80)
def test_the_distance_asked_for_is_kept(graph: CSRGraph, damping: float, tol: float, data: st.DataObject) -> None:
    sources = data.draw(st.lists(walk_seeds(graph.n_nodes), min_size=5, max_size=7), label="sources")
    ranks = personalized_pageranks(graph, sources, PPRParams(damping=damping, tol=tol, max_iter=10_000))
    for rank, seeds in zip(ranks, sources, strict=True):
        assert np.abs(rank - oracle.solve(graph, seeds, damping)).sum() <= tol + 1e-12
        assert rank.sum() == pytest.approx(1.0, abs=1e-14)
        assert rank.min() >= 0


@given(graph=walk_graphs(), n_threads=st.integers(2, 3), block_bytes=st.integers(1, 10_000), data=st.data())
@settings(deadline=None, max_examples=25)
def test_a_source_gets_the_same_bytes_alone_and_in_any_batch(
    graph: CSRGraph, n_threads: int, block_bytes: int, data: st.DataObject
) -> None:
    sources = data.draw(st.lists(walk_seeds(graph.n_nodes), min_size=1, max_size=40), label="sources")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("graph.rank_steps.RANGE_COST", 8)
        prepared = ExactPPR.of(graph)
        alone = np.array([personalized_pagerank(graph, source) for source in sources])
        assert prepared.ranks(sources, n_threads=n_threads).tobytes() == alone.tobytes()
        assert prepared.ranks(sources[::-1]).tobytes() == alone[::-1].tobytes()
        patch.setattr("graph.rank_steps.BLOCK_BYTES", block_bytes)
        assert prepared.ranks(sources).tobytes() == alone.tobytes()


def test_blocks_come_one_after_the_other_and_hold_few_sources() -> None:
    graph = barabasi_albert()
    sources = [{node: 1.0, (7 * node) % 300: 2.0} for node in range(38)]
    prepared = ExactPPR.of(graph)
    blocks = list(prepared.blocks(sources))
    assert [first for first, _ in blocks] == [0, 16, 32]
    assert [len(ranks) for _, ranks in blocks] == [16, 16, 6]
    assert np.concatenate([ranks for _, ranks in blocks]).tobytes() == prepared.ranks(sources).tobytes()
    with pytest.raises(InvalidQuery, match="300"):
        prepared.blocks([0, 300])  # before the first block is asked for
    with pytest.raises(InvalidQuery, match="one mapping"):
        prepared.blocks({0: 1.0})  # type: ignore[arg-type]  # what is easily got wrong
    assert prepared.ranks([]).shape == (0, 300)


def test_a_batch_too_large_for_memory_is_done_in_narrow_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = ExactPPR.of(barabasi_albert())
    whole = prepared.ranks(range(20))
    monkeypatch.setattr("graph.rank_steps.BLOCK_BYTES", 4 * 16 * 300)
    assert [len(ranks) for _, ranks in prepared.blocks(range(20))] == [4] * 5
    assert prepared.ranks(range(20)).tobytes() == whole.tobytes()


@pytest.mark.parametrize("drawn", [nx.cycle_graph(400), nx.path_graph(400), nx.grid_2d_graph(20, 20)])
def test_arcs_both_ways_take_half_as_many_steps(drawn: nx.Graph[Any]) -> None:
    graph = CSRGraph.from_networkx(nx.convert_node_labels_to_integers(drawn))
    directed = CSRGraph(indptr=graph.indptr, indices=graph.indices, directed=True)
    few = PPRParams(max_iter=65)
    with pytest.raises(NotConverged):
        personalized_pagerank(directed, 0, few)
    quick, plain = personalized_pagerank(graph, 0, few), personalized_pagerank(directed, 0)
    assert np.abs(quick - plain).sum() <= 2e-10


def test_too_few_steps_are_reported_with_the_distance_reached() -> None:
    with pytest.raises(NotConverged) as caught:
        personalized_pagerank(E4, 0, PPRParams(damping=0.99, max_iter=20))
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.n_iter == 20
    assert error.tol == 1e-10
    assert error.residual > 1e-10
    assert error.residual == caught.value.residual


@pytest.mark.parametrize(
    "bad",
    [{"damping": 1.0}, {"damping": -0.1}, {"damping": math.nan}, {"tol": 0.0}, {"tol": math.inf}, {"max_iter": 0}],
)
def test_params_that_cannot_run_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(bad))):
        PPRParams(**bad)


@pytest.mark.parametrize(
    "bad",
    [
        {}, 4, -1, {4: 1.0}, {-1: 1.0}, {0: -1.0}, {0: 0.0}, {0: math.nan}, {0: math.inf}, {0: "much"}, {"0": 1.0},
        {0.5: 1.0}, {0: 1.0, 1: 0.0}, {0: 10**400}, None,
    ],
)  # fmt: skip
def test_a_source_that_makes_no_sense_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidQuery):
        personalized_pagerank(E4, bad)
    with pytest.raises(InvalidQuery):
        forward_push(E4, bad)


def test_an_empty_graph_has_no_source() -> None:
    graph = CSRGraph.from_edges([], [])
    with pytest.raises(InvalidQuery, match="not a node"):
        personalized_pagerank(graph, 0)


@pytest.mark.parametrize(
    ("rounds", "settled", "residual"),
    [
        (0, [0, 0, 0, 0], [1, 0, 0, 0]),
        (1, [0.15, 0, 0, 0], [0, 0.425, 0.425, 0]),
        (2, [0.15, 0.06375, 0.06375, 0], [0.36125, 0, 0.36125, 0]),
    ],
)
def test_rounds_without_a_threshold_are_those_of_the_paper(
    rounds: int, settled: list[float], residual: list[float]
) -> None:
    result = forward_push(E4, 0, PushParams(rmax=0.0, max_rounds=rounds))
    np.testing.assert_allclose(result.settled, settled, atol=1e-15)
    np.testing.assert_allclose(result.residual, residual, atol=1e-15)


def test_after_t_rounds_damping_to_the_power_of_t_is_left() -> None:
    result = forward_push(E4, 0, PushParams(rmax=0.0, max_rounds=5))
    assert result.residual.sum() == pytest.approx(0.4437053125, abs=1e-15)


def test_keeping_small_mass_saves_what_dropping_it_loses() -> None:
    matrix, rows = oracle.transition(E4), oracle.solve_all(E4, 0.85)
    settled, flow = oracle.verd(matrix, 0, 6, 0.2, 0.85)
    np.testing.assert_allclose(settled, [0.250247, 0.06375, 0.117938, 0], atol=1e-6)
    np.testing.assert_allclose(flow, [0, 0.284033, 0.284033, 0], atol=1e-6)
    assert settled.sum() + flow.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(settled + flow @ rows, rows[0], atol=1e-12)
    dropped, flowing = oracle.verd(matrix, 0, 6, 0.2, 0.85, drop=True)
    assert dropped.sum() + flowing @ rows.sum(axis=1) == pytest.approx(0.431934, abs=1e-6)
    # Ours parks per out-arc and lets parked mass move on: it keeps the same invariant and leaves less unsettled.
    ours = forward_push(E4, 0, PushParams(rmax=0.1, max_rounds=6))
    np.testing.assert_allclose(ours.settled + ours.residual @ rows, rows[0], atol=1e-12)
    assert ours.residual.sum() < flow.sum()


@given(
    graph=walk_graphs(),
    damping=DAMPINGS,
    rmax=st.sampled_from([0.0, 1e-6, 1e-2, 0.1, 0.3, 2.0]),
    rounds=st.integers(0, 8),
    data=st.data(),
)
@settings(deadline=None, max_examples=150)
def test_push_is_its_dense_transcription_and_keeps_the_invariant(
    graph: CSRGraph, damping: float, rmax: float, rounds: int, data: st.DataObject
) -> None:
    seeds = data.draw(walk_seeds(graph.n_nodes), label="seeds")
    result = forward_push(graph, seeds, PushParams(damping=damping, rmax=rmax, max_rounds=rounds))
    matrix, restart = oracle.transition(graph), oracle.restart_vector(seeds, graph.n_nodes)
    truth = oracle.solve(graph, seeds, damping, "absorb")
    rows = oracle.solve_all(graph, damping)
    np.testing.assert_allclose(result.settled + result.residual @ rows, truth, atol=1e-12, rtol=0)
    assert (result.settled <= truth + 1e-13).all()
    if not (graph.out_degree() == 0).any():
        assert result.settled.sum() + result.residual.sum() == pytest.approx(1.0, abs=1e-12)
        assert np.abs(truth - result.settled).sum() == pytest.approx(result.residual.sum(), abs=1e-12)
    if rmax == 0.0:
        settled, residual = oracle.push_rounds(matrix, restart, np.zeros(graph.n_nodes), rounds, damping)
        np.testing.assert_allclose(result.settled, settled, atol=1e-13, rtol=0)
        np.testing.assert_allclose(result.residual, residual, atol=1e-13, rtol=0)


def test_push_with_a_threshold_is_its_dense_transcription() -> None:
    graph = barabasi_albert()
    matrix, degree = oracle.transition(graph), graph.out_degree()
    for rmax, rounds in [(1e-3, 3), (1e-3, 50), (3e-5, 100)]:
        result = forward_push(graph, 17, PushParams(rmax=rmax, max_rounds=rounds))
        settled, residual = oracle.push_rounds(matrix, oracle.restart_vector(17, 300), rmax * degree, rounds, 0.85)
        np.testing.assert_allclose(result.settled, settled, atol=1e-13, rtol=0)
        np.testing.assert_allclose(result.residual, residual, atol=1e-13, rtol=0)


def test_push_ends_below_its_threshold_within_the_work_promised() -> None:
    graph = barabasi_albert()
    degree, rows = graph.out_degree(), oracle.solve_all(graph, 0.85)
    for source in range(0, 300, 10):
        result = forward_push(graph, source, PushParams(rmax=1e-4))
        assert (result.residual / degree).max() <= 1e-4
        np.testing.assert_allclose(result.settled + result.residual @ rows, rows[source], atol=1e-12, rtol=0)
        assert 300 < result.n_arcs <= 1 / (0.15 * 1e-4)


def test_push_settles_what_it_lands_on_where_no_arc_leaves() -> None:
    result = forward_push(E5, 0, PushParams(rmax=0.2))
    assert result.residual[4] == 0.0
    assert result.settled[4] > 0.0


@pytest.mark.parametrize(
    "bad",
    [{"rmax": -1.0}, {"rmax": math.nan}, {"rmax": math.inf}, {"rmax": 0.0}, {"max_rounds": -1}, {"damping": 1.0}],
)
def test_push_params_that_cannot_run_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(bad))):
        PushParams(**bad)
