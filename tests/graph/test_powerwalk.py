"""PowerWalk: walks, the answers made of them, and the bound that comes with every answer."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery
from graph.csr import CSRGraph
from graph.powerwalk import Fingerprints, PowerWalkIndex, PowerWalkParams, QueryParams, Ranking, fingerprints
from graph.ppr import personalized_pagerank
from graph.push import PushParams, forward_push
from tests.oracles import ppr as oracle
from tests.shared_data import shared_data
from tests.strategies import walk_graphs, walk_seeds

DAMPINGS = st.sampled_from([0.0, 0.5, 0.85, 0.99])
N_COPIES = 20_000


def barabasi_albert() -> CSRGraph:
    return CSRGraph.from_networkx(nx.barabasi_albert_graph(300, 3, seed=1))


def walks(**params: Any) -> PowerWalkParams:
    """An index of walks alone, as the paper has it."""
    return PowerWalkParams(method="powerwalk", **params)


def copies_of_e4(n_copies: int, weights: list[float] | None = None) -> CSRGraph:
    """The four-node example many times over: walks from node 4i are independent walks from node 0 of one example."""
    base = 4 * np.arange(n_copies)[:, None]
    src, dst = np.array([0, 0, 1, 2, 3, 3]) + base, np.array([1, 2, 2, 0, 2, 0]) + base
    return CSRGraph.from_edges(src.ravel(), dst.ravel(), None if weights is None else weights * n_copies)


def same_bytes(a: Fingerprints, b: Fingerprints) -> bool:
    return all(a.arrays()[name].tobytes() == array.tobytes() for name, array in b.arrays().items())


def estimates(prints: Fingerprints, params: PowerWalkParams) -> npt.NDArray[np.float64]:
    """Row v is p̂_v over all nodes, dense."""
    rows = np.repeat(np.arange(prints.n_rows), np.diff(prints.indptr))
    dense = np.zeros((prints.n_rows, prints.n_rows))
    dense[rows, prints.nodes] = prints.counts / params.n_walks
    return (1 - params.damping) * (dense + np.eye(prints.n_rows))


def dense_scores(ranking: Ranking, query: int, n_nodes: int) -> npt.NDArray[np.float64]:
    scores = np.zeros(n_nodes)
    found = ranking.nodes[query] >= 0
    scores[ranking.nodes[query, found]] = ranking.scores[query, found]
    return scores


@pytest.fixture(scope="module")
def single_walks() -> npt.NDArray[np.float64]:
    """Visits of one walk from node 0 of every copy of the example, start included, float64 (N_COPIES, 4)."""
    prints = fingerprints(copies_of_e4(N_COPIES), PowerWalkParams(n_walks=1, seed=7))
    visits = np.zeros((N_COPIES, 4, 4))
    rows = np.repeat(np.arange(prints.n_rows), np.diff(prints.indptr))
    assert (rows // 4 == prints.nodes // 4).all()
    visits[rows // 4, rows % 4, prints.nodes % 4] = prints.counts
    visits[:, 0, 0] += 1
    return visits[:, 0]


def test_a_walk_visits_nodes_as_often_as_theory_says(single_walks: npt.NDArray[np.float64]) -> None:
    truth = np.array([0.452233, 0.192199, 0.355568, 0.0])
    scaled = 0.15 * single_walks
    variance = np.array([0.1367, 0.0453, 0.1418, 0.0])  # p · (2 · p_vv - c) - p²
    assert (np.abs(scaled.mean(axis=0) - truth) <= 5 * np.sqrt(variance / N_COPIES) + 1e-6).all()
    np.testing.assert_allclose(scaled.var(axis=0), variance, rtol=0.06, atol=1e-6)
    # Counting the ends of walks instead, at p - p² each, would need up to three times as many.
    assert (scaled.var(axis=0)[:3] < 0.7 * (truth - truth**2)[:3]).all()


def test_a_walk_is_as_long_as_theory_says(single_walks: npt.NDArray[np.float64]) -> None:
    lengths = single_walks.sum(axis=1)
    assert lengths.mean() == pytest.approx(1 / 0.15, abs=5 * math.sqrt(0.85) / 0.15 / math.sqrt(N_COPIES))
    # Geometric: no walk is cut short.
    for length in (10, 20, 40):
        share = 0.85**length
        assert (lengths > length).mean() == pytest.approx(share, abs=5 * math.sqrt(share / N_COPIES))


def test_dividing_by_the_sum_of_visits_would_be_biased(single_walks: npt.NDArray[np.float64]) -> None:
    ratio = single_walks / single_walks.sum(axis=1, keepdims=True)
    assert ratio.mean(axis=0)[0] == pytest.approx(0.540, abs=0.01)
    assert ratio.mean(axis=0)[0] > 0.452233 + 0.05
    hundreds = single_walks.reshape(-1, 100, 4).sum(axis=1)
    assert (hundreds / hundreds.sum(axis=1, keepdims=True)).mean(axis=0)[0] == pytest.approx(0.4525, abs=0.01)


def test_walks_follow_arcs_in_proportion_to_their_weights() -> None:
    weights = [3.0, 1.0, 1.0, 1.0, 0.125, 8.0]
    graph = copies_of_e4(N_COPIES, weights)
    prints = fingerprints(graph, PowerWalkParams(n_walks=1, damping=0.5))
    rows = np.repeat(np.arange(prints.n_rows), np.diff(prints.indptr))
    visits = np.zeros((4, 4))
    np.add.at(visits, (rows % 4, prints.nodes % 4), prints.counts.astype(np.float64))
    truth = oracle.solve_all(copies_of_e4(1, weights), 0.5)
    np.testing.assert_allclose(0.5 * (visits / N_COPIES + np.eye(4)), truth, atol=0.012)


def test_a_walk_never_takes_an_arc_without_weight() -> None:
    weights = np.array([0.0, 1e-30, 0.0, 0.0, 5.0], dtype=np.float32)
    indices = np.array([0, 1, 2, 2, 0], dtype=np.int32)
    graph = CSRGraph(indptr=np.array([0, 3, 4, 5]), indices=indices, weights=weights)
    prints = fingerprints(graph, PowerWalkParams(n_walks=5000))
    assert prints.indptr.tolist() == [0, 1, 1, 3]  # 0 → 1, which is stuck; 2 → 0 → 1
    assert prints.nodes.tolist() == [1, 0, 1]


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_push_and_fingerprints_together_are_unbiased_and_less_noisy_than_fingerprints(rounds: int) -> None:
    params = PowerWalkParams(n_walks=4, seed=3)
    prints = fingerprints(copies_of_e4(N_COPIES), params)
    rows = np.repeat(np.arange(prints.n_rows), np.diff(prints.indptr))
    sampled = np.zeros((N_COPIES, 4, 4))  # p̂_v of every copy
    sampled[rows // 4, rows % 4, prints.nodes % 4] = 0.15 * prints.counts / params.n_walks
    sampled += 0.15 * np.eye(4)
    pushed = forward_push(copies_of_e4(1), 0, PushParams(rmax=0.0, max_rounds=rounds))
    estimate = pushed.settled + np.einsum("v,cvw->cw", pushed.residual, sampled)
    truth = oracle.solve_all(copies_of_e4(1), 0.85)
    variance_of_print = (truth * (2 * np.diag(truth) - 0.15) - truth**2) / params.n_walks
    variance = pushed.residual**2 @ variance_of_print
    deviation = np.abs(estimate.mean(axis=0) - truth[0])
    assert (deviation <= 5 * np.sqrt(variance / N_COPIES) + 1e-12).all()
    np.testing.assert_allclose(estimate.var(axis=0), variance, rtol=0.08, atol=1e-12)
    if rounds:
        assert (variance[:3] < variance_of_print[0, :3]).all()


def test_the_expected_distance_of_a_fingerprint_is_within_theory() -> None:
    graph, params = barabasi_albert(), PowerWalkParams(seed=2)
    truth = oracle.solve_all(graph, 0.85)
    distance = np.abs(estimates(fingerprints(graph, params), params) - truth).sum(axis=1)
    limit = np.sqrt(truth * (2 * np.diag(truth) - 0.15) / params.n_walks).sum(axis=1)
    assert distance.mean() < limit.mean()
    assert distance.mean() == pytest.approx(0.475, abs=0.02)


def test_more_rounds_bring_the_same_fingerprints_closer() -> None:
    graph, sources = barabasi_albert(), range(0, 300, 10)
    truth = oracle.solve_all(graph, 0.85)
    index = PowerWalkIndex.build(graph, walks(seed=1))
    mean_distance = []
    for rounds in (0, 1, 2, 4, 6):
        ranking = index.query([{s: 1.0} for s in sources], 300, params=QueryParams(rmax=0.0, max_rounds=rounds))
        distances = [np.abs(dense_scores(ranking, q, 300) - truth[source]).sum() for q, source in enumerate(sources)]
        np.testing.assert_allclose(ranking.residual, 0.85**rounds, atol=1e-12)
        mean_distance.append(float(np.mean(distances)))
    assert mean_distance == sorted(mean_distance, reverse=True)
    assert mean_distance[3] < 0.05
    assert mean_distance[3] < 0.85**4 * 0.475


@given(
    graph=walk_graphs(),
    damping=DAMPINGS,
    rmax=st.sampled_from([0.0, 0.01, 0.1]),
    rounds=st.integers(0, 5),
    n_walks=st.integers(1, 4),
    source=st.integers(0, 8),
)
@settings(deadline=None, max_examples=60)
def test_the_distance_is_at_most_that_of_the_fingerprints_weighted_by_the_residual(
    graph: CSRGraph, damping: float, rmax: float, rounds: int, n_walks: int, source: int
) -> None:
    source %= graph.n_nodes
    params = PowerWalkParams(n_walks=n_walks, damping=damping)
    truth = oracle.solve_all(graph, damping)
    sampled = estimates(fingerprints(graph, params), params)
    pushed = forward_push(graph, source, PushParams(damping=damping, rmax=rmax, max_rounds=rounds))
    distance = np.abs(pushed.settled + pushed.residual @ sampled - truth[source]).sum()
    assert distance <= pushed.residual @ np.abs(sampled - truth).sum(axis=1) + 1e-12


@st.composite
def wrong_fingerprints(draw: st.DrawFn, n_nodes: int) -> Fingerprints:
    """Any arrays of the right shape: rows that are empty, that lead where no arc leads, that count far too much."""
    size = draw(st.sampled_from([0, 1, n_nodes]))
    counts = st.sampled_from([0, 1, 1, 2**16 - 1])
    n_entries = n_nodes * size
    return Fingerprints(
        indptr=size * np.arange(n_nodes + 1, dtype=np.int64),
        nodes=np.array([draw(st.permutations(range(n_nodes)))[:size] for _ in range(n_nodes)], dtype=np.int32).ravel(),
        counts=np.array(draw(st.lists(counts, min_size=n_entries, max_size=n_entries)), dtype=np.uint16),
        lost=np.full(n_nodes, draw(st.sampled_from([0.0, 0.25, 3.0])), dtype=np.float32),
    )


@given(
    graph=walk_graphs(),
    damping=DAMPINGS,
    n_walks=st.integers(1, 5),
    max_entries=st.sampled_from([None, 1, 2]),
    rmax=st.sampled_from([1e-9, 1e-3, 0.05, 0.5]),
    rounds=st.sampled_from([None, 0, 1, 3]),
    data=st.data(),
)
@settings(deadline=None, max_examples=200)
def test_the_bound_is_never_broken(
    graph: CSRGraph,
    damping: float,
    n_walks: int,
    max_entries: int | None,
    rmax: float,
    rounds: int | None,
    data: st.DataObject,
) -> None:
    seeds = data.draw(walk_seeds(graph.n_nodes), label="seeds")
    params = PowerWalkParams(n_walks=n_walks, damping=damping, max_entries=max_entries)
    prints = fingerprints(graph, params)
    if not data.draw(st.booleans(), label="true fingerprints"):
        prints = data.draw(wrong_fingerprints(graph.n_nodes), label="fingerprints")
    index = PowerWalkIndex(graph, params, fingerprints=prints)
    ranking = index.query([seeds], graph.n_nodes, params=QueryParams(rmax=rmax, max_rounds=rounds))
    distance = np.abs(dense_scores(ranking, 0, graph.n_nodes) - oracle.solve(graph, seeds, damping)).sum()
    assert distance <= ranking.error_bound[0]
    assert 0.0 <= ranking.residual[0] <= 1.0


def test_walks_that_cannot_leave_their_seeds_are_certain() -> None:
    index = PowerWalkIndex.build(CSRGraph.from_edges([0], [1], n_nodes=4), walks(n_walks=1))
    ranking = index.query([{1: 1.0, 3: 3.0}, {0: 1.0}], 2, params=QueryParams(rmax=0.0, max_rounds=0))
    assert ranking.nodes[0].tolist() == [3, 1]
    assert ranking.scores[0].tolist() == [0.75, 0.25]
    assert ranking.error_bound[0] < 1e-6 < 0.1 < ranking.error_bound[1]


@given(graph=walk_graphs(), damping=DAMPINGS, data=st.data())
@settings(deadline=None, max_examples=60)
def test_pushing_far_enough_needs_no_fingerprints(graph: CSRGraph, damping: float, data: st.DataObject) -> None:
    seeds = data.draw(walk_seeds(graph.n_nodes), label="seeds")
    index = PowerWalkIndex.build(graph, walks(n_walks=1, damping=damping))
    ranking = index.query([seeds], graph.n_nodes, params=QueryParams(rmax=1e-13))
    truth = oracle.solve(graph, seeds, damping)
    assert np.abs(dense_scores(ranking, 0, graph.n_nodes) - truth).sum() < 1e-6
    assert ranking.error_bound[0] < 1e-6


@given(graph=walk_graphs(), damping=DAMPINGS, data=st.data())
@settings(deadline=None, max_examples=60)
def test_exact_answers_are_exact_and_of_the_same_kind(graph: CSRGraph, damping: float, data: st.DataObject) -> None:
    seeds = data.draw(walk_seeds(graph.n_nodes), label="seeds")
    index = PowerWalkIndex.build(graph, walks(n_walks=1, damping=damping))
    ranking = index.query([seeds], graph.n_nodes + 2, exact=True)
    assert [array.dtype for array in dataclasses.astuple(ranking)] == ["<i8", "<f4", "<f8", "<f8"]
    distance = np.abs(dense_scores(ranking, 0, graph.n_nodes) - oracle.solve(graph, seeds, damping)).sum()
    assert distance <= ranking.error_bound[0] < 2e-7
    assert ranking.residual[0] == 0.0


@given(graph=walk_graphs(), k=st.integers(1, 12), exact=st.booleans(), data=st.data())
@settings(deadline=None, max_examples=100)
def test_the_best_come_first_ties_by_row_and_pads_last(
    graph: CSRGraph, k: int, exact: bool, data: st.DataObject
) -> None:
    seeds = data.draw(walk_seeds(graph.n_nodes), label="seeds")
    index = PowerWalkIndex.build(graph, walks(n_walks=3))
    whole = index.query([seeds], graph.n_nodes, exact=exact)
    scores = dense_scores(whole, 0, graph.n_nodes)
    order = sorted(np.flatnonzero(scores).tolist(), key=lambda node: (-scores[node], node))[:k]
    ranking = index.query([seeds], k, exact=exact)
    pads = k - len(order)
    assert ranking.nodes[0].tolist() == order + [-1] * pads
    assert ranking.scores[0].tolist() == [scores[node] for node in order] + [0.0] * pads
    truth = oracle.solve(graph, seeds, 0.85)
    assert (truth > 0)[order].all()
    if exact:  # to 1e-10: what seeds a quadrillion times lighter than others reach may not have been reached yet
        assert (scores > 0)[truth > 1e-9].all()


def test_seeds_are_part_of_their_own_ranking() -> None:
    ranking = PowerWalkIndex.build(copies_of_e4(1)).query([{3: 1.0}], 4, exact=True)
    assert 3 in ranking.nodes[0]


def test_a_batch_is_its_queries_byte_for_byte() -> None:
    graph = barabasi_albert()
    index = PowerWalkIndex.build(graph, walks(n_walks=20))
    queries = [{node: 1.0, (7 * node + 1) % 300: 0.3} for node in range(50)]
    effort = QueryParams(rmax=1e-3)
    batch = index.query(queries, 30, params=effort)
    order = np.random.default_rng(0).permutation(50)
    shuffled = index.query([queries[q] for q in order], 30, params=effort, n_threads=3)
    for name in ("nodes", "scores", "error_bound", "residual"):
        together = getattr(batch, name)
        alone = np.concatenate([getattr(index.query([query], 30, params=effort), name) for query in queries])
        assert together.tobytes() == alone.tobytes()
        assert together[order].tobytes() == getattr(shuffled, name).tobytes()
    truth = oracle.solve_all(graph, 0.85)
    for q, query in enumerate(queries):  # and not a batch of one and the same answer
        assert truth[:, batch.nodes[q, 0]] @ oracle.restart_vector(query, 300) > 0.05


def test_the_order_of_seeds_does_not_change_a_byte() -> None:
    index = PowerWalkIndex.build(barabasi_albert(), walks(n_walks=5))
    seeds = {node: 1 / (node + 3) for node in range(0, 300, 29)}
    turned = dict(reversed(seeds.items()))
    ranking = index.query([seeds, turned], 300, params=QueryParams(rmax=1e-3))
    assert ranking.nodes[0].tobytes() == ranking.nodes[1].tobytes()
    assert ranking.scores[0].tobytes() == ranking.scores[1].tobytes()
    assert ranking.error_bound[0] == ranking.error_bound[1]


def test_exact_batches_do_not_depend_on_threads() -> None:
    index = PowerWalkIndex.build(barabasi_albert(), walks(n_walks=1))
    queries = [{node: 1.0} for node in range(7)]
    one, three = index.query(queries, 20, exact=True), index.query(queries, 20, exact=True, n_threads=3)
    assert one.nodes.tobytes() == three.nodes.tobytes()
    assert one.scores.tobytes() == three.scores.tobytes()


def test_no_queries_give_no_rows() -> None:
    ranking = PowerWalkIndex.build(copies_of_e4(1)).query([], 5)
    assert ranking.nodes.shape == ranking.scores.shape == (0, 5)
    assert ranking.error_bound.shape == ranking.residual.shape == (0,)


@given(graph=walk_graphs(), cuts=st.lists(st.integers(0, 9), max_size=3), max_entries=st.sampled_from([None, 0, 1, 3]))
@settings(deadline=None, max_examples=60)
def test_any_cut_into_ranges_gives_the_same_bytes(graph: CSRGraph, cuts: list[int], max_entries: int | None) -> None:
    params = PowerWalkParams(n_walks=7, max_entries=max_entries, seed=5)
    whole = fingerprints(graph, params)
    edges = sorted({0, graph.n_nodes, *(cut % (graph.n_nodes + 1) for cut in cuts)})
    parts = [fingerprints(graph, params, *edge) for edge in itertools.pairwise(edges)]
    assert same_bytes(Fingerprints.concatenate(parts), whole)


def test_bytes_do_not_depend_on_threads_or_on_the_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = barabasi_albert()
    params = PowerWalkParams(n_walks=40)
    one = fingerprints(graph, params)
    assert same_bytes(fingerprints(graph, params, n_threads=4), one)
    monkeypatch.setattr("graph.powerwalk.range_walks._BUFFER_ENTRIES", 1)
    assert same_bytes(fingerprints(graph, params), one)
    assert not same_bytes(fingerprints(graph, PowerWalkParams(n_walks=40, seed=1)), one)
    assert fingerprints(graph, params, 30, 30).indptr.tolist() == [0]


def test_a_walk_keeps_its_path_when_other_walks_are_added() -> None:
    graph = barabasi_albert()
    few = estimates(fingerprints(graph, PowerWalkParams(n_walks=10)), PowerWalkParams(n_walks=10))
    more = estimates(fingerprints(graph, PowerWalkParams(n_walks=15)), PowerWalkParams(n_walks=15))
    assert (15 * more - 10 * few >= 0.15 * 5 * np.eye(300) - 1e-9).all()


def test_rows_are_ordered_and_what_is_cut_is_counted() -> None:
    graph = barabasi_albert()
    whole = fingerprints(graph, PowerWalkParams())
    cut = fingerprints(graph, PowerWalkParams(max_entries=10))
    assert not whole.lost.any()
    for row in range(300):
        entries = slice(whole.indptr[row], whole.indptr[row + 1])
        assert (np.diff(whole.counts[entries].astype(int)) <= 0).all()
        kept = slice(cut.indptr[row], cut.indptr[row + 1])
        assert cut.nodes[kept].tolist() == whole.nodes[entries][:10].tolist()
        assert cut.counts[kept].tolist() == whole.counts[entries][:10].tolist()
        dropped = int(whole.counts[entries][10:].sum())
        assert cut.lost[row] == np.float32(0.15 / 100 * dropped)


def test_cut_entries_are_missing_from_the_scores_and_leave_the_others_unchanged() -> None:
    graph = barabasi_albert()
    effort = QueryParams(rmax=0.05)
    whole = PowerWalkIndex.build(graph, walks()).query([{9: 1.0}], 300, params=effort)
    short = PowerWalkIndex.build(graph, walks(max_entries=5)).query([{9: 1.0}], 300, params=effort)
    full, kept = dense_scores(whole, 0, 300), dense_scores(short, 0, 300)
    assert full.sum() == pytest.approx(1.0, abs=0.1)  # unbiased: what the walks saw, not divided by what they saw
    assert 0.1 < kept.sum() < full.sum() - 0.05
    assert (kept <= full + 1e-7).all()
    assert short.nodes[0, 0] == whole.nodes[0, 0] == 9
    assert short.scores[0, 0] == pytest.approx(whole.scores[0, 0], abs=1e-6)


@given(graph=walk_graphs(), damping=DAMPINGS)
@settings(deadline=None, max_examples=30)
def test_nodes_without_out_arcs_have_empty_rows(graph: CSRGraph, damping: float) -> None:
    prints = fingerprints(graph, PowerWalkParams(n_walks=30, damping=damping))
    walkable = (graph.out_degree() > 0) & (damping > 0)
    assert (np.diff(prints.indptr)[~walkable] == 0).all()


def test_counts_are_as_wide_as_the_largest_that_could_be() -> None:
    trap = CSRGraph.from_edges([0], [0])
    customary, long = PowerWalkParams(), PowerWalkParams(damping=0.99)
    assert customary.count_dtype == np.uint16
    assert customary.n_walks * customary.max_steps < 2**16
    assert long.count_dtype == np.uint32
    assert fingerprints(trap, customary).counts.dtype == np.uint16
    counts = fingerprints(trap, PowerWalkParams(n_walks=2000, damping=0.99)).counts
    assert counts.dtype == np.uint32
    assert counts[0] == pytest.approx(2000 * 99, rel=0.15)  # more than 2**16 visits of one node


@pytest.mark.parametrize("damping", [0.0, 0.5, 0.85, 0.99, 0.999])
def test_walks_are_not_ended_before_chance_has_ended_them(damping: float) -> None:
    steps = PowerWalkParams(damping=damping, n_walks=1).max_steps
    assert steps >= 200
    assert damping**steps <= 2.0**-53


def test_arrays_mapped_from_files_give_the_same_bytes(tmp_path: Path) -> None:
    graph = copies_of_e4(50, [3.0, 1.0, 1.0, 1.0, 0.125, 8.0])
    params = walks(n_walks=10)
    built = PowerWalkIndex.build(graph, params)
    assert built.fingerprints is not None
    for name, array in built.fingerprints.arrays().items():
        np.save(tmp_path / f"{name}.npy", array)
    mapped: dict[str, Any] = {
        name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in built.fingerprints.arrays()
    }
    arcs: dict[str, Any] = {}
    for name in ("indptr", "indices", "weights"):
        np.save(tmp_path / f"graph_{name}.npy", getattr(graph, name))
        arcs[name] = np.load(tmp_path / f"graph_{name}.npy", mmap_mode="r")
    mapped_graph = CSRGraph(**arcs)
    opened = PowerWalkIndex(mapped_graph, params, fingerprints=Fingerprints(**mapped))
    assert opened.fingerprints is not None
    assert isinstance(opened.fingerprints.nodes, np.memmap)
    assert same_bytes(fingerprints(mapped_graph, params), built.fingerprints)
    queries = [{0: 1.0}, {3: 1.0, 90: 2.0}]
    for exact in (False, True):
        expected, ranking = built.query(queries, 8, exact=exact), opened.query(queries, 8, exact=exact)
        assert ranking.nodes.tobytes() == expected.nodes.tobytes()
        assert ranking.scores.tobytes() == expected.scores.tobytes()
        assert ranking.error_bound.tobytes() == expected.error_bound.tobytes()


def test_fingerprints_of_another_graph_are_refused() -> None:
    prints = fingerprints(copies_of_e4(2), PowerWalkParams(n_walks=1))
    with pytest.raises(InvalidInput, match="cover 8 nodes, the graph has 4"):
        PowerWalkIndex(copies_of_e4(1), walks(n_walks=1), fingerprints=prints)


@pytest.mark.parametrize(
    "change",
    [
        {"indptr": np.array([1, 2])},
        {"indptr": np.array([0, 3])},
        {"indptr": np.array([0, 2], dtype=np.int32)},
        {"nodes": np.zeros(2, dtype=np.int64)},
        {"counts": np.zeros(2, dtype=np.int16)},
        {"counts": np.zeros(3, dtype=np.uint16)},
        {"lost": np.zeros(2, dtype=np.float32)},
        {"lost": np.zeros(1)},
    ],
)
def test_fingerprint_arrays_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    arrays: dict[str, Any] = {
        "indptr": np.array([0, 2]),
        "nodes": np.zeros(2, dtype=np.int32),
        "counts": np.zeros(2, dtype=np.uint16),
        "lost": np.zeros(1, dtype=np.float32),
    }
    assert Fingerprints(**arrays).n_rows == 1
    with pytest.raises(InvalidInput, match="fingerprints"):
        Fingerprints(**{**arrays, **change})


def test_nothing_cannot_be_concatenated() -> None:
    with pytest.raises(InvalidInput):
        Fingerprints.concatenate([])


@pytest.mark.parametrize("limits", [(-1, 2), (3, 2), (0, 5)])
def test_a_range_outside_the_graph_is_refused(limits: tuple[int, int]) -> None:
    with pytest.raises(InvalidParams, match="start, stop"):
        fingerprints(copies_of_e4(1), PowerWalkParams(), *limits)


def test_an_empty_graph_has_an_empty_index() -> None:
    index = PowerWalkIndex.build(CSRGraph.from_edges([], []), walks())
    assert index.fingerprints is not None
    assert index.fingerprints.n_rows == 0
    with pytest.raises(InvalidQuery):
        index.query([{0: 1.0}])


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    "bad",
    [{}, {4: 1.0}, {-1: 1.0}, {0: -1.0}, {0: 0.0}, {0: math.nan}, {0: math.inf}, {"a": 1.0}, 0, [0]],
)
def test_a_query_that_makes_no_sense_is_refused(bad: Any, exact: bool) -> None:
    index = PowerWalkIndex.build(copies_of_e4(1), walks(n_walks=1))
    with pytest.raises(InvalidQuery):
        index.query([{0: 1.0}, bad], 3, exact=exact)


def test_a_mapping_in_place_of_a_list_and_k_below_one_are_refused() -> None:
    index = PowerWalkIndex.build(copies_of_e4(1), walks(n_walks=1))
    with pytest.raises(InvalidQuery, match="pass a list"):
        index.query({0: 1.0})  # type: ignore[arg-type]
    with pytest.raises(InvalidQuery, match="k = 0"):
        index.query([{0: 1.0}], 0)


@pytest.mark.parametrize(
    "bad",
    [
        {"n_walks": 0},
        {"n_walks": 2**31},
        {"damping": 1.0},
        {"damping": -0.5},
        {"damping": math.nan},
        {"max_entries": -1},
    ],
)
def test_index_params_that_cannot_run_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(bad))):
        PowerWalkParams(**bad)


@pytest.mark.parametrize("bad", [{"rmax": -1.0}, {"rmax": 0.0}, {"rmax": math.nan}, {"max_rounds": -1}])
def test_query_params_that_cannot_run_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(bad))):
        QueryParams(**bad)


@pytest.mark.parametrize("params", [PowerWalkParams(max_entries=3), QueryParams(max_rounds=2)])
def test_params_survive_json(params: PowerWalkParams | QueryParams) -> None:
    assert type(params)(**json.loads(json.dumps(dataclasses.asdict(params)))) == params


def test_defaults_rank_a_real_graph_well() -> None:
    path = shared_data("graphs/email-Eu-core.txt")
    arcs = np.loadtxt(path, dtype=np.int64)
    graph = CSRGraph.from_edges(arcs[:, 0], arcs[:, 1])
    index = PowerWalkIndex.build(graph)
    sources = np.random.default_rng(0).permutation(graph.n_nodes)
    precision, gathered = [], []
    for source in sources[:60].tolist():
        truth = personalized_pagerank(graph, source)
        best = np.sort(truth)[::-1][:50]
        if best[-1] == 0:
            continue
        found = truth[index.query([{source: 1.0}], 50).nodes[0]]
        precision.append(np.mean(found >= best[-1] * (1 - 1e-12)))
        gathered.append(found.sum() / best.sum())
    assert len(precision) > 30
    assert np.mean(precision) >= 0.95
    assert np.mean(gathered) >= 0.998
