"""PowerWalk: personalised PageRank from an index of walks, with a bound on its error.

Source: Liu, Li, Lui, Cheng, CIKM 2016, arXiv:1608.06054. A query pushes mass away from its seeds for as long as
that is cheap and lets the fingerprints of the nodes where the rest lies stand in for the walks not taken:
``p = settled + Σ residual[v] · p_v`` is exact, and p̂_v takes the place of p_v. Walks end at dangling nodes;
dividing by the total at the end turns that into a restart at the seeds, which is what `graph.ppr` computes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidQuery
from foundation.threads import even_ranges, run_ranges
from graph.arrays import arc_arrays, read_only
from graph.csr import CSRGraph
from graph.kernels.estimate import answer
from graph.kernels.topk import top_k
from graph.powerwalk.fingerprints import Fingerprints, PowerWalkParams, fingerprints
from graph.ppr import PPRParams, personalized_pagerank
from graph.push import UNLIMITED_ROUNDS, PushParams
from graph.sources import restart_shares

_EXACT_TOL = 1e-10
_FLOAT32_ROUNDING = 2.0**-23  # scores add up to at most 1 and each is rounded by at most 2**-24 of itself


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParams:
    """How far to push before the fingerprints take over.

    Attributes
    ----------
    rmax : push a node while its residual exceeds ``rmax`` times its number of out-arcs; 0 needs ``max_rounds``
    max_rounds : synchronous rounds (the paper's T), ≥ 0; None means until nothing exceeds the threshold
    """

    rmax: float = 1e-5
    max_rounds: int | None = None

    def __post_init__(self) -> None:
        PushParams(rmax=self.rmax, max_rounds=self.max_rounds)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """The k best nodes of every query, best first, ties by node row.

    Attributes
    ----------
    nodes : int64, shape (q, k); -1 after the last node with a score
    scores : float32, shape (q, k), share of visits; 0 beside node -1
    error_bound : float64, shape (q,), certain limit of the L1 distance between all scores and the exact ones;
        a single score is off by at most as much
    residual : float64, shape (q,), walk mass, of 1, that push left to the fingerprints
    """

    nodes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    error_bound: npt.NDArray[np.float64]
    residual: npt.NDArray[np.float64]


_Start = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]  # rows of the seeds, share of each


@final
class PowerWalkIndex:
    """A graph and the fingerprints of all its nodes; arrays are used where they lie, mapped or in memory."""

    def __init__(self, graph: CSRGraph, params: PowerWalkParams, prints: Fingerprints) -> None:
        if prints.n_rows != graph.n_nodes:
            raise InvalidInput(
                source="fingerprints",
                what=f"they cover {prints.n_rows} nodes, the graph has {graph.n_nodes}",
                fix="open them with the graph they were built from",
            )
        self.graph = graph
        self.params = params
        self.fingerprints = prints
        self._walks = read_only(prints.walks_of(params))

    @classmethod
    def build(cls, graph: CSRGraph, params: PowerWalkParams | None = None, n_threads: int = 1) -> PowerWalkIndex:
        """Walk from every node; the bytes do not depend on ``n_threads``."""
        params = params or PowerWalkParams()
        return cls(graph, params, fingerprints(graph, params, n_threads=n_threads))

    def query(
        self,
        seeds: Sequence[Mapping[int, float]],
        k: int = 100,
        *,
        params: QueryParams | None = None,
        exact: bool = False,
        n_threads: int = 1,
    ) -> Ranking:
        """Rank the nodes as seen from each ``{row: weight}`` of ``seeds``; the seeds themselves take part.

        A query gives the same bytes alone and in any batch, with any number of threads. ``exact=True`` answers by
        power iteration to an L1 distance of 1e-10 and reads neither fingerprints nor ``params``.

        Raises
        ------
        InvalidQuery
            When ``k < 1``, or a query is empty, names an unknown row, or has a weight that is not positive and finite.
        """
        if isinstance(seeds, Mapping):
            raise InvalidQuery(what="seeds are one mapping", fix="pass a list with one {row: weight} per query")
        if k < 1:
            raise InvalidQuery(what=f"k = {k}", fix="ask for at least one node")
        starts = [restart_shares(_mapping(query), self.graph.n_nodes) for query in seeds]
        ranking = Ranking(
            nodes=np.full((len(starts), k), -1, dtype=np.int64),
            scores=np.zeros((len(starts), k), dtype=np.float32),
            error_bound=np.zeros(len(starts)),
            residual=np.zeros(len(starts)),
        )
        if exact:
            self._rank_exactly(seeds, ranking, n_threads)
        else:
            self._estimate(starts, ranking, params or QueryParams(), n_threads)
        return ranking

    def _rank_exactly(self, seeds: Sequence[Mapping[int, float]], ranking: Ranking, n_threads: int) -> None:
        damping = self.params.damping
        # A change is at most 2 and shrinks at least by damping a step: after so many the tolerance is certain.
        steps = math.log(_EXACT_TOL * (1 - damping) / 2) / math.log(damping) if damping > 0 else 0.0
        params = PPRParams(damping=damping, tol=_EXACT_TOL, max_iter=math.ceil(steps) + 2)

        def work(first: int, last: int) -> None:
            for query in range(first, last):
                rank = personalized_pagerank(self.graph, seeds[query], params)
                reached = np.flatnonzero(rank).astype(np.int32)
                k = min(ranking.nodes.shape[1], reached.size)
                top_k(reached, rank, 1.0, ranking.nodes[query, :k], ranking.scores[query, :k])
                ranking.error_bound[query] = _EXACT_TOL + _FLOAT32_ROUNDING

        run_ranges(work, even_ranges(len(seeds), 1), n_threads)

    def _estimate(self, starts: Sequence[_Start], ranking: Ranking, params: QueryParams, n_threads: int) -> None:
        arcs, prints, n_nodes = arc_arrays(self.graph), self.fingerprints, self.graph.n_nodes
        seed_indptr = np.cumsum([0, *(nodes.size for nodes, _ in starts)])
        seed_nodes = np.concatenate([np.empty(0, dtype=np.int64), *(nodes for nodes, _ in starts)])
        seed_shares = np.concatenate([np.empty(0), *(shares for _, shares in starts)])
        rounds = UNLIMITED_ROUNDS if params.max_rounds is None else params.max_rounds
        tally = np.zeros((len(starts), 5))
        indptr, nodes = read_only(prints.indptr), read_only(prints.nodes)
        counts, lost = read_only(prints.counts), read_only(prints.lost)

        def work(first: int, last: int) -> None:
            residual, mass, moving = (np.zeros(n_nodes) for _ in range(3))
            seen = np.zeros(n_nodes, dtype=np.bool_)
            touched, front, following = (np.empty(n_nodes, dtype=np.int32) for _ in range(3))
            answer(
                *arcs, indptr, nodes, counts, lost, self.params.damping, self._walks, params.rmax, rounds,
                seed_indptr, seed_nodes, seed_shares, first, last, residual, mass, moving, seen, touched, front,
                following, ranking.nodes, ranking.scores, tally,
            )  # fmt: skip

        run_ranges(work, even_ranges(len(starts), max(1, -(-len(starts) // max(1, n_threads)))), n_threads)
        ranking.residual[:] = np.minimum(tally[:, 1], 1.0)  # shares may add up to the float64 after 1
        ranking.error_bound[:] = _certain_bound(tally)


def _mapping(query: Any) -> Mapping[int, float]:
    if not isinstance(query, Mapping):
        raise InvalidQuery(what=f"query {query!r} is not a mapping", fix="pass one {row: weight} per query")
    return query


def _certain_bound(tally: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """L1 bound that holds whatever the walks did, from the five sums of `graph.kernels.estimate.add_fingerprints`.

    Exact and estimate both hold the certain mass C, divided by totals of at most C + open and exactly ``total``.
    They share at least C / max(C + open, total); what they do not share is all that can differ.
    """
    certain, _, open_, guessed, cut = tally.T
    total = certain + guessed + cut
    shared = certain / np.maximum(certain + open_, total)
    bound: npt.NDArray[np.float64] = np.minimum(1 + (certain + guessed) / total - 2 * shared, 2.0)
    return bound + _FLOAT32_ROUNDING
