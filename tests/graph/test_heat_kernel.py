"""Heat-kernel PageRank beside the matrix exponential."""

from __future__ import annotations

import math
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
import scipy.linalg
import scipy.sparse.linalg
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidParams, InvalidQuery
from graph.csr import CSRGraph
from graph.heat_kernel import (
    HeatKernelParams,
    heat_kernel_blocks,
    heat_kernel_pagerank,
    heat_kernel_pageranks,
    longest_walk,
)
from graph.ppr import ExactPPR
from graph.rank_steps import RankSteps
from tests.oracles.ppr import restart_vector, transition
from tests.strategies import walk_graphs, walk_seeds

TIMES = st.sampled_from([0.0, 0.1, 1.0, 5.0, 40.0])


def exponential(graph: CSRGraph, seeds: dict[int, float], t: float) -> npt.NDArray[np.float64]:
    """``e · exp(-t (I - P))``, the rows of dangling nodes filled with the restart."""
    matrix, restart = transition(graph), restart_vector(seeds, graph.n_nodes)
    matrix[matrix.sum(axis=1) == 0] = restart
    heat: npt.NDArray[np.float64] = restart @ scipy.linalg.expm(t * (matrix - np.eye(graph.n_nodes)))
    return heat


@given(graph=walk_graphs(), t=TIMES, tol=st.sampled_from([1e-2, 1e-6, 1e-10]), data=st.data())
@settings(deadline=None, max_examples=150)
def test_agrees_with_the_matrix_exponential(graph: CSRGraph, t: float, tol: float, data: st.DataObject) -> None:
    seeds = data.draw(walk_seeds(graph.n_nodes), label="seeds")
    heat = heat_kernel_pagerank(graph, seeds, HeatKernelParams(t=t, tol=tol))
    assert np.abs(heat - exponential(graph, seeds, t)).sum() <= tol + 1e-12
    assert heat.sum() == pytest.approx(1.0, abs=1e-14)
    assert heat.min() >= 0


def test_agrees_with_scipy_on_a_graph_of_many_nodes() -> None:
    graph = CSRGraph.from_networkx(nx.barabasi_albert_graph(2000, 3, seed=1))
    matrix = graph.to_scipy().astype(np.float64)
    matrix.data /= np.repeat(graph.out_weight(), graph.out_degree())
    generator = 5.0 * (matrix.T - scipy.sparse.eye_array(2000))
    expected = scipy.sparse.linalg.expm_multiply(generator, np.eye(2000)[17], traceA=-5.0 * 2000)
    assert np.abs(heat_kernel_pagerank(graph, 17) - expected).sum() <= 1e-10 + 1e-12


@given(graph=walk_graphs(), n_threads=st.integers(2, 3), data=st.data())
@settings(deadline=None, max_examples=25)
def test_bytes_depend_neither_on_threads_nor_on_the_batch(graph: CSRGraph, n_threads: int, data: st.DataObject) -> None:
    sources = data.draw(st.lists(walk_seeds(graph.n_nodes), min_size=1, max_size=40), label="sources")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("graph.rank_steps.RANGE_COST", 8)
        steps = RankSteps.of(graph)
        alone = [heat_kernel_pagerank(steps, source) for source in sources]
        together = heat_kernel_pageranks(graph, sources, n_threads=n_threads)
        blocks = dict(heat_kernel_blocks(steps, sources))
    assert together.tobytes() == np.array(alone).tobytes()
    assert np.concatenate(list(blocks.values())).tobytes() == together.tobytes()


def test_a_graph_prepared_for_pagerank_serves_as_well() -> None:
    graph = CSRGraph.from_edges([0, 1, 2], [1, 2, 0])
    assert heat_kernel_pagerank(ExactPPR.of(graph).steps, 1).tobytes() == heat_kernel_pagerank(graph, 1).tobytes()


def test_two_nodes_share_heat_by_the_hyperbolic_functions() -> None:
    graph = CSRGraph.from_edges([0], [1], directed=False)
    heat = heat_kernel_pagerank(graph, 0, HeatKernelParams(t=0.7, tol=1e-13))
    np.testing.assert_allclose(heat, [math.exp(-0.7) * math.cosh(0.7), math.exp(-0.7) * math.sinh(0.7)], atol=1e-13)


@given(t=st.floats(0, 500), tail=st.sampled_from([0.5, 1e-3, 1e-6, 5e-11, 1e-14]))
def test_walks_left_out_are_as_rare_as_asked_for_and_no_rarer(t: float, tail: float) -> None:
    k = longest_walk(t, tail)
    assert scipy.stats.poisson.sf(k, t) <= tail * (1 + 1e-9)
    assert k == 0 or scipy.stats.poisson.sf(k - 1, t) >= tail * (1 - 1e-9)


def test_the_longest_walks_do_not_overflow() -> None:
    graph = CSRGraph.from_edges([0, 1, 2], [1, 2, 0], directed=False)
    np.testing.assert_allclose(heat_kernel_pagerank(graph, 0, HeatKernelParams(t=500.0)), 1 / 3, atol=1e-10)


@pytest.mark.parametrize(
    "bad", [{"t": -1.0}, {"t": 501.0}, {"t": math.nan}, {"tol": 0.0}, {"tol": 1e-15}, {"tol": math.nan}, {"tol": 2.0}]
)
def test_params_that_cannot_run_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(bad))):
        HeatKernelParams(**bad)


def test_sources_that_make_no_sense_are_refused_before_the_work() -> None:
    graph = CSRGraph.from_edges([0, 1], [1, 0])
    with pytest.raises(InvalidQuery, match="not a node"):
        heat_kernel_pagerank(graph, 2)
    with pytest.raises(InvalidQuery, match="one mapping"):
        heat_kernel_blocks(graph, {0: 1.0})  # type: ignore[arg-type]  # what is easily got wrong
