"""Edges held out, non-edges drawn, and scores of pairs against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams
from graph.csr import CSRGraph
from graph.link_prediction import link_scores, sample_non_edges, split_edges
from tests.strategies import graphs


def pairs_of(graph: CSRGraph) -> list[tuple[int, int]]:
    rows = np.repeat(np.arange(graph.n_nodes), graph.out_degree())
    return list(zip(rows.tolist(), graph.indices.tolist(), strict=True))


def same(u: int, v: int, directed: bool) -> tuple[int, int]:
    return (u, v) if directed else (min(u, v), max(u, v))


@given(graph=graphs(parallel=True), fraction=st.sampled_from([0.01, 0.3, 0.9]), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=100)
def test_train_and_held_out_edges_make_up_the_graph(graph: CSRGraph, fraction: float, seed: int) -> None:
    n_pairs = len({same(u, v, graph.directed) for u, v in pairs_of(graph) if u != v})
    try:
        train, held_out = split_edges(graph, fraction, seed)
    except InvalidInput:
        assert n_pairs <= graph.n_nodes  # every node keeps one
        return
    taken = {same(u, v, graph.directed) for u, v in held_out.tolist()}
    assert len(taken) == len(held_out) >= 1
    assert all(u != v for u, v in taken)
    assert pairs_of(train) == [pair for pair in pairs_of(graph) if same(*pair, graph.directed) not in taken]
    assert len(taken) <= max(1, round(fraction * n_pairs))
    before = graph.out_degree() - [pairs_of(graph).count((u, u)) for u in range(graph.n_nodes)]
    after = train.out_degree() - [pairs_of(train).count((u, u)) for u in range(graph.n_nodes)]
    assert ((before == 0) | (after > 0)).all()  # nobody loses the last neighbour
    CSRGraph(
        indptr=train.indptr,
        indices=train.indices,
        weights=train.weights,
        node_ids=train.node_ids,
        directed=train.directed,
    )
    again = split_edges(graph, fraction, seed)
    np.testing.assert_array_equal(again.held_out, held_out)


def test_about_the_share_asked_for_is_held_out() -> None:
    rng = np.random.default_rng(0)
    graph = CSRGraph.from_edges(*rng.integers(0, 200, (2, 3000)), n_nodes=200, directed=False, duplicates="first")
    _, held_out = split_edges(graph, 0.1, seed=1)
    n_edges = sum(u < v for u, v in pairs_of(graph))
    assert len(held_out) == round(0.1 * n_edges)
    assert split_edges(graph, 0.1, seed=2).held_out.tolist() != held_out.tolist()


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_that_is_none_is_refused(fraction: float) -> None:
    with pytest.raises(InvalidParams, match="between 0 and 1"):
        split_edges(CSRGraph.from_edges([0, 1], [1, 2]), fraction)


@given(graph=graphs(min_nodes=1, parallel=True), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_non_edges_are_no_edges(graph: CSRGraph, seed: int) -> None:
    sources = np.arange(graph.n_nodes)
    found, known = sample_non_edges(graph, sources, 4, seed), set(pairs_of(graph))
    for source in sources.tolist():
        free = {v for v in range(graph.n_nodes) if v != source and (source, v) not in known}
        drawn = set(found[source].tolist())
        assert drawn <= free | {-1}
        assert free or drawn == {-1}


@given(seed=st.integers(0, 99), n=st.integers(1, 12), k=st.integers(1, 5))
def test_scores_are_those_of_brute_force(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    axes, lengths = rng.integers(0, 3, 8), rng.choice([-2, 0, 1, 4], 8)
    embedding = np.eye(3, dtype=np.float32)[axes] * lengths[:, None].astype(np.float32)  # cosines are -1, 0 and 1
    held_out, others = rng.integers(0, 8, (n, 2)), rng.integers(0, 8, (n, k))

    def like(u: int, v: int) -> float:
        return float(np.sign(embedding[u] @ embedding[v]))

    right = [like(u, v) for u, v in held_out.tolist()]
    wrong = [[like(u, w) for w in row] for u, row in zip(held_out[:, 0].tolist(), others.tolist(), strict=True)]
    above = [[(w > r) + 0.5 * (w == r) for w in row] for r, row in zip(right, wrong, strict=True)]
    flat = [w for row in wrong for w in row]
    auc = np.mean([(r > w) + 0.5 * (r == w) for r in right for w in flat])
    found = link_scores(embedding, held_out, others)
    assert found.auc == pytest.approx(auc)
    assert found.mrr == pytest.approx(np.mean([1 / (1 + sum(row)) for row in above]))
    last = sorted([*right, *flat], reverse=True)[n - 1]
    left = n - sum(x > last for x in [*right, *flat])
    share = left / sum(x == last for x in [*right, *flat])
    assert found.precision == pytest.approx(sum((r > last) + share * (r == last) for r in right) / n)


def test_a_complete_graph_has_nothing_to_compare_with() -> None:
    graph = CSRGraph.from_edges([0, 0, 1], [1, 2, 2], directed=False)
    pairs = np.array([[0, 1]])
    with pytest.raises(InvalidInput, match="tune by labels"):
        link_scores(np.eye(3, dtype=np.float32), pairs, sample_non_edges(graph, pairs[:, 0], 2))
