"""Late-interaction retrieval: candidates by fixed dimensional encodings, then exact MaxSim.

Source: Dhulipala et al., NeurIPS 2024, arXiv:2405.19504, section 3. How many candidates that takes is measured
on held-out queries against exact MaxSim over all documents, see `vectors.calibration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery
from vectors.ann.index import ANNIndex
from vectors.coded.choice import Candidates
from vectors.coded.index import CodedIndex
from vectors.fde.encode import FDEParams, encode_queries, fde_matrices
from vectors.filtered import Curve, candidates_under
from vectors.tokens.ball_carving import carve_queries
from vectors.tokens.late_interaction import fidelities
from vectors.tokens.lengths import Unnormalised, with_lengths
from vectors.tokens.maxsim import maxsim, top_rows
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import TokenSets
from vectors.tokens.reranking import reranked_top

FirstPass = Literal["auto", "never"]


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
