"""Exact personalised PageRank, for one source or for blocks of them, to a certified distance.

Source: Page, Brin, Motwani, Winograd, 1999; Haveliwala, WWW 2002 (the personalised restart). A walk that reaches a
node without out-arcs restarts at the source, as in networkx with its default ``dangling``. Steps are those of a power
iteration over the arcs that come in; where every arc has its reverse they are blended (`graph.acceleration`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from foundation.errors import InvalidParams, NotConverged
from foundation.memory import written_once
from foundation.threads import Crew
from graph.acceleration import Acceleration
from graph.csr import CSRGraph
from graph.rank_steps import Float64s, RankSteps, Room, Source, Start, restarts_of, starts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PPRParams:
    """Everything that decides the answer.

    Attributes
    ----------
    damping : probability to walk on, [0, 1)
    tol : certified L1 distance to the exact answer, > 0; rounding lets no less than about 1e-16 / (1 - damping)² be
        reached
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
    graph: CSRGraph, source: Source, params: PPRParams | None = None, n_threads: int = 1
) -> Float64s:
    """Rank every node as seen from ``source``; prepares the graph each time, which `ExactPPR` does once.

    Parameters
    ----------
    source
        A node row, or ``{row: weight}`` with positive finite weights; only their proportions matter.
    n_threads
        Changes no byte of the answer.

    Returns
    -------
    float64, shape (n_nodes,)
        Sums to 1; exactly 0 where no walk from the source leads. Within ``tol`` of the exact answer in L1: if a step
        would change a ranking by δ, the exact one is at most δ / (1 - damping) away.

    Raises
    ------
    InvalidQuery
        When the source is empty, unknown, or weighted by what is not positive and finite.
    NotConverged
        When ``max_iter`` steps do not reach ``tol``; ``residual`` is the distance certified so far.
    """
    starts_of([source], graph.n_nodes)  # before the work
    return ExactPPR.of(graph).rank(source, params, n_threads)


def personalized_pageranks(
    graph: CSRGraph, sources: Sequence[Source], params: PPRParams | None = None, n_threads: int = 1
) -> Float64s:
    """`personalized_pagerank` of every source, float64 (n_sources, n_nodes), the same bytes; see `ExactPPR.ranks`."""
    starts_of(sources, graph.n_nodes)
    return ExactPPR.of(graph).ranks(sources, params, n_threads)


@final
@dataclass(frozen=True, slots=True)
class ExactPPR:
    """A graph prepared for any number of sources; ``steps`` may be shared with `graph.heat_kernel`."""

    steps: RankSteps

    @classmethod
    def of(cls, graph: CSRGraph) -> ExactPPR:
        """Takes a copy of the arcs, 4 bytes each, 8 with weights."""
        return cls(RankSteps.of(graph))

    def rank(self, source: Source, params: PPRParams | None = None, n_threads: int = 1) -> Float64s:
        """As `personalized_pagerank`."""
        ranks: Float64s = self.ranks([source], params, n_threads)[0]
        return ranks

    def ranks(self, sources: Sequence[Source], params: PPRParams | None = None, n_threads: int = 1) -> Float64s:
        """Rank every node as seen from each source, float64 (n_sources, n_nodes).

        A source gets the same bytes alone and in any batch, with any number of threads. Use `blocks` where the result
        is too large to keep.
        """
        starts = starts_of(sources, self.steps.n_nodes)
        ranks = written_once((len(starts), self.steps.n_nodes), np.float64)
        for first, stop, room in self.steps.blocks(len(starts)):
            _solve(self.steps, starts[first:stop], params or PPRParams(), n_threads, room, ranks[first:stop])
        return ranks

    def blocks(
        self, sources: Sequence[Source], params: PPRParams | None = None, n_threads: int = 1
    ) -> Iterator[tuple[int, Float64s]]:
        """The rows of `ranks` as they are finished: (number of the first source, float64 (at most 16, n_nodes)).

        Sources are checked at once. Two blocks of 16 numbers a node are held meanwhile, fewer beyond 16 million nodes.
        """
        starts = starts_of(sources, self.steps.n_nodes)
        return self._blocks(starts, params or PPRParams(), n_threads)

    def _blocks(self, starts: Sequence[Start], params: PPRParams, n_threads: int) -> Iterator[tuple[int, Float64s]]:
        for first, stop, room in self.steps.blocks(len(starts)):
            ranks = written_once((stop - first, self.steps.n_nodes), np.float64)
            _solve(self.steps, starts[first:stop], params, n_threads, room, ranks)
            yield first, ranks


def _solve(
    steps: RankSteps,
    starts: Sequence[Start],
    params: PPRParams,
    n_threads: int,
    room: Room,
    ranks: Float64s,
) -> None:
    """Fill a row of ``ranks`` for each start, each in a column of ``room``."""
    block, following = room
    damping, width = params.damping, block.shape[1]
    pace = None if steps.directed else Acceleration(damping, width)
    # An accelerated walk must never get stuck: seeds it could not leave are settled apart.
    restarts = restarts_of([_walking(steps, start) for start in starts] if pace else starts, steps.places)
    steps.place_restarts(restarts, block)
    stuck, blend, unfinished = steps.stuck(restarts, width), np.ones(width), np.arange(width) < len(starts)
    with Crew(n_threads) as crew:
        for _ in range(params.max_iter):
            factors = (1 - damping) + damping * stuck
            residual, stuck = steps.step(block, following, restarts, factors, damping, blend, crew)
            # A plain step brings a ranking nearer by the damping; what a blended one gives is not yet known.
            distance = residual * (damping if pace is None else 1.0) / (1 - damping)
            done = np.flatnonzero(unfinished & (distance <= params.tol))
            steps.unload(following if pace is None else block, done, ranks)
            unfinished[done] = False
            if not unfinished.any():
                break
            if pace is not None:
                blend = pace.learn(residual)
            block, following = following, block
        else:
            reached = float(distance[unfinished].max())
            raise NotConverged(
                algorithm="personalized PageRank", residual=reached, tol=params.tol, n_iter=params.max_iter
            )
    if pace is not None:
        for start, rank in zip(starts, ranks, strict=True):
            _settle(steps, start, damping, rank)


def _walking(steps: RankSteps, start: Start) -> Start:
    """The seeds that a walk can leave, and their shares among themselves."""
    nodes, shares = start
    alive = steps.out_weight[steps.places[nodes]] > 0
    return nodes[alive], shares[alive] / max(shares[alive].sum(), np.finfo(np.float64).tiny)


def _settle(steps: RankSteps, start: Start, damping: float, rank: Float64s) -> None:
    """Add the seeds that `_walking` left out: a visit there ends the walk."""
    nodes, shares = start
    lone = steps.out_weight[steps.places[nodes]] == 0
    if lone.any():
        ending = (1 - damping) * shares[lone]
        walking = float(shares[~lone].sum())
        rank *= walking / (walking + ending.sum())
        rank[nodes[lone]] += ending / (walking + ending.sum())
