"""Exact personalised PageRank by power iteration.

Source: Page, Brin, Motwani, Winograd, 1999; Haveliwala, WWW 2002 (the personalised restart). A walk that reaches a
node without out-arcs restarts at the source, as in networkx with its default ``dangling``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams, NotConverged
from graph.arrays import arc_arrays, read_only
from graph.csr import CSRGraph
from graph.kernels.push import sweep
from graph.sources import restart_shares


@dataclass(frozen=True, slots=True, kw_only=True)
class PPRParams:
    """Everything that decides the answer.

    Attributes
    ----------
    damping : probability to walk on, [0, 1)
    tol : certified L1 distance to the exact answer, > 0
    max_iter : steps after which `NotConverged` is raised, ≥ 1
    """

    damping: float = 0.85
    tol: float = 1e-10
    max_iter: int = 1000

    def __post_init__(self) -> None:
        check_damping(self.damping)
        if not (math.isfinite(self.tol) and self.tol > 0):
            raise InvalidParams(name="tol", value=self.tol, allowed="finite, > 0")
        if self.max_iter < 1:
            raise InvalidParams(name="max_iter", value=self.max_iter, allowed="≥ 1")


def check_damping(damping: float) -> None:
    """Refuse what is no probability to walk on."""
    if not 0 <= damping < 1:
        raise InvalidParams(name="damping", value=damping, allowed="[0, 1)")


def personalized_pagerank(
    graph: CSRGraph, source: int | Mapping[int, float], params: PPRParams | None = None
) -> npt.NDArray[np.float64]:
    """Rank every node as seen from ``source``.

    Parameters
    ----------
    source
        A node row, or ``{row: weight}`` with positive finite weights; only their proportions matter.

    Returns
    -------
    float64, shape (n_nodes,)
        Sums to 1; exactly 0 where no walk from the source leads. Within ``tol`` of the exact answer in L1: a step
        shrinks the distance to it at least by ``damping``, so a change of δ proves a distance of at most
        δ · damping / (1 - damping).

    Raises
    ------
    InvalidQuery
        When the source is empty, unknown, or weighted by what is not positive and finite.
    NotConverged
        When ``max_iter`` steps do not reach ``tol``; ``residual`` is the distance certified so far.
    """
    params = params or PPRParams()
    arcs = arc_arrays(graph)
    out_weight = read_only(graph.out_weight())
    nodes, shares = restart_shares(source, graph.n_nodes)
    restart = np.zeros(graph.n_nodes)
    restart[nodes] = shares

    rank, distance = restart, math.inf
    for _ in range(params.max_iter):
        following = np.zeros(graph.n_nodes)
        stuck = sweep(*arcs, out_weight, rank, following)
        following *= params.damping
        following[nodes] += (1 - params.damping + params.damping * stuck) * shares
        distance = float(np.abs(following - rank).sum()) * params.damping / (1 - params.damping)
        rank = following
        if distance <= params.tol:
            rank /= rank.sum()
            return rank
    raise NotConverged(algorithm="personalized PageRank", residual=distance, tol=params.tol, n_iter=params.max_iter)
