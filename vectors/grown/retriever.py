"""Late-interaction retrieval over a base and its segments: `vectors.retriever.Retriever` of all of them.

Each part is searched as if it were alone, and the best of all are kept: MaxSim of a document depends on its own tokens,
and encodings of all parts are made with one set of matrices, so both compare. The base reranks as many candidates as it
was calibrated for, and every segment as many again (a small one all of its documents): no part is searched less well
than the base was measured to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from vectors.ann.exact import best_k
from vectors.grown.rows import Bools, GrownRows, Int64s
from vectors.retriever import Retriever
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import TokenSets

Float32s = npt.NDArray[np.float32]
Top = tuple[Int64s, Float32s]


@final
class GrownTokens:
    """Token vectors of the documents, each looked up in the part that has it."""

    def __init__(self, parts: Sequence[TokenSets], rows: GrownRows) -> None:
        self._parts, self._rows = parts, rows

    @property
    def n_docs(self) -> int:
        return self._rows.n_docs

    @property
    def dim(self) -> int:
        return self._parts[0].dim

    def doc(self, doc: int) -> Float32s:
        """Token vectors of one document, float32 (n_tokens, dim)."""
        row = int(self._rows.rows[doc])
        part = self._parts[int(self._rows.parts[doc])].slice(row, row + 1)
        return part.doc(0) if isinstance(part, MultiVectors) else part.to_multivectors().doc(0)


def chosen_tokens(documents: TokenSets | GrownTokens, docs: Int64s) -> tuple[TokenSets, Int64s]:
    """Documents to score and their rows, for `vectors.tokens.maxsim`: few of a grown index are put together first.

    ``docs`` may have any shape, -1 for none.
    """
    if not isinstance(documents, GrownTokens):
        return documents, docs
    wanted = np.unique(docs[docs >= 0])
    taken = MultiVectors.from_list([documents.doc(doc) for doc in wanted.tolist()], dim=documents.dim)
    return taken, np.where(docs >= 0, np.searchsorted(wanted, docs), -1)


@final
class GrownRetriever:
    """A retriever of every part, the base's first."""

    def __init__(self, parts: Sequence[Retriever], rows: GrownRows) -> None:
        self.documents = GrownTokens([part.documents for part in parts], rows)
        self.n_candidates = parts[0].n_candidates
        self._parts, self._rows = parts, rows
        self._alive = [rows.allowed(number, None) for number in range(len(parts))]

    def candidates(self, queries: MultiVectors, n: int, *, where: Bools | None = None) -> Top:
        """As `vectors.retriever.Retriever.candidates`."""
        found = []
        for number, part in enumerate(self._parts):
            allowed = self._allowed(number, where)
            if allowed is None or allowed.any():
                found.append(self._placed(number, part.candidates(queries, n, where=allowed)))
        return self._best(found, queries.n_docs, min(n, self._rows.n_docs))

    def search(
        self,
        queries: MultiVectors,
        k: int,
        *,
        rerank: bool = True,
        also: Int64s | None = None,
        where: Bools | None = None,
    ) -> Top:
        """As `vectors.retriever.Retriever.search`."""
        found = []
        for number, part in enumerate(self._parts):
            allowed = self._allowed(number, where)
            if allowed is None or allowed.any():
                mine = None if also is None else self._rows_in(number, also)
                top = part.search(queries, k, rerank=rerank, also=mine, where=allowed)
                found.append(self._placed(number, top))
        return self._best(found, queries.n_docs, k)

    def _allowed(self, part: int, where: Bools | None) -> Bools | None:
        return self._alive[part] if where is None else self._rows.allowed(part, where)

    def _rows_in(self, part: int, docs: Int64s) -> Int64s:
        """Rows of a part that documents have, -1 for those of another part."""
        mine = (docs >= 0) & (self._rows.parts[docs] == part)
        return np.where(mine, self._rows.rows[docs], -1)

    def _placed(self, part: int, top: Top) -> tuple[Int64s, Int64s, Float32s]:
        """What a part found: query, document of the whole, score."""
        rows, scores = top
        query_of, rank = np.nonzero(rows >= 0)
        return query_of, self._rows.places[part][rows[query_of, rank]], scores[query_of, rank]

    @staticmethod
    def _best(found: Sequence[tuple[Int64s, Int64s, Float32s]], n_queries: int, k: int) -> Top:
        return best_k(found, n_queries, k, np.empty((n_queries, 0), dtype=np.int64), "inner_product")
