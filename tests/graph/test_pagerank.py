"""PageRank with any distributions, beside dense linear algebra; the same bytes on any number of threads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams, NotConverged
from graph.csr import CSRGraph
from graph.pagerank import InArcs, PageRankParams, in_arcs, pagerank
from graph.ppr import PPRParams, personalized_pagerank
from tests.oracles.ppr import transition
from tests.strategies import graphs

Float64s = npt.NDArray[np.float64]
TIGHT = PageRankParams(tol=1e-13)


def arcs_of(graph: CSRGraph) -> InArcs:
    return in_arcs(graph.indptr, graph.indices, graph.weights, directed=graph.directed)


def distributions(n_nodes: int) -> st.SearchStrategy[Float64s | None]:
    numbers = st.lists(st.sampled_from([0.0, 1.0, 0.5, 1e-6, 100.0]), min_size=n_nodes, max_size=n_nodes)
    some = numbers.filter(any).map(lambda drawn: np.array(drawn) / sum(drawn))
    return st.none() | some


def solved(graph: CSRGraph, damping: float, restart: Float64s, dangling: Float64s) -> Float64s:
    """``p = damping · p · P + (1 - damping) · restart``, P with the rows of dangling nodes filled in."""
    matrix = transition(graph)
    matrix[matrix.sum(axis=1) == 0] = dangling
    return np.linalg.solve((np.eye(graph.n_nodes) - damping * matrix).T, (1 - damping) * restart)


@given(
    graph=graphs(min_nodes=1, parallel=True) | graphs(min_nodes=1),
    damping=st.sampled_from([0.0, 0.5, 0.85, 0.97]),
    data=st.data(),
)
@settings(deadline=None, max_examples=150)
def test_agrees_with_a_dense_solve(graph: CSRGraph, damping: float, data: st.DataObject) -> None:
    n_nodes = graph.n_nodes
    restart, dangling, start = (data.draw(distributions(n_nodes), label=name) for name in ("restart", "leave", "start"))
    params = PageRankParams(damping=damping, tol=1e-12, max_iter=10_000)
    rank = pagerank(arcs_of(graph), params, restart=restart, dangling=dangling, start=start)
    uniform = np.full(n_nodes, 1 / n_nodes)
    restart = uniform if restart is None else restart
    dangling = restart if dangling is None else dangling
    np.testing.assert_allclose(rank, solved(graph, damping, restart, dangling), atol=1e-10, rtol=0)


@given(graph=graphs(min_nodes=1, directed=False))
@settings(deadline=None, max_examples=60)
def test_an_undirected_graph_is_the_directed_one_with_both_arcs(graph: CSRGraph) -> None:
    turned = in_arcs(graph.indptr, graph.indices, graph.weights, directed=True)
    np.testing.assert_allclose(pagerank(arcs_of(graph), TIGHT), pagerank(turned, TIGHT), atol=1e-12, rtol=0)


@given(graph=graphs(min_nodes=1), data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_single_restart_gives_the_certified_personalised_ranking(graph: CSRGraph, data: st.DataObject) -> None:
    source = data.draw(st.integers(0, graph.n_nodes - 1), label="source")
    rank = pagerank(arcs_of(graph), TIGHT, restart=np.eye(graph.n_nodes)[source])
    np.testing.assert_allclose(rank, personalized_pagerank(graph, source, PPRParams()), atol=1e-9, rtol=0)


@given(graph=graphs(min_nodes=1, max_arcs=60), n_threads=st.integers(2, 4), data=st.data())
@settings(deadline=None, max_examples=40)
def test_bytes_do_not_depend_on_threads(graph: CSRGraph, n_threads: int, data: st.DataObject) -> None:
    restart = data.draw(distributions(graph.n_nodes), label="restart")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("graph.pagerank.RANGE_COST", 4)
        alone = pagerank(arcs_of(graph), restart=restart)
        together = pagerank(arcs_of(graph), restart=restart, n_threads=n_threads)
    assert together.tobytes() == alone.tobytes()


def test_weights_far_apart_do_not_overflow() -> None:
    weights = np.array([1e-300, 1e300, 1e-300, 1e300])
    indptr, indices = np.array([0, 2, 4]), np.array([0, 1, 0, 1], dtype=np.int32)
    rank = pagerank(in_arcs(indptr, indices, weights, directed=True), TIGHT)
    np.testing.assert_allclose(rank, [0.075, 0.925], atol=1e-12)


def test_a_graph_without_nodes_has_an_empty_ranking() -> None:
    assert pagerank(arcs_of(CSRGraph.from_edges([], []))).shape == (0,)


def test_what_is_passed_in_stays_as_it_was() -> None:
    graph = CSRGraph.from_edges([0, 1, 2], [1, 2, 0], n_nodes=4)
    given_start, given_restart = np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.0, 0.0, 0.0, 1.0])
    pagerank(arcs_of(graph), restart=given_restart, start=given_start)
    assert given_start.tolist() == [0.5, 0.5, 0.0, 0.0]
    assert given_restart.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_too_few_steps_are_reported_with_the_last_change() -> None:
    ring = arcs_of(CSRGraph.from_edges([0, 1, 2], [1, 2, 0]))
    with pytest.raises(NotConverged) as caught:
        pagerank(ring, PageRankParams(damping=1.0, max_iter=7), start=np.array([1.0, 0.0, 0.0]))
    assert (caught.value.n_iter, caught.value.residual) == (7, 2.0)


@pytest.mark.parametrize(
    "bad",
    [{"damping": 1.1}, {"damping": -0.1}, {"damping": math.nan}, {"tol": 0.0}, {"tol": math.inf}, {"max_iter": 0}],
)
def test_params_that_cannot_run_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(bad))):
        PageRankParams(**bad)


@pytest.mark.parametrize("name", ["restart", "dangling", "start"])
@pytest.mark.parametrize("bad", [[1.0], [0.5, 0.5, 0.5], [1.5, -0.5, 0.0], [math.nan, 0.5, 0.5], [math.inf, 0.0, 0.0]])
def test_what_is_no_distribution_is_refused(name: str, bad: list[float]) -> None:
    ring = arcs_of(CSRGraph.from_edges([0, 1, 2], [1, 2, 0]))
    with pytest.raises(InvalidInput, match=name):
        pagerank(ring, **{name: np.array(bad)})
