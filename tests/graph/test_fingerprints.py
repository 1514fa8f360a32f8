"""Fingerprints: how many walks, of what length, keyed by what, and how their visits are laid out."""

from __future__ import annotations

import math
import sys

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams
from graph.csr import CSRGraph
from graph.powerwalk import Fingerprints, PowerWalkIndex, PowerWalkParams, QueryParams, fingerprints
from graph.walk_tables import arc_aliases, geometric_law, length_law
from tests.oracles import ppr as oracle
from tests.strategies import walk_graphs

BOTH = st.sampled_from(["even", "degree"])


def hubs() -> CSRGraph:
    return CSRGraph.from_networkx(nx.barabasi_albert_graph(300, 3, seed=1))


def copies(n_copies: int, src: list[int], dst: list[int], weights: list[float] | None = None) -> CSRGraph:
    """A small graph many times over: what happens in one copy is independent of the others."""
    n_nodes = 1 + max(*src, *dst)
    base = n_nodes * np.arange(n_copies)[:, None]
    ends = (np.array(src) + base).ravel(), (np.array(dst) + base).ravel()
    return CSRGraph.from_edges(*ends, None if weights is None else weights * n_copies, n_nodes=n_nodes * n_copies)


def same_bytes(a: Fingerprints, b: Fingerprints) -> bool:
    return a.arrays().keys() == b.arrays().keys() and all(
        a.arrays()[name].tobytes() == array.tobytes() for name, array in b.arrays().items()
    )


def chi_square_limit(n_free: int) -> float:
    """Passed by chance less than once in a million (Wilson, Hilferty 1931)."""
    return float(n_free * (1 - 2 / (9 * n_free) + 4.9 * math.sqrt(2 / (9 * n_free))) ** 3)


def chi_square(seen: np.ndarray, expected: np.ndarray) -> float:
    used = expected > 0
    assert not seen[~used].any()
    return float(((seen[used] - expected[used]) ** 2 / expected[used]).sum())


@given(
    graph=walk_graphs(),
    params=st.builds(
        PowerWalkParams,
        n_walks=st.integers(1, 9),
        allotment=BOTH,
        damping=st.sampled_from([0.0, 0.5, 0.85]),
        max_entries=st.sampled_from([None, 1, 2]),
    ),
    cut=st.integers(0, 9),
)
@settings(deadline=None, max_examples=100)
def test_any_cut_and_any_number_of_threads_give_the_same_bytes(
    graph: CSRGraph, params: PowerWalkParams, cut: int
) -> None:
    whole = fingerprints(graph, params)
    middle = cut % (graph.n_nodes + 1)
    parts = [fingerprints(graph, params, 0, middle), fingerprints(graph, params, middle, n_threads=2)]
    assert same_bytes(Fingerprints.concatenate(parts), whole)
    assert whole.counts.dtype == params.count_dtype
    assert whole.n_rows == graph.n_nodes


@pytest.mark.parametrize("allotment", ["even", "degree"])
def test_bytes_do_not_depend_on_slots_paths_or_buffers(allotment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, params = hubs(), PowerWalkParams(n_walks=40, allotment=allotment)  # type: ignore[arg-type]  # a word of them
    one = fingerprints(graph, params)
    assert same_bytes(fingerprints(graph, params, n_threads=3), one)
    module = sys.modules["graph.powerwalk.range_walks"]
    for name, value in (("_BUFFER_ENTRIES", 1), ("_SLOTS", 7), ("_PATH", 1), ("_WALKS_PER_RANGE", 1)):
        monkeypatch.setattr(module, name, value)
        assert same_bytes(fingerprints(graph, params), one)
    monkeypatch.setattr(module, "_MOST_COUNTED", 3)
    assert same_bytes(fingerprints(graph, params), one)


def test_a_row_that_visits_far_more_nodes_than_expected_is_whole() -> None:
    star = CSRGraph.from_edges(np.zeros(5000, dtype=int), np.arange(1, 5001), directed=False)
    graph = CSRGraph.from_edges(np.arange(5001), np.roll(np.arange(5001), -1))
    few = fingerprints(graph, PowerWalkParams(n_walks=1, damping=0.9999), 0, 3)
    for row in range(3):
        visited = few.nodes[few.indptr[row] : few.indptr[row + 1]]
        assert few.counts[few.indptr[row] : few.indptr[row + 1]].sum() >= visited.size > 20
        assert np.unique(visited).size == visited.size
    hub = fingerprints(star, PowerWalkParams(n_walks=2, allotment="degree"), 0, 1)
    assert hub.walks_of(PowerWalkParams())[0] == 5001  # half of all walks: 2 each of 5,001 nodes
    assert hub.counts.sum() == pytest.approx(5001 * 0.85 / 0.15, rel=0.1)


def test_the_most_visited_come_first_whatever_they_count() -> None:
    pair = CSRGraph.from_edges([0, 1, 1], [1, 0, 2])
    prints = fingerprints(pair, PowerWalkParams(n_walks=20_000, damping=0.99, seed=1), 0, 1)
    assert prints.nodes.tolist() in ([1, 0, 2], [1, 2, 0])
    assert prints.counts[0] == pytest.approx(20_000 * 0.99 / (1 - 0.99**2 / 2), rel=0.02)  # sorted by comparing
    assert (np.diff(prints.counts.astype(np.int64)) <= 0).all()


@given(graph=walk_graphs(), n_walks=st.integers(1, 30), max_entries=st.sampled_from([1, 2, 3]))
@settings(deadline=None, max_examples=60)
def test_a_cut_row_is_the_beginning_of_the_whole_one(graph: CSRGraph, n_walks: int, max_entries: int) -> None:
    whole = fingerprints(graph, PowerWalkParams(n_walks=n_walks))
    cut = fingerprints(graph, PowerWalkParams(n_walks=n_walks, max_entries=max_entries))
    for row in range(graph.n_nodes):
        entries, kept = (slice(p.indptr[row], p.indptr[row + 1]) for p in (whole, cut))
        counts = whole.counts[entries].astype(np.int64)
        assert (np.diff(counts) <= 0).all()
        assert (counts > 0).all()
        assert len(set(whole.nodes[entries].tolist())) == counts.size
        assert cut.nodes[kept].tolist() == whole.nodes[entries][:max_entries].tolist()
        assert cut.counts[kept].tolist() == counts[:max_entries].tolist()
        assert cut.lost[row] == np.float32(0.15 / n_walks * counts[max_entries:].sum()) or math.isclose(
            cut.lost[row], 0.15 / n_walks * counts[max_entries:].sum(), rel_tol=1e-6
        )


def test_ties_stand_in_order_of_the_first_visit() -> None:
    line = CSRGraph.from_edges([3, 1, 4], [1, 4, 0])
    prints = fingerprints(line, PowerWalkParams(n_walks=1, damping=0.99), 3, 4)
    assert prints.nodes.tolist() == [1, 4, 0]


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 4.0, 8.0, 0.0625]])
def test_first_steps_are_drawn_by_the_exact_law(weights: list[float] | None) -> None:
    n_walks = 1_000_000
    star = CSRGraph.from_edges([0] * 5, [1, 2, 3, 4, 5], weights)
    prints = fingerprints(star, PowerWalkParams(n_walks=n_walks, damping=0.5, seed=3), 0, 1)
    seen = np.zeros(6)
    seen[prints.nodes] = prints.counts
    law = np.array([0.0, *(weights or [1.0] * 5)])
    assert abs(seen.sum() - n_walks / 2) < 5 * math.sqrt(n_walks / 4)
    assert chi_square(seen, law / law.sum() * seen.sum()) < chi_square_limit(4)


def test_lengths_follow_the_geometric_law() -> None:
    line = CSRGraph.from_edges(np.arange(300), np.arange(1, 301))
    n_walks = 200_000
    prints = fingerprints(line, PowerWalkParams(n_walks=n_walks, seed=2), 0, 1)
    reached = np.zeros(301)
    reached[prints.nodes] = prints.counts
    ended = -np.diff(np.concatenate([[n_walks], reached[1:41]]))
    law = 0.15 * 0.85 ** np.arange(40)
    rest = np.append(ended, reached[40])
    assert chi_square(rest, n_walks * np.append(law, 0.85**40)) < chi_square_limit(40)


@pytest.mark.parametrize("damping", [0.0, 0.3, 0.85, 0.99])
def test_thresholds_of_lengths_agree_with_their_guide(damping: float) -> None:
    law = geometric_law(damping, 500)
    words = np.random.default_rng(0).integers(0, 2**64, 5000, dtype=np.uint64)
    exact = (words[:, None] < law.survival[None, :]).sum(axis=1)
    assert (law.guide[words >> np.uint64(54)] <= exact).all()
    ends = np.concatenate([np.arange(1024, dtype=np.uint64) << np.uint64(54), words])
    first = (ends[:, None] < law.survival[None, :]).sum(axis=1)
    assert (law.guide[ends >> np.uint64(54)] <= first).all()
    if damping > 0:
        assert exact.mean() == pytest.approx(damping / (1 - damping), rel=0.1)


@pytest.mark.parametrize("survival", [[0.5, 0.6], [1.0], [-0.1], [math.nan]])
def test_a_law_that_is_none_is_refused(survival: list[float]) -> None:
    with pytest.raises(InvalidParams, match="never rise"):
        length_law(np.array(survival))


@given(graph=walk_graphs())
@settings(deadline=None, max_examples=150)
def test_alias_tables_give_every_arc_its_share(graph: CSRGraph) -> None:
    aliases = arc_aliases(graph)
    if graph.weights is None:
        assert aliases.size == 0
        return
    for row in range(graph.n_nodes):
        first, end = int(graph.indptr[row]), int(graph.indptr[row + 1])
        share = np.zeros(end - first)
        for i, word in enumerate(aliases[first:end].tolist()):
            distance = (word & 0xFFFFFFFF) - (1 << 32 if word & 0x80000000 else 0)
            share[i] += (word >> 32) / 2**32
            share[i + distance] += 1 - (word >> 32) / 2**32
        if end > first:
            weights = graph.weights[first:end].astype(np.float64)
            np.testing.assert_allclose(share / share.size, weights / weights.sum(), atol=1e-9)
            assert not share[weights == 0].any()


def test_alias_tables_do_not_depend_on_threads() -> None:
    random = np.random.default_rng(0)
    ends = random.integers(0, 2000, (2, 60_000))
    graph = CSRGraph.from_edges(*ends, random.random(60_000) ** 4, n_nodes=2000)
    module = sys.modules["graph.walk_tables"]
    before = arc_aliases(graph)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ARCS_PER_RANGE", 100)
        assert arc_aliases(graph, n_threads=3).tobytes() == before.tobytes()


def test_walks_by_degree_are_as_many_in_all_and_one_at_least() -> None:
    graph, params = hubs(), PowerWalkParams(n_walks=50, allotment="degree")
    walks = fingerprints(graph, params).walks_of(params)
    mean = graph.n_edges / graph.n_nodes
    np.testing.assert_array_equal(walks, np.maximum(1, np.rint(50 * graph.out_degree() / mean)))
    assert walks.sum() == pytest.approx(50 * 300, rel=0.01)
    few = PowerWalkParams(n_walks=1, allotment="degree")
    lone = CSRGraph.from_edges([0] * 20, [*range(1, 21)], n_nodes=40)
    assert fingerprints(lone, few).walks_of(few).tolist() == [40, *[1] * 39]
    even = PowerWalkParams(n_walks=7)
    assert fingerprints(lone, even).walks_of(even).tolist() == [7] * 40
    nothing = CSRGraph.from_edges([], [], n_nodes=3)
    assert fingerprints(nothing, few).walks_of(few).tolist() == [1, 1, 1]


@pytest.mark.parametrize("allotment", ["even", "degree"])
def test_each_fingerprint_is_unbiased_at_its_own_number_of_walks(allotment: str) -> None:
    src, dst = [0, 0, 1, 2, 3, 3, 3], [1, 2, 2, 0, 2, 0, 1]
    n_copies = 20_000
    params = PowerWalkParams(n_walks=3, allotment=allotment)  # type: ignore[arg-type]  # a word of them
    prints = fingerprints(copies(n_copies, src, dst), params)
    rows = np.repeat(np.arange(prints.n_rows), np.diff(prints.indptr))
    sums = np.zeros((4, 4))
    np.add.at(sums, (rows % 4, prints.nodes % 4), prints.counts / prints.walks_of(params)[rows])
    truth = oracle.solve_all(copies(1, src, dst), 0.85)
    np.testing.assert_allclose(0.15 * (sums / n_copies + np.eye(4)), truth, atol=0.012)


def test_answers_divide_by_each_node_s_own_walks() -> None:
    graph = hubs()
    truth = oracle.solve_all(graph, 0.85)
    index = PowerWalkIndex.build(graph, PowerWalkParams(method="powerwalk", n_walks=400, allotment="degree"))
    ranking = index.query([{node: 1.0} for node in range(20)], 300, params=QueryParams(rmax=0.01))
    for query in range(20):
        scores = np.zeros(300)
        scores[ranking.nodes[query][ranking.nodes[query] >= 0]] = ranking.scores[query][ranking.nodes[query] >= 0]
        assert np.abs(scores - truth[query]).sum() < 0.2
        assert np.abs(scores - truth[query]).sum() <= ranking.error_bound[query]


def test_walks_by_degree_serve_pushed_queries_better_than_as_many_even_ones() -> None:
    graph = hubs()
    truth = oracle.solve_all(graph, 0.85)

    def distance(allotment: str) -> float:
        total = 0.0
        for seed in range(4):
            params = PowerWalkParams(method="powerwalk", n_walks=30, allotment=allotment, seed=seed)  # type: ignore[arg-type]  # as above
            index = PowerWalkIndex.build(graph, params)
            ranking = index.query([{node: 1.0} for node in range(0, 300, 7)], 300, params=QueryParams(rmax=3e-3))
            for nodes, scores, node in zip(ranking.nodes, ranking.scores, range(0, 300, 7), strict=True):
                dense = np.zeros(300)
                dense[nodes[nodes >= 0]] = scores[nodes >= 0]
                total += float(np.abs(dense - truth[node]).sum())
        return total

    assert distance("degree") < distance("even")


def test_a_node_keeps_its_walks_when_others_come() -> None:
    network = nx.barabasi_albert_graph(50, 2, seed=3)
    few = CSRGraph.from_networkx(nx.relabel_nodes(network, {node: 2 * node for node in network}))
    network = nx.relabel_nodes(network, {node: 2 * node for node in network})
    network.add_nodes_from(range(100))
    many = CSRGraph.from_networkx(network)
    params = PowerWalkParams(n_walks=5)
    here, there = fingerprints(few, params), fingerprints(many, params)
    assert (2 * here.nodes).tolist() == there.nodes.tolist()
    assert here.counts.tobytes() == there.counts.tobytes()
    assert np.diff(there.indptr)[1::2].sum() == 0
    strings = CSRGraph.from_networkx(nx.relabel_nodes(network, {node: f"n{node:03}" for node in network}))
    assert fingerprints(strings, params).nodes.tobytes() != there.nodes.tobytes()


def test_what_is_not_of_the_graph_is_refused() -> None:
    graph, params = hubs(), PowerWalkParams(n_walks=1)
    with pytest.raises(InvalidInput, match="make them with arc_aliases"):
        fingerprints(graph, params, aliases=np.zeros(5, dtype=np.uint64))
    with pytest.raises(InvalidParams, match="0 ≤ start ≤ stop ≤ 300"):
        fingerprints(graph, params, 5, 301)
    with pytest.raises(InvalidParams, match="even or degree"):
        PowerWalkParams(allotment="some")  # type: ignore[arg-type]  # that is the point
    whole = fingerprints(graph, params)
    with pytest.raises(InvalidInput, match="walks are int64"):
        Fingerprints(**whole.arrays(), walks=np.ones(300, dtype=np.int64))  # type: ignore[arg-type]  # that is the point
