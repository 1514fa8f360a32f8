"""How many candidates a retriever takes: measured on held-out queries against exact MaxSim over all documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foundation.errors import TargetMissed
from vectors.coded.choice import ladder_to
from vectors.evaluation import reranked_recall
from vectors.filtered import TOP
from vectors.retriever import Retriever, RetrieverParams, can_pass_first
from vectors.tokens.ball_carving import carve_queries
from vectors.tokens.maxsim import exact_top, maxsim, top_rows
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import TokenSets
from vectors.tokens.reranking import reranked_top

LADDER = (10, 20, 50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 8000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The number of candidates chosen, and recall of exact MaxSim's top 10 at every number tried."""

    n_candidates: int
    recall_at_10: float
    n_queries: int
    frontier: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What `choose` needs of some held-out queries; each query's rows depend on it alone.

    Attributes
    ----------
    true_kth : float32, shape (n_queries,), score of exact MaxSim's tenth document (of the last, if there are fewer)
    scores : float32, shape (n_queries, n), exact scores of the candidates in the order of their encodings
    ranking : the same by carved queries, which put them in order; None where queries are not carved
    same : bool, shape (n_queries,), whether scoring in 8 bits first gives the same ten of all candidates; false where
        tokens cannot be scored so
    """

    true_kth: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    ranking: npt.NDArray[np.float32] | None
    same: npt.NDArray[np.bool_]


def evaluate(
    retriever: Retriever,
    queries: MultiVectors,
    params: RetrieverParams,
    known: npt.NDArray[np.float32] | None = None,
) -> Evaluated:
    """Measure held-out queries, none of them empty. ``known`` is `true_kth` where it was found before."""
    documents = retriever.documents
    kth = true_kth(queries, documents) if known is None else known
    found, _ = retriever.candidates(queries, most_candidates(params, documents.n_docs))
    scores, ranking = scored(queries, documents, found, params.carve)
    same = np.zeros(queries.n_docs, dtype=np.bool_)
    if params.first_pass == "auto" and can_pass_first(documents) and queries.n_docs:
        asked = queries if params.carve is None else carve_queries(queries, params.carve)
        in_rows = np.sort(found, axis=1)
        quick, _ = reranked_top(asked, documents, TOP, candidates=in_rows)
        exact = maxsim(asked, documents, in_rows)
        for query in range(queries.n_docs):
            best = in_rows[query, top_rows(exact[query], TOP)]
            same[query] = np.array_equal(quick[query, : best.size], best)
    return Evaluated(true_kth=kth, scores=scores, ranking=ranking, same=same)


def true_kth(queries: MultiVectors, documents: TokenSets) -> npt.NDArray[np.float32]:
    """Score of each query's tenth document (of the last, if there are fewer) by exact MaxSim with all of them."""
    _, best = exact_top(queries, documents, min(TOP, documents.n_docs))
    return best[:, -1]


def scored(
    queries: MultiVectors, documents: TokenSets, found: npt.NDArray[np.int64], carve: float | None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
    """Exact scores of candidates, and those of carved queries where queries are carved; float32, shape of ``found``."""
    exact = maxsim(queries, documents, found)
    if carve is None:
        return exact, None
    return exact, maxsim(carve_queries(queries, carve), documents, found)


def choose(
    true_kth: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    params: RetrieverParams,
    n_docs: int,
    ranking: npt.NDArray[np.float32] | None = None,
) -> Calibration:
    """The fewest candidates that reach the asked recall, from what `evaluate` found.

    Raises
    ------
    TargetMissed
        When the most candidates allowed are not enough, unless ``allow_missed``.
    """
    most = most_candidates(params, n_docs)
    ladder = tried_candidates(params, n_docs)
    k = min(TOP, n_docs)
    frontier = tuple((n, round(reranked_recall(scores, ranking, n, true_kth, k), 4)) for n in ladder)
    reached = [(n, recall) for n, recall in frontier if recall >= params.recall]
    chosen = reached[0] if reached else frontier[-1]
    if not reached and params.n_candidates is None and not params.allow_missed:
        raise TargetMissed(
            target="recall", asked=params.recall, best=chosen[1], candidate=f"muvera with {most} candidates"
        )
    return Calibration(n_candidates=chosen[0], recall_at_10=chosen[1], n_queries=true_kth.size, frontier=frontier)


def tried_candidates(params: RetrieverParams, n_docs: int) -> tuple[int, ...]:
    """Numbers of candidates that are measured, ascending; one where it was asked for."""
    return tuple(ladder_to(most_candidates(params, n_docs), LADDER if params.n_candidates is None else ()))


def most_candidates(params: RetrieverParams, n_docs: int) -> int:
    """Candidates that are reranked to measure: as many as were asked for, or the end of the ladder."""
    return min(n_docs, params.n_candidates or params.max_candidates)
