"""Heat-kernel PageRank: where a walk stands after a Poisson-distributed number of steps.

Source: Chung, PNAS 2007. h = e⁻ᵗ Σ tᵏ/k! · Pᵏ from the source, where `graph.ppr` weighs the k-step walks by damping
to the power of k; short walks count alike in both, long ones hardly here. A walk that reaches a node without out-arcs
restarts at the source with its next step, as there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from foundation.errors import InvalidParams
from foundation.memory import written_once
from foundation.threads import Crew
from graph.csr import CSRGraph
from graph.rank_steps import Float64s, RankSteps, Room, Source, Start, restarts_of, starts_of

_LONGEST = 500.0  # the sums below reach eᵗ


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatKernelParams:
    """Everything that decides the answer.

    Attributes
    ----------
    t : mean number of steps of a walk, [0, 500]
    tol : certified L1 distance to the exact answer, [1e-14, 1]
    """

    t: float = 5.0
    tol: float = 1e-10

    def __post_init__(self) -> None:
        if not 0 <= self.t <= _LONGEST:
            raise InvalidParams(name="t", value=self.t, allowed=f"[0, {_LONGEST:g}]")
        if not 1e-14 <= self.tol <= 1:
            raise InvalidParams(name="tol", value=self.tol, allowed="[1e-14, 1]")


def heat_kernel_pagerank(
    graph: CSRGraph | RankSteps, source: Source, params: HeatKernelParams | None = None, n_threads: int = 1
) -> Float64s:
    """Heat at every node that has spread from ``source``.

    Parameters
    ----------
    graph
        A graph, or one prepared for many questions: `RankSteps.of`, ``ExactPPR.steps``.
    source
        A node row, or ``{row: weight}`` with positive finite weights; only their proportions matter.
    n_threads
        Changes no byte of the answer.

    Returns
    -------
    float64, shape (n_nodes,)
        Sums to 1; exactly 0 where no walk from the source leads. Within ``tol`` of the exact answer in L1: walks are
        left out from a length on that is less likely to be reached than half of it.

    Raises
    ------
    InvalidQuery
        When the source is empty, unknown, or weighted by what is not positive and finite.
    """
    ranks: Float64s = heat_kernel_pageranks(graph, [source], params, n_threads)[0]
    return ranks


def heat_kernel_pageranks(
    graph: CSRGraph | RankSteps, sources: Sequence[Source], params: HeatKernelParams | None = None, n_threads: int = 1
) -> Float64s:
    """`heat_kernel_pagerank` of every source, float64 (n_sources, n_nodes): the same bytes as one by one."""
    params, steps = params or HeatKernelParams(), _prepared(graph, sources)
    starts = starts_of(sources, steps.n_nodes)
    ranks = written_once((len(starts), steps.n_nodes), np.float64)
    for first, stop, room in steps.blocks(len(starts)):
        _spread(steps, starts[first:stop], params, n_threads, room, ranks[first:stop])
    return ranks


def heat_kernel_blocks(
    graph: CSRGraph | RankSteps, sources: Sequence[Source], params: HeatKernelParams | None = None, n_threads: int = 1
) -> Iterator[tuple[int, Float64s]]:
    """The rows of `heat_kernel_pageranks` as they are finished: (number of the first source, at most 16 rows)."""
    return _blocks(
        _prepared(graph, sources), starts_of(sources, graph.n_nodes), params or HeatKernelParams(), n_threads
    )


def _prepared(graph: CSRGraph | RankSteps, sources: Sequence[Source]) -> RankSteps:
    starts_of(sources, graph.n_nodes)  # before the work
    return graph if isinstance(graph, RankSteps) else RankSteps.of(graph)


def _blocks(
    steps: RankSteps, starts: Sequence[Start], params: HeatKernelParams, n_threads: int
) -> Iterator[tuple[int, Float64s]]:
    for first, stop, room in steps.blocks(len(starts)):
        ranks = written_once((stop - first, steps.n_nodes), np.float64)
        _spread(steps, starts[first:stop], params, n_threads, room, ranks)
        yield first, ranks


def _spread(
    steps: RankSteps,
    starts: Sequence[Start],
    params: HeatKernelParams,
    n_threads: int,
    room: Room,
    ranks: Float64s,
) -> None:
    """The sum by Horner's rule: e + t/1 · P (e + t/2 · P (e + …)), all of it positive."""
    block, following = room
    restarts, width = restarts_of(starts, steps.places), block.shape[1]
    steps.place_restarts(restarts, block)
    stuck, plain = steps.stuck(restarts, width), np.ones(width)
    with Crew(n_threads) as crew:
        for k in range(longest_walk(params.t, params.tol / 2), 0, -1):
            share = params.t / k
            _, stuck = steps.step(block, following, restarts, 1 + share * stuck, share, plain, crew)
            block, following = following, block
    steps.unload(block, np.arange(len(starts)), ranks)


def longest_walk(t: float, tail: float) -> int:
    """The smallest k such that a Poisson number of mean ``t`` exceeds k with a probability of at most ``tail``."""
    k = math.ceil(t)
    while _beyond(t, k) > tail:
        k += 1
    while k > 0 and _beyond(t, k - 1) <= tail:
        k -= 1
    return k


def _beyond(t: float, k: int) -> float:
    """Probability of more than k."""
    total, j = 0.0, k + 1
    term = math.exp(j * math.log(t) - t - math.lgamma(j + 1)) if t > 0 else 0.0
    while term > total * 1e-17 or (j < t and term > 0):
        total += term
        j += 1
        term *= t / j
    return total
