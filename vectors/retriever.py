"""Late-interaction retrieval: candidates by fixed dimensional encodings, then exact MaxSim.

Source: Dhulipala et al., NeurIPS 2024, arXiv:2405.19504, section 3. How many candidates that takes is measured
on held-out queries against exact MaxSim over all documents, see `choose`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery, TargetMissed
from vectors.ann.index import ANNIndex
from vectors.coded.choice import Candidates, ladder_to
from vectors.coded.index import CodedIndex
from vectors.evaluation import reranked_recall
from vectors.fde.encode import FDEParams, encode_queries, fde_matrices
from vectors.filtered import TOP, Curve, candidates_under
from vectors.tokens.ball_carving import carve_queries
from vectors.tokens.late_interaction import fidelities
from vectors.tokens.lengths import Unnormalised, with_lengths
from vectors.tokens.maxsim import exact_top, maxsim, top_rows
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import TokenSets
from vectors.tokens.reranking import reranked_top

FirstPass = Literal["auto", "never"]

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
    carve : query tokens with a cosine of this or more are added up before MaxSim, fewer of them to score (ball
        carving); None scores every token. Recall is measured with it
    first_pass : "auto" scores candidates by whole numbers of 8 bits first and the best of them exactly, where tokens
        are stored so that they can be ("int8", "residual") and every held-out query got the same ten; "never" does not
    """

    recall: float = 0.9
    n_candidates: int | None = None
    max_candidates: int = 4000
    n_heldout: int = 200
    heldout: str = "title"
    allow_missed: bool = False
    carve: float | None = None
    first_pass: FirstPass = "auto"

    def __post_init__(self) -> None:
        if self.carve is not None and not 0.0 < self.carve <= 1.0:
            raise InvalidParams(name="carve", value=self.carve, allowed="a cosine in (0, 1], or None")
        if self.first_pass not in ("auto", "never"):
            raise InvalidParams(name="first_pass", value=self.first_pass, allowed="'auto' or 'never'")
        if not 0 < self.recall <= 1:
            raise InvalidParams(name="recall", value=self.recall, allowed="a number in (0, 1]")
        for name in ("n_candidates", "max_candidates", "n_heldout"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidParams(name=name, value=value, allowed="1 or more")


@final
class Retriever:
    """Token vectors, an index over their encodings, and how many candidates to rerank.

    Parameters
    ----------
    carve, lengths : what is done to query tokens before MaxSim (`RetrieverParams`), and to all of a query's tokens
        whose length is not 1 (`vectors.tokens.lengths`)
    in_two_passes : candidates are scored in 8 bits first; documents must be stored so that they can be
    filtered : how many candidates filters take (`vectors.filtered`); without it as many as all documents
    encoded_as : `FDEParams.config_hash` of what the index's encodings were made with; None checks their width alone

    Raises
    ------
    InvalidParams
        When the index is not over encodings of ``params``, or knows another number of documents.
    """

    def __init__(
        self,
        documents: TokenSets,
        params: FDEParams,
        index: Candidates,
        n_candidates: int,
        *,
        carve: float | None = None,
        lengths: Unnormalised = "keep",
        in_two_passes: bool = False,
        filtered: Curve = (),
        encoded_as: str | None = None,
    ) -> None:
        own = params.config_hash(documents.dim)
        if encoded_as is not None and encoded_as != own:
            raise InvalidParams(name="encoded_as", value=encoded_as, allowed=f"{own}, as queries are encoded")
        shape, wanted = (index.n_rows, index.dim), (documents.n_docs, params.fde_dim(documents.dim))
        if shape != wanted:
            raise InvalidParams(name="index", value=f"{shape[0]} rows of {shape[1]}", allowed=f"{wanted}, as encoded")
        if in_two_passes and not can_pass_first(documents):
            raise InvalidParams(name="in_two_passes", value=True, allowed="tokens stored as int8 or residual codes")
        self.documents = documents
        self.n_candidates = n_candidates
        self.in_two_passes = in_two_passes
        self._filtered = filtered
        self._carve = carve
        self._lengths: Unnormalised = lengths
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
            When the queries' tokens have another width than the documents', or a length that is refused.
        """
        return self._candidates(self._checked(queries), n, where)

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

        Scores are MaxSim (of carved queries, if they are carved), or inner products of encodings without ``rerank``.
        ``also`` are candidates found some other way, int64 (n_queries, any), -1 for none, which are reranked with the
        others. ``where`` as for `candidates`, which also names the errors.
        """
        queries = self._checked(queries)
        if not rerank:
            return self._candidates(queries, k, where)
        found, _ = self._candidates(queries, max(k, self._n_candidates(where)), where)
        if also is not None:
            found = np.concatenate((found, also), axis=1)
        found = np.sort(found, axis=1)  # equal scores go to the lower row
        found[:, 1:][found[:, 1:] == found[:, :-1]] = -1
        asked = queries if self._carve is None else carve_queries(queries, self._carve)
        if self.in_two_passes:
            return reranked_top(asked, self.documents, k, candidates=found)
        scores = maxsim(asked, self.documents, found)
        docs = np.full((queries.n_docs, k), -1, dtype=np.int64)
        top = np.full((queries.n_docs, k), -np.inf, dtype=np.float32)
        for query in range(queries.n_docs):
            best = top_rows(scores[query], k)
            docs[query, : best.size], top[query, : best.size] = found[query, best], scores[query, best]
        return docs, top

    @property
    def scans(self) -> bool:
        """Whether candidates are found by reading all encodings."""
        if isinstance(self._index, CodedIndex):
            return self._index.form.n_lists == 0
        return isinstance(self._index, ANNIndex) and all(shard.kind == "flat" for shard in self._index.shards)

    def _n_candidates(self, where: npt.NDArray[np.bool_] | None) -> int:
        if where is None:
            return self.n_candidates
        share = int(np.count_nonzero(where)) / max(1, self.documents.n_docs)
        return candidates_under(self._filtered, self.n_candidates, share)

    def _candidates(
        self, queries: MultiVectors, n: int, where: npt.NDArray[np.bool_] | None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        encoded = encode_queries(queries, self._params, matrices=self._matrices)
        return self._index.candidates(encoded, min(n, self.documents.n_docs), where=where)

    def _checked(self, queries: MultiVectors) -> MultiVectors:
        """Of the documents' width, and lengths as they are wanted."""
        if queries.dim != self.documents.dim:
            raise InvalidQuery(
                what=f"query vectors of width {queries.dim}", fix=f"the documents' have {self.documents.dim}"
            )
        if self._lengths == "keep":
            return queries
        try:
            return with_lengths(queries, self._lengths)[0]
        except InvalidInput as error:
            raise InvalidQuery(what=f"query vectors: {error.what}", fix=error.fix) from None


def can_pass_first(documents: TokenSets) -> bool:
    """Whether documents can be scored in 8 bits as they are stored, which is faster than exactly."""
    return "int8" in fidelities(documents)


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
