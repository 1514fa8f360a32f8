"""PageRank of every node, by power iteration over the arcs that come in.

Source: Page, Brin, Motwani, Winograd, 1999; Haveliwala, WWW 2002 (restarts that are not uniform). `graph.ppr` answers
for one source to a certified distance; this answers for any distributions, stops where asked to, and runs on threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams, NotConverged
from foundation.threads import balanced_ranges, run_ranges
from graph.kernels.counting import count_rows, sum_runs, transpose
from graph.kernels.pagerank import pull_rank

Float64s = npt.NDArray[np.float64]

# Small enough to balance two threads on a graph that is worth them, large enough that a call costs nothing.
RANGE_COST = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRankParams:
    """When and where to stop.

    Attributes
    ----------
    damping : probability to walk on, [0, 1]; at 1 a periodic graph does not converge
    tol : L1 change of a step below which it stops, > 0; the distance left is at most tol · damping / (1 - damping)
    max_iter : steps after which `NotConverged` is raised, ≥ 1
    """

    damping: float = 0.85
    tol: float = 1e-10
    max_iter: int = 1000

    def __post_init__(self) -> None:
        if not 0 <= self.damping <= 1:
            raise InvalidParams(name="damping", value=self.damping, allowed="[0, 1]")
        if not (math.isfinite(self.tol) and self.tol > 0):
            raise InvalidParams(name="tol", value=self.tol, allowed="finite, > 0")
        if self.max_iter < 1:
            raise InvalidParams(name="max_iter", value=self.max_iter, allowed="≥ 1")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InArcs:
    """A graph as PageRank reads it; made by `in_arcs`, good for any number of questions.

    Attributes
    ----------
    indptr : int64, shape (n_nodes + 1,), and ``sources`` (n_arcs,): the nodes with an arc to each node
    shares : float64 (n_arcs,), what an arc takes of its source's rank; empty when 1 / out-degree
    inverse : float64 (n_nodes,), 1 / out-weight; 0 at dangling nodes
    """

    indptr: npt.NDArray[np.int64]
    sources: npt.NDArray[Any]
    shares: Float64s
    inverse: Float64s

    @property
    def n_nodes(self) -> int:
        return self.inverse.size


def in_arcs(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any], weights: npt.NDArray[Any] | None, *, directed: bool
) -> InArcs:
    """Turn a CSR of outgoing arcs around.

    ``weights`` are finite and not negative, None when every arc weighs 1; parallel arcs add up. ``directed=False``
    states that every arc has its reverse of the same weight: nothing is turned then, and ``indices`` are shared.
    """
    n_nodes = indptr.size - 1
    out_weight = np.diff(indptr).astype(np.float64)
    if weights is not None:
        sum_runs(indptr, weights, out_weight)
    # The smallest weights overflow here; an iteration over them does not converge, and says so.
    with np.errstate(over="ignore", invalid="ignore"):
        inverse = np.divide(1.0, out_weight, out=np.zeros(n_nodes), where=out_weight != 0)
        shares: npt.NDArray[Any] = np.empty(0)
        if weights is not None:
            shares = weights * (np.repeat(inverse, np.diff(indptr)) if directed else inverse[indices])
    if not directed:
        return InArcs(indptr=indptr, sources=indices, shares=shares, inverse=inverse)
    turned, sources, turned_shares = np.zeros_like(indptr), np.empty_like(indices), np.empty_like(shares)
    count_rows(indices, turned)
    transpose(indptr, indices, shares, turned[:-1].copy(), sources, turned_shares)
    return InArcs(indptr=turned, sources=sources, shares=turned_shares, inverse=inverse)


def pagerank(
    arcs: InArcs,
    params: PageRankParams | None = None,
    *,
    restart: Float64s | None = None,
    dangling: Float64s | None = None,
    start: Float64s | None = None,
    n_threads: int = 1,
) -> Float64s:
    """Rank every node.

    Parameters
    ----------
    restart, dangling, start
        Distributions over the nodes, float64 (n_nodes,): where a walk restarts, where it goes from a node without
        out-weight, and what to begin with. By default uniform, as ``restart``, and uniform.
    n_threads
        Changes no byte of the answer: rows are summed in fixed ranges.

    Returns
    -------
    float64, shape (n_nodes,)
        Empty for a graph without nodes.

    Raises
    ------
    InvalidInput
        When a distribution has another length, a number that is negative or not finite, or a sum that is not 1.
    NotConverged
        When no step of ``max_iter`` changes less than ``tol``; ``residual`` is the change of the last one.
    """
    params = params or PageRankParams()
    n_nodes = arcs.n_nodes
    if n_nodes == 0:
        return np.empty(0)
    uniform = np.full(n_nodes, 1.0 / n_nodes)
    restart = uniform if restart is None else _distribution("restart", restart, n_nodes)
    dangling = restart if dangling is None else _distribution("dangling", dangling, n_nodes)
    rank = uniform.copy() if start is None else _distribution("start", start, n_nodes).copy()

    ranges = balanced_ranges(arcs.indptr, RANGE_COST)
    following, following_mass = np.empty(n_nodes), np.empty(n_nodes)
    mass = rank.copy() if arcs.shares.size else rank * arcs.inverse
    stuck, change = float(rank[arcs.inverse == 0].sum()), math.inf
    for _ in range(params.max_iter):
        pulled = arcs, restart, dangling, params.damping, stuck, mass, rank, following, following_mass
        change, stuck = _step(*pulled, ranges, n_threads)
        rank, following = following, rank
        mass, following_mass = following_mass, mass
        if change < params.tol:
            return rank
    raise NotConverged(algorithm="PageRank", residual=change, tol=params.tol, n_iter=params.max_iter)


def _step(
    arcs: InArcs,
    restart: Float64s,
    dangling: Float64s,
    damping: float,
    stuck: float,
    mass: Float64s,
    rank: Float64s,
    following: Float64s,
    following_mass: Float64s,
    ranges: list[tuple[int, int]],
    n_threads: int,
) -> tuple[float, float]:
    """Fill ``following`` and ``following_mass``; returns the L1 change and the rank of dangling nodes."""
    changes, held = np.empty(len(ranges)), np.empty(len(ranges))
    place = {start: i for i, (start, _) in enumerate(ranges)}

    def pull(start: int, stop: int) -> None:
        changes[place[start]], held[place[start]] = pull_rank(
            arcs.indptr, arcs.sources, arcs.shares, arcs.inverse, mass, stuck, damping,
            restart, dangling, rank, following, following_mass, start, stop,
        )  # fmt: skip

    run_ranges(pull, ranges, n_threads)
    return float(changes.sum()), float(held.sum())


def _distribution(name: str, values: Float64s, n_nodes: int) -> Float64s:
    if values.shape != (n_nodes,):
        raise InvalidInput(source=name, what=f"shape {values.shape} for {n_nodes} nodes", fix="one number for each")
    if not ((values >= 0) & (values < np.inf)).all():
        node = int(np.argmin((values >= 0) & (values < np.inf)))
        raise InvalidInput(source=name, what=f"{values[node]} at node {node}", fix="probabilities are not negative")
    if abs(values.sum() - 1.0) > 1e-9:
        raise InvalidInput(source=name, what=f"adds up to {values.sum()}, not to 1", fix="divide it by its sum")
    return np.ascontiguousarray(values, dtype=np.float64)
