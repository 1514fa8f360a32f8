"""Late-interaction retrieval: candidates by fixed dimensional encodings, then exact MaxSim.

Source: Dhulipala et al., NeurIPS 2024, arXiv:2405.19504, section 3. How many candidates that takes is measured
on held-out queries against exact MaxSim over all documents, see `choose`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams, InvalidQuery, TargetMissed
from vectors.ann.index import ANNIndex
from vectors.evaluation import candidate_recall
from vectors.fde.encode import FDEParams, encode_queries, fde_matrices
from vectors.tokens.maxsim import exact_top, maxsim, top_rows
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import TokenSets

TOP = 10
LADDER = (10, 20, 50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 8000)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrieverParams:
    """What search promises.

    Attributes
    ----------
    recall : share of exact MaxSim's top 10 that held-out queries must find
    n_candidates : documents reranked per query; None takes the fewest of a ladder that reach ``recall``
    max_candidates : end of that ladder
    n_heldout : queries measured
    heldout : field of the documents that held-out queries are made of; where documents lack it, the first words
        of their text
    allow_missed : publish with ``max_candidates`` even if ``recall`` is not reached, instead of failing
    """

    recall: float = 0.9
    n_candidates: int | None = None
    max_candidates: int = 4000
    n_heldout: int = 200
    heldout: str = "title"
    allow_missed: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.recall <= 1:
            raise InvalidParams(name="recall", value=self.recall, allowed="a number in (0, 1]")
        for name in ("n_candidates", "max_candidates", "n_heldout"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidParams(name=name, value=value, allowed="1 or more")


@final
class Retriever:
    """Token vectors, an index over their encodings, and how many candidates to rerank."""

    def __init__(self, documents: TokenSets, params: FDEParams, index: ANNIndex, n_candidates: int) -> None:
        self.documents = documents
        self.n_candidates = n_candidates
        self._params = params
        self._index = index
        self._matrices = fde_matrices(documents.dim, params)

    def candidates(
        self, queries: MultiVectors, n: int, *, where: npt.NDArray[np.bool_] | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The ``n`` documents whose encodings have the largest inner product with each query's, best first.

        int64 and float32 (n_queries, n), padded with -1. ``where``, bool (n_docs,), tells which documents may be found
        (`vectors.corpus.filters.matching_rows`).

        Raises
        ------
        InvalidQuery
            When the queries' tokens have another width than the documents'.
        """
        if queries.dim != self.documents.dim:
            raise InvalidQuery(
                what=f"query vectors of width {queries.dim}", fix=f"the documents' have {self.documents.dim}"
            )
        encoded = encode_queries(queries, self._params, matrices=self._matrices)
        return self._index.candidates(encoded, min(n, self.documents.n_docs), where=where)

    def search(
        self,
        queries: MultiVectors,
        k: int,
        *,
        rerank: bool = True,
        also: npt.NDArray[np.int64] | None = None,
        where: npt.NDArray[np.bool_] | None = None,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The best ``k`` documents of each query: int64 and float32 (n_queries, k), best first, padded with -1.

        Scores are MaxSim, or inner products of encodings without ``rerank``. ``also`` are candidates found some other
        way, int64 (n_queries, any), -1 for none, which are reranked with the others. ``where`` as for `candidates`.
        """
        if not rerank:
            return self.candidates(queries, k, where=where)
        found, _ = self.candidates(queries, max(k, self.n_candidates), where=where)
        if also is not None:
            found = np.concatenate((found, also), axis=1)
        found = np.sort(found, axis=1)  # equal scores go to the lower row
        found[:, 1:][found[:, 1:] == found[:, :-1]] = -1
        scores = maxsim(queries, self.documents, found)
        docs = np.full((queries.n_docs, k), -1, dtype=np.int64)
        top = np.full((queries.n_docs, k), -np.inf, dtype=np.float32)
        for query in range(queries.n_docs):
            best = top_rows(scores[query], k)
            docs[query, : best.size], top[query, : best.size] = found[query, best], scores[query, best]
        return docs, top


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The number of candidates chosen, and recall of exact MaxSim's top 10 at every number tried."""

    n_candidates: int
    recall_at_10: float
    n_queries: int
    frontier: tuple[tuple[int, float], ...]


def evaluate(
    retriever: Retriever, queries: MultiVectors, params: RetrieverParams
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """What `choose` needs of some held-out queries, none of them empty; each query's rows depend on it alone.

    Returns
    -------
    true_kth : float32, shape (n_queries,), score of exact MaxSim's tenth document (of the last, if there are fewer)
    scores : float32, shape (n_queries, n), exact scores of the candidates in the order of their encodings
    """
    n_docs = retriever.documents.n_docs
    _, best = exact_top(queries, retriever.documents, min(TOP, n_docs))
    found, _ = retriever.candidates(queries, _most(params, n_docs))
    return best[:, -1], maxsim(queries, retriever.documents, found)


def choose(
    true_kth: npt.NDArray[np.float32], scores: npt.NDArray[np.float32], params: RetrieverParams, n_docs: int
) -> Calibration:
    """The fewest candidates that reach the asked recall, from what `evaluate` found.

    Raises
    ------
    TargetMissed
        When the most candidates allowed are not enough, unless ``allow_missed``.
    """
    most = _most(params, n_docs)
    ladder = [n for n in LADDER if n < most and params.n_candidates is None] + [most]
    k = min(TOP, n_docs)
    frontier = tuple((n, round(candidate_recall(scores[:, :n], true_kth, k), 4)) for n in ladder)
    reached = [(n, recall) for n, recall in frontier if recall >= params.recall]
    chosen = reached[0] if reached else frontier[-1]
    if not reached and params.n_candidates is None and not params.allow_missed:
        raise TargetMissed(
            target="recall", asked=params.recall, best=chosen[1], candidate=f"muvera with {most} candidates"
        )
    return Calibration(n_candidates=chosen[0], recall_at_10=chosen[1], n_queries=true_kth.size, frontier=frontier)


def _most(params: RetrieverParams, n_docs: int) -> int:
    return min(n_docs, params.n_candidates or params.max_candidates)
