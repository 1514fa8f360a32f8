"""PowerWalk: personalised PageRank from an index, with a bound on its error.

Source: Liu, Li, Lui, Cheng, CIKM 2016, arXiv:1608.06054. A query pushes mass away from its seeds for as long as that
is cheap. ``p = settled + Σ residual[v] · p_v`` is exact, and what the index knows takes the place of p_v: rankings of
hubs, fingerprints of walks, the stationary distribution. Walks end at dangling nodes; dividing by the mass that is not
absorbed, which is known exactly, turns that into a restart at the seeds, which is what `graph.ppr` computes.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidQuery
from foundation.threads import even_ranges, run_ranges
from graph.arrays import read_only
from graph.csr import CSRGraph
from graph.kernels.answer import Prints, Seeds, answer
from graph.kernels.selection import BINS, best_of
from graph.powerwalk.fingerprints import Fingerprints
from graph.powerwalk.hubs import HubVectors, no_hubs
from graph.powerwalk.layout import Layout
from graph.powerwalk.params import PowerWalkParams, QueryParams
from graph.powerwalk.scratch import ScratchPool
from graph.powerwalk.sweeps import Sweeper
from graph.ppr import ExactPPR, PPRParams
from graph.push import UNLIMITED_ROUNDS
from graph.sources import batch_shares

_EXACT_TOL = 1e-10
_EXACT_STEPS = 1_000_000  # more than damping 0.9999 takes
_RMAX = 1e-5
_FLOAT32_ROUNDING = 2.0**-23  # each score is rounded by at most 2**-24 of itself
_FLOAT64_ROUNDING = 1e-12

# Row pointer of the queries, rows of their seeds, share of each: what `graph.sources.batch_shares` returns.
Starts = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """The k best nodes of every query, best first, ties by node row.

    Attributes
    ----------
    nodes : int64, shape (q, k); -1 after the last node with a score
    scores : float32, shape (q, k), share of visits; 0 beside node -1
    error_bound : float64, shape (q,), certain limit of the L1 distance between all scores and the exact ones;
        a single score is off by at most as much
    residual : float64, shape (q,), walk mass, of 1, that push left to the index
    """

    nodes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    error_bound: npt.NDArray[np.float64]
    residual: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vectors:
    """The score of every node for every query: float64 (q, n_nodes), and the rest as in `Ranking`."""

    scores: npt.NDArray[np.float64]
    error_bound: npt.NDArray[np.float64]
    residual: npt.NDArray[np.float64]


@final
class PowerWalkIndex:
    """A graph and what is known of walks on it; arrays are used where they lie, mapped or in memory.

    Attributes
    ----------
    graph, params, layout : what was indexed, how, and in which order it is read
    hubs, fingerprints : rankings of hubs and walks of all nodes, or None
    background : whether what is left is spread by the stationary distribution; undirected graphs only
    effort : what a query does unless told otherwise
    """

    def __init__(
        self,
        graph: CSRGraph,
        params: PowerWalkParams,
        *,
        layout: Layout | None = None,
        hubs: HubVectors | None = None,
        fingerprints: Fingerprints | None = None,
        background: bool = False,
        effort: QueryParams | None = None,
    ) -> None:
        if fingerprints is not None and fingerprints.n_rows != graph.n_nodes:
            raise _another_graph(f"the fingerprints cover {fingerprints.n_rows} nodes, the graph has {graph.n_nodes}")
        self.layout = Layout.of(graph, params.damping) if layout is None else layout
        if (self.layout.n_nodes, self.layout.indices.size) != (graph.n_nodes, graph.n_edges):
            what = f"{self.layout.n_nodes} nodes and {self.layout.indices.size} arcs"
            raise _another_graph(f"it covers {what}, the graph has {graph.n_nodes} and {graph.n_edges}")
        self.graph = graph
        self.params = params
        self.hubs = hubs
        self.fingerprints = fingerprints
        self.background = background and not graph.directed
        self.effort = effort or QueryParams(rmax=_RMAX, cut=_RMAX / 100)
        limits = self.layout.degrees()
        if hubs is not None:
            limits[hubs.hubs] = np.inf
        self._arcs = self.layout.arcs(limits)
        self._places = self.layout.places(background=self.background)
        self._hubs = no_hubs() if hubs is None else hubs.as_kernels_take_it(graph.n_nodes)
        self._prints = _prints(fingerprints, params)
        self._exact: ExactPPR | None = None
        self._sweeper: Sweeper | None = None
        self._lock = threading.Lock()
        self._scratch = ScratchPool(graph.n_nodes, self._places.starts.size)

    @classmethod
    def build(cls, graph: CSRGraph, params: PowerWalkParams | None = None, n_threads: int = 1) -> PowerWalkIndex:
        """Build what ``params.method`` says; the bytes do not depend on ``n_threads``.

        Raises
        ------
        TargetMissed
            When no candidate meets the targets that were asked for, and ``miss`` is ``"refuse"``.
        """
        from graph.powerwalk.choice import build  # it asks indexes, so it comes after them

        return build(graph, params or PowerWalkParams(), n_threads=n_threads).index

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
        power iteration to an L1 distance of 1e-10 and reads neither the index nor ``params``.

        Raises
        ------
        InvalidQuery
            When ``k < 1``, or a query is empty, names an unknown row, or has a weight that is not positive and finite.
        """
        starts = batch_shares(seeds, self.graph.n_nodes)
        n_queries = len(seeds)
        if k < 1:
            raise InvalidQuery(what=f"k = {k}", fix="ask for at least one node")
        ranking = Ranking(
            nodes=np.full((n_queries, k), -1, dtype=np.int64),
            scores=np.zeros((n_queries, k), dtype=np.float32),
            error_bound=np.zeros(n_queries),
            residual=np.zeros(n_queries),
        )
        if exact:
            self._rank_exactly(seeds, ranking, n_threads)
        else:
            tally = self.answer(starts, params or QueryParams(), ranking.nodes, ranking.scores, n_threads=n_threads)
            ranking.residual[:], ranking.error_bound[:] = _residual_and_bound(tally, _FLOAT32_ROUNDING)
        return ranking

    def vectors(
        self,
        seeds: Sequence[Mapping[int, float]],
        *,
        params: QueryParams | None = None,
        exact: bool = False,
        n_threads: int = 1,
    ) -> Vectors:
        """The score of every node for each query, as `query` would rank them; takes 8 bytes per node and query.

        Raises
        ------
        InvalidQuery
            As `query`.
        """
        starts = batch_shares(seeds, self.graph.n_nodes)
        n_queries = len(seeds)
        scores = np.zeros((n_queries, self.graph.n_nodes))
        if exact:
            for first, ranks in self._exactly().blocks(seeds, self._exact_params(), n_threads):
                scores[first : first + len(ranks)] = ranks
            bound = np.full(n_queries, _EXACT_TOL)
            return Vectors(scores=scores, error_bound=bound, residual=np.zeros(n_queries))
        tally = self.answer(starts, params or QueryParams(), vectors=scores, n_threads=n_threads)
        residual, bound = _residual_and_bound(tally, 0.0)
        return Vectors(scores=scores, error_bound=bound, residual=residual)

    def answer(
        self,
        starts: Starts,
        params: QueryParams,
        nodes: npt.NDArray[np.int64] | None = None,
        scores: npt.NDArray[np.float32] | None = None,
        *,
        vectors: npt.NDArray[np.float64] | None = None,
        n_threads: int = 1,
    ) -> npt.NDArray[np.float64]:
        """Fill rankings or whole vectors; returns what `graph.kernels.answer.answer` tells of each query."""
        rmax, cut, max_rounds = self.effort_of(params)
        indptr, rows, shares = starts
        n = indptr.size - 1
        nodes = np.empty((n, 0), dtype=np.int64) if nodes is None else nodes
        scores = np.empty((n, 0), dtype=np.float32) if scores is None else scores
        vectors = np.empty((n, 0)) if vectors is None else vectors
        seeds = Seeds(indptr, self.layout.place[rows], shares)
        tally = np.zeros((n, 6))
        rounds = UNLIMITED_ROUNDS if max_rounds is None else max_rounds
        if sweeps := self.sweeps_of(params):
            self._sweeping().answer(
                seeds, rmax, rounds, sweeps, self._scratch, nodes, scores, vectors, tally,
                synchronous=max_rounds is not None, n_threads=n_threads,
            )  # fmt: skip
            return tally

        def work(first: int, last: int) -> None:
            scratch = self._scratch.take()
            room = scratch if max_rounds is None else scratch._replace(moving=np.empty(self.graph.n_nodes))
            answer(
                self._arcs, self._places, self._hubs, self._prints, seeds, self.params.damping, rmax, cut, rounds,
                first, last, room, nodes, scores, vectors, tally,
            )  # fmt: skip
            self._scratch.give(scratch)

        run_ranges(work, even_ranges(n, max(1, -(-n // (4 * n_threads)))) if n_threads > 1 else [(0, n)], n_threads)
        return tally

    def effort_of(self, params: QueryParams) -> tuple[float, float, int | None]:
        """``rmax``, ``cut`` and ``max_rounds`` that ``params`` come to here."""
        usual, usual_cut = self.effort.rmax or _RMAX, self.effort.cut or 0.0
        rmax = usual if params.rmax is None else params.rmax
        cut = usual_cut * rmax / usual if params.cut is None else params.cut
        only_rounds = params.max_rounds is None and params.rmax is None
        return rmax, cut, self.effort.max_rounds if only_rounds else params.max_rounds

    def sweeps_of(self, params: QueryParams) -> int:
        """``sweeps`` that ``params`` come to here."""
        return (self.effort.sweeps or 0) if params.sweeps is None else params.sweeps

    def _exact_params(self) -> PPRParams:
        return PPRParams(damping=self.params.damping, tol=_EXACT_TOL, max_iter=_EXACT_STEPS)

    def _rank_exactly(self, seeds: Sequence[Mapping[int, float]], ranking: Ranking, n_threads: int) -> None:
        histogram = np.empty(BINS, dtype=np.int32)
        keys = np.empty(self.graph.n_nodes, dtype=np.uint64)
        for first, ranks in self._exactly().blocks(seeds, self._exact_params(), n_threads):
            for query, rank in enumerate(ranks, start=first):
                best_of(rank, keys, histogram, ranking.nodes[query], ranking.scores[query])
        ranking.error_bound[:] = _EXACT_TOL + _FLOAT32_ROUNDING

    def _sweeping(self) -> Sweeper:
        """What sweeps need, once: most indexes are never asked for one."""
        with self._lock:
            if self._sweeper is None:
                self._sweeper = Sweeper.of(self.layout, self.params.damping, background=self.background)
            return self._sweeper

    def _exactly(self) -> ExactPPR:
        """The graph prepared for power iteration, once: most indexes are never asked."""
        with self._lock:
            if self._exact is None:
                self._exact = ExactPPR.of(self.graph)
            return self._exact


def _residual_and_bound(
    tally: npt.NDArray[np.float64], rounding: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """From the sums of `graph.kernels.answer.answer`; scores were divided by the mass that is not absorbed."""
    residual = np.minimum(tally[:, 0], 1.0)  # shares may add up to the float64 after 1
    bound = tally[:, 1] / tally[:, 3]
    return residual, bound + rounding * (1 + bound) + _FLOAT64_ROUNDING  # all scores add up to 1 + bound at most


def _prints(fingerprints: Fingerprints | None, params: PowerWalkParams) -> Prints:
    if fingerprints is None:
        arrays = np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32), np.empty(0, dtype=np.uint16)
        return Prints(*(read_only(array) for array in (*arrays, np.empty(0, dtype=np.int32))))
    n_walks = fingerprints.walks_of(params)
    arrays = fingerprints.indptr, fingerprints.nodes, fingerprints.counts
    return Prints(*(read_only(array) for array in (*arrays, n_walks)))


def _another_graph(what: str) -> InvalidInput:
    return InvalidInput(source="index", what=what, fix="open it with the graph it was built from")
