"""Late-interaction retrieval over a base and its segments: `vectors.retriever.Retriever` of all of them.

Encodings of all parts are made with one set of matrices, so their inner products compare: the best candidates of the
whole are among the best of the parts. MaxSim of a document depends on its own tokens alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from vectors.ann.exact import best_k
from vectors.ann.index import ANNIndex
from vectors.fde.encode import FDEParams, encode_queries, fde_matrices
from vectors.grown.rows import Bools, GrownRows, Int64s
from vectors.tokens.maxsim import maxsim, top_rows
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import TokenSets

Float32s = npt.NDArray[np.float32]


@final
class GrownTokens:
    """Token vectors of the documents, each looked up in the part that has it."""

    def __init__(self, parts: Sequence[TokenSets], rows: GrownRows) -> None:
        self.parts, self.rows = parts, rows

    @property
    def n_docs(self) -> int:
        return self.rows.n_docs

    @property
    def dim(self) -> int:
        return self.parts[0].dim

    def take(self, docs: npt.NDArray[np.int64]) -> MultiVectors:
        """Token vectors of some documents, in that order, as float32."""
        found = []
        for doc in docs.tolist():
            row = int(self.rows.rows[doc])
            part = self.parts[self.rows.parts[doc]].slice(row, row + 1)
            found.append(part.doc(0) if isinstance(part, MultiVectors) else part.to_multivectors().doc(0))
        return MultiVectors.from_list(found, dim=self.dim)

    def scores(self, queries: MultiVectors, docs: Int64s) -> Float32s:
        """As `vectors.tokens.maxsim.maxsim`: exact scores of ``docs``, int64 (n_queries, any), -1 for none."""
        best = np.full(docs.shape, -np.inf, dtype=np.float32)
        part_of = np.where(docs >= 0, self.rows.parts[docs], -1)
        for part, tokens in enumerate(self.parts):
            mine = part_of == part
            if mine.any():
                best = np.maximum(best, maxsim(queries, tokens, np.where(mine, self.rows.rows[docs], -1)))
        return best


@final
class GrownRetriever:
    """Token vectors and encodings of every part, and how many candidates of the whole to rerank."""

    def __init__(
        self,
        tokens: Sequence[TokenSets],
        indexes: Sequence[ANNIndex],
        rows: GrownRows,
        params: FDEParams,
        n_candidates: int,
    ) -> None:
        self.documents = GrownTokens(tokens, rows)
        self.n_candidates = n_candidates
        self._rows, self._indexes = rows, indexes
        self._params = params
        self._matrices = fde_matrices(self.documents.dim, params)
        self._alive = [rows.allowed(part, None) for part in range(len(indexes))]

    def candidates(self, queries: MultiVectors, n: int, *, where: Bools | None = None) -> tuple[Int64s, Float32s]:
        """As `vectors.retriever.Retriever.candidates`."""
        if queries.dim != self.documents.dim:
            raise InvalidQuery(
                what=f"query vectors of width {queries.dim}", fix=f"the documents' have {self.documents.dim}"
            )
        encoded = encode_queries(queries, self._params, matrices=self._matrices)
        found = []
        for part, index in enumerate(self._indexes):
            allowed = self._alive[part] if where is None else self._rows.allowed(part, where)
            if index.n_rows == 0 or (allowed is not None and not allowed.any()):
                continue
            rows, values = index.candidates(encoded, min(n, index.n_rows), where=allowed)
            query_of, rank = np.nonzero(rows >= 0)
            found.append((query_of, self._rows.places[part][rows[query_of, rank]], values[query_of, rank]))
        nobody = np.empty((queries.n_docs, 0), dtype=np.int64)
        return best_k(found, queries.n_docs, min(n, self._rows.n_docs), nobody, "inner_product")

    def search(
        self,
        queries: MultiVectors,
        k: int,
        *,
        rerank: bool = True,
        also: Int64s | None = None,
        where: Bools | None = None,
    ) -> tuple[Int64s, Float32s]:
        """As `vectors.retriever.Retriever.search`."""
        if not rerank:
            return self.candidates(queries, k, where=where)
        found, _ = self.candidates(queries, max(k, self.n_candidates), where=where)
        if also is not None:
            found = np.concatenate((found, also), axis=1)
        found = np.sort(found, axis=1)  # equal scores go to the lower row
        found[:, 1:][found[:, 1:] == found[:, :-1]] = -1
        scores = self.documents.scores(queries, found)
        docs = np.full((queries.n_docs, k), -1, dtype=np.int64)
        top = np.full((queries.n_docs, k), -np.inf, dtype=np.float32)
        for query in range(queries.n_docs):
            best = top_rows(scores[query], k)
            docs[query, : best.size], top[query, : best.size] = found[query, best], scores[query, best]
        return docs, top


def grown_candidates(n_candidates: int, n_base: int, n_docs: int) -> int:
    """As large a share of the documents as the base reranks, and not fewer than it does."""
    share = -(-n_candidates * n_docs // max(1, n_base))
    return min(n_docs, max(n_candidates, share))
