"""Personalised PageRank by dense linear algebra, and the PowerWalk paper's query written out over a dense matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import networkx as nx
import numpy as np
import numpy.typing as npt

from graph.csr import CSRGraph

Float64s = npt.NDArray[np.float64]
Dangling = Literal["absorb", "restart", "self-loop", "uniform"]


def transition(graph: CSRGraph) -> Float64s:
    """Row-stochastic (n_nodes, n_nodes); the row of a dangling node is zero."""
    dense = np.zeros((graph.n_nodes, graph.n_nodes))
    src = np.repeat(np.arange(graph.n_nodes), np.diff(graph.indptr))
    weights = np.ones(graph.n_edges) if graph.weights is None else graph.weights.astype(np.float64)
    np.add.at(dense, (src, graph.indices), weights)
    total = dense.sum(axis=1, keepdims=True)
    return np.divide(dense, total, out=np.zeros_like(dense), where=total > 0)


def restart_vector(source: int | Mapping[int, float], n_nodes: int) -> Float64s:
    """Distribution (n_nodes,) of restarts."""
    shares = np.zeros(n_nodes)
    for node, weight in (source if isinstance(source, Mapping) else {source: 1.0}).items():
        shares[node] = weight
    return shares / shares.sum()


def solve(
    graph: CSRGraph, source: int | Mapping[int, float], damping: float, dangling: Dangling = "restart"
) -> Float64s:
    """``p = (1 - damping) · e · (I - damping · P)⁻¹`` with the rows of dangling nodes filled in as asked."""
    matrix, restart = transition(graph), restart_vector(source, graph.n_nodes)
    stuck = matrix.sum(axis=1) == 0
    if dangling == "restart":
        matrix[stuck] = restart
    elif dangling == "uniform":
        matrix[stuck] = 1 / graph.n_nodes
    elif dangling == "self-loop":
        matrix[stuck, stuck] = 1.0
    system = np.eye(graph.n_nodes) - damping * matrix
    return np.linalg.solve(system.T, (1 - damping) * restart)


def solve_all(graph: CSRGraph, damping: float) -> Float64s:
    """Row v is the absorb-mode answer seen from v."""
    system = np.eye(graph.n_nodes) - damping * transition(graph)
    return (1 - damping) * np.linalg.inv(system)


def networkx_ppr(graph: CSRGraph, source: int | Mapping[int, float], damping: float) -> Float64s:
    """``networkx.pagerank``, whose dangling nodes restart at the source; parallel arcs are merged first."""
    digraph = nx.DiGraph()
    digraph.add_nodes_from(range(graph.n_nodes))
    for node, row in enumerate(transition(graph)):
        digraph.add_weighted_edges_from((node, int(other), float(row[other])) for other in np.flatnonzero(row))
    weights = source if isinstance(source, Mapping) else {source: 1.0}
    rank = nx.pagerank(digraph, alpha=damping, personalization=dict(weights), tol=1e-13, max_iter=100_000)
    return np.array([rank[node] for node in range(graph.n_nodes)])


def verd(
    matrix: Float64s, source: int, rounds: int, threshold: float, damping: float, *, drop: bool = False
) -> tuple[Float64s, Float64s]:
    """Settled and flow after the paper's rounds, a mass at or below ``threshold`` parked for good, or dropped."""
    flow, settled = np.eye(len(matrix))[source], np.zeros(len(matrix))
    parked = np.zeros(len(matrix))
    for _ in range(rounds):
        active = np.where(flow > threshold, flow, 0.0)
        parked += 0.0 if drop else flow - active
        settled += (1 - damping) * active
        flow = damping * active @ matrix
    return settled, flow + parked


def push_rounds(
    matrix: Float64s, restart: Float64s, thresholds: Float64s, rounds: int, damping: float
) -> tuple[Float64s, Float64s]:
    """Settled and residual when parked mass takes part again as soon as it exceeds its node's threshold."""
    residual, settled = restart.copy(), np.zeros(len(matrix))
    for _ in range(rounds):
        active = np.where(residual > thresholds, residual, 0.0)
        if not active.any():
            break
        settled += (1 - damping) * active
        residual = residual - active + damping * active @ matrix
    return settled, residual
