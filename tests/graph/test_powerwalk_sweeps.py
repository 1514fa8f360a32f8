"""Sweeps: steps over the whole graph that a block of queries takes together after each of them has pushed."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidParams
from graph.csr import CSRGraph
from graph.powerwalk import PowerWalkIndex, PowerWalkParams, QueryParams, fingerprints
from graph.powerwalk.hubs import choose_hubs, hub_vectors
from graph.powerwalk.layout import Layout
from tests.oracles import ppr as oracle
from tests.strategies import walk_graphs, walk_seeds

DAMPINGS = st.sampled_from([0.0, 0.5, 0.85, 0.99])
E5 = [0, 0, 1, 2, 3, 3], [1, 4, 2, 0, 2, 0]


def barabasi_albert(n: int = 300) -> CSRGraph:
    return CSRGraph.from_networkx(nx.barabasi_albert_graph(n, 3, seed=1))


def directed() -> CSRGraph:
    rng = np.random.default_rng(3)
    ends = rng.integers(0, 300, (2, 1500))
    return CSRGraph.from_edges(*ends, rng.random(1500), n_nodes=300)


@given(
    graph=walk_graphs(),
    damping=DAMPINGS,
    background=st.booleans(),
    rmax=st.sampled_from([1e-3, 0.05, 0.5, 2.0]),
    rounds=st.sampled_from([None, None, 0, 2]),
    sweeps=st.integers(1, 4),
    data=st.data(),
)
@settings(deadline=None, max_examples=400)
def test_the_bound_is_never_broken(
    graph: CSRGraph, damping: float, background: bool, rmax: float, rounds: int | None, sweeps: int, data: st.DataObject
) -> None:
    index = PowerWalkIndex(graph, PowerWalkParams(damping=damping), background=background)
    effort = QueryParams(rmax=rmax, max_rounds=rounds, sweeps=sweeps)
    queries = [data.draw(walk_seeds(graph.n_nodes), label="seeds") for _ in range(data.draw(st.integers(1, 6)))]
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


@pytest.mark.parametrize("graph", [barabasi_albert(), directed()])
@pytest.mark.parametrize("sweeps", [1, 2, 5])
def test_sweeps_without_a_push_are_terms_of_the_series(graph: CSRGraph, sweeps: int) -> None:
    index = PowerWalkIndex(graph, PowerWalkParams())
    sources = list(range(0, 300, 15))
    answers = index.vectors(
        [{source: 1.0} for source in sources], params=QueryParams(rmax=0.0, max_rounds=0, sweeps=sweeps)
    )
    step = 0.85 * oracle.transition(graph)
    walking = np.eye(300)[sources]
    expected = np.zeros_like(walking)
    for _ in range(sweeps + 1):
        expected += 0.15 * walking
        left, walking = walking, walking @ step
    kept = oracle.solve_all(graph, 0.85)[sources].sum(axis=1)
    np.testing.assert_allclose(answers.scores, expected / kept[:, None], atol=1e-6)
    alive = oracle.transition(graph).sum(axis=1) > 0
    np.testing.assert_allclose(answers.residual, left[:, alive].sum(axis=1), atol=2e-5)


@pytest.mark.parametrize("graph", [barabasi_albert(), directed(), CSRGraph.from_edges(*E5)])
def test_more_sweeps_bring_answers_closer_until_they_are_exact(graph: CSRGraph) -> None:
    index = PowerWalkIndex(graph, PowerWalkParams(), background=True)
    truth = oracle.solve_all(graph, 0.85)
    truth /= truth.sum(axis=1, keepdims=True)
    queries = [{node: 1.0} for node in range(graph.n_nodes)]
    distances = []
    for sweeps in (0, 1, 2, 4, 8, 150):
        answers = index.vectors(queries, params=QueryParams(rmax=1e-2, sweeps=sweeps))
        distances.append(np.abs(answers.scores - truth).sum(axis=1).mean())
    assert distances[:5] == sorted(distances[:5], reverse=True)
    assert distances[1] < 0.86 * distances[0]  # a step settles a share of what walks, whatever the graph
    assert distances[5] < 1e-6


@pytest.mark.parametrize("graph", [barabasi_albert(), directed()])
@pytest.mark.parametrize("sweeps", [1, 3])
def test_a_batch_is_its_queries_byte_for_byte(graph: CSRGraph, sweeps: int) -> None:
    index = PowerWalkIndex(graph, PowerWalkParams(), background=True)
    queries = [{node: 1.0, (7 * node + 1) % 300: 0.3} for node in range(41)]
    effort = QueryParams(rmax=1e-3, sweeps=sweeps)
    batch = index.query(queries, 30, params=effort)
    order = np.random.default_rng(0).permutation(41)
    shuffled = index.query([queries[q] for q in order], 30, params=effort, n_threads=3)
    vectors = index.vectors(queries, params=effort, n_threads=2)
    for name in ("nodes", "scores", "error_bound", "residual"):
        together = getattr(batch, name)
        alone = np.concatenate([getattr(index.query([query], 30, params=effort), name) for query in queries])
        assert together.tobytes() == alone.tobytes()
        assert together[order].tobytes() == getattr(shuffled, name).tobytes()
    alone = np.concatenate([index.vectors([query], params=effort).scores for query in queries])
    assert vectors.scores.tobytes() == alone.tobytes()
    assert len({row.tobytes() for row in batch.nodes}) > 30  # and not one and the same answer


def test_more_keys_than_are_kept_at_once_lose_nothing() -> None:
    graph = barabasi_albert(5000)
    index = PowerWalkIndex(graph, PowerWalkParams(), background=True)
    effort = QueryParams(rmax=1e-3, sweeps=2)
    queries = [{node: 1.0} for node in range(0, 5000, 997)]
    scores = index.vectors(queries, params=effort).scores.astype(np.float32)
    for k in (1, 100, 4000, 6000):
        ranking = index.query(queries, k, params=effort)
        for row, nodes in zip(scores, ranking.nodes, strict=True):
            order = np.lexsort((np.arange(5000), -row))[:k]
            assert nodes[: order.size].tolist() == order.tolist()
            assert (nodes[order.size :] == -1).all()


def test_neither_hubs_nor_walks_are_read() -> None:
    graph, params = barabasi_albert(), PowerWalkParams(n_walks=3)
    layout = Layout.of(graph, 0.85)
    which = choose_hubs(layout, 9)
    hubs = hub_vectors(layout, which, damping=0.85, rmax=1e-4, max_entries=np.full(9, 20, dtype=np.int32))
    full = PowerWalkIndex(graph, params, hubs=hubs, fingerprints=fingerprints(graph, params))
    effort = QueryParams(rmax=1e-2, sweeps=1)
    queries = [{node: 1.0} for node in range(20)]
    bare = PowerWalkIndex(graph, params).vectors(queries, params=effort)
    assert full.vectors(queries, params=effort).scores.tobytes() == bare.scores.tobytes()


def test_what_an_index_was_built_to_holds_unless_told_otherwise() -> None:
    index = PowerWalkIndex(barabasi_albert(), PowerWalkParams(), effort=QueryParams(rmax=1e-2, sweeps=2))
    query = [{5: 1.0}]
    built, same, none = (index.vectors(query, params=QueryParams(sweeps=n)).scores.tobytes() for n in (None, 2, 0))
    assert built == same != none


def test_weights_of_any_size_are_swept() -> None:
    ring = np.arange(40)
    tiny = CSRGraph.from_edges(ring, np.roll(ring, 1), np.full(40, 1e-41, dtype=np.float32), directed=False)
    huge = CSRGraph.from_edges(ring, np.roll(ring, 1), np.full(40, 1e38, dtype=np.float32), directed=False)
    plain = CSRGraph.from_edges(ring, np.roll(ring, 1), directed=False)
    effort = QueryParams(rmax=1e-2, sweeps=3)
    found = [PowerWalkIndex(g, PowerWalkParams()).vectors([{0: 1.0}], params=effort) for g in (plain, tiny, huge)]
    for other in found[1:]:
        np.testing.assert_allclose(other.scores, found[0].scores, atol=1e-6)


@pytest.mark.parametrize("sweeps", [-1, 1001])
def test_sweeps_that_cannot_be_are_refused(sweeps: int) -> None:
    with pytest.raises(InvalidParams, match="sweeps"):
        QueryParams(sweeps=sweeps)


def test_an_empty_graph_and_no_queries_are_swept() -> None:
    nothing = PowerWalkIndex(CSRGraph.from_edges([], [], n_nodes=0), PowerWalkParams())
    assert nothing.query([], 3, params=QueryParams(sweeps=1)).nodes.shape == (0, 3)
    lonely = PowerWalkIndex(CSRGraph.from_edges([], [], n_nodes=2, directed=False), PowerWalkParams(), background=True)
    assert lonely.query([{1: 1.0}], 3, params=QueryParams(sweeps=2)).nodes.tolist() == [[1, -1, -1]]
