"""Document search: the encoder the index was built with, and the calibrated retriever."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from artifacts.multivector import open_query_encoder
from artifacts.retriever import open_retriever
from foundation.errors import InvalidQuery
from serving.segments import GrownDocuments
from vectors.encoders.encoder import Encoder
from vectors.grown.retriever import chosen_tokens
from vectors.tokens.maxsim import maxsim, maxsim_matches, top_rows
from vectors.tokens.multivector import MultiVectors

Int64s = npt.NDArray[np.int64]
Top = tuple[Int64s, npt.NDArray[np.float32]]


@final
class DocumentSearch:
    """An opened index of documents; safe to ask from several threads."""

    def __init__(
        self, *, retriever: Path, tokens: Path, muvera: Path, ann: Path, grown: GrownDocuments | None = None
    ) -> None:
        self._retriever = open_retriever(retriever, tokens, muvera, ann) if grown is None else grown.retriever()
        self._tokens, self._idf = tokens, None if grown is None else grown.idf

    def encode(self, texts: Sequence[str]) -> MultiVectors:
        """Token vectors of texts, by the very encoder that made the documents'.

        Raises
        ------
        InvalidQuery
            When a text is empty or holds no token the encoder knows.
        """
        for number, text in enumerate(texts):
            if not text.strip():  # a tokenizer may make a token of a blank
                raise InvalidQuery(what=f"text {number} is empty", fix="search for one word or more")
        queries = self._encoder.encode_queries(list(texts)).vectors
        for text, size in zip(texts, np.diff(queries.offsets), strict=True):
            if size == 0:
                raise InvalidQuery(what=f"no known word in {text[:60]!r}", fix="search for one word or more")
        return queries

    def from_vectors(self, vectors: Sequence[npt.ArrayLike]) -> MultiVectors:
        """Token vectors the caller made, one (n_tokens, dim) array per query.

        Raises
        ------
        InvalidQuery
            When they are not finite numbers of the documents' width, or a query is empty.
        """
        dim = self._retriever.documents.dim
        for number, query in enumerate(vectors):
            array = _numbers(query, number, dim)
            if array.ndim != 2 or array.shape[0] == 0 or array.shape[1] != dim or not np.isfinite(array).all():
                bad = (
                    f"shape {array.shape}"
                    if array.ndim != 2 or array.shape[1:] != (dim,) or not array.size
                    else "a NaN or infinity"
                )
                raise InvalidQuery(what=f"query {number} has {bad}", fix=f"pass finite vectors (n_tokens, {dim})")
        return MultiVectors.from_list(list(vectors), dim=dim)

    def top(
        self,
        queries: MultiVectors,
        k: int,
        rerank: bool,
        *,
        also: Int64s | None = None,
        where: npt.NDArray[np.bool_] | None = None,
    ) -> Top:
        """The best ``k`` documents of each query, -1 pads; ``also`` are further candidates, (n_queries, any), -1 pads.

        Only documents of ``where``, bool (n_docs,), are found, if it is given; those of ``also`` are to be among them.
        """
        return self._retriever.search(queries, k, rerank=rerank, also=also, where=where)

    def exact(self, queries: MultiVectors, k: int, docs: Int64s) -> Top:
        """The best ``k`` of ``docs`` (int64, ascending) by scoring them all; -1 pads, equal scores by row."""
        rows = np.full((queries.n_docs, k), -1, dtype=np.int64)
        best = np.full((queries.n_docs, k), -np.inf, dtype=np.float32)
        tokens, chosen = chosen_tokens(self._retriever.documents, docs)
        for query in range(queries.n_docs):
            (scores,) = maxsim(queries.slice(query, query + 1), tokens, chosen[None, :])
            places = top_rows(scores, k)
            rows[query, : places.size], best[query, : places.size] = docs[places], scores[places]
        return rows, best

    def matches(self, queries: MultiVectors, docs: Int64s) -> Top:
        """Which token of each document every query token matched, and how well, as `maxsim_matches` says."""
        return maxsim_matches(queries, *chosen_tokens(self._retriever.documents, docs))

    def document(self, doc: int) -> MultiVectors:
        """The token vectors of one document as those of a query; none where it has none."""
        return MultiVectors.from_list([self._retriever.documents.doc(doc)], dim=self._retriever.documents.dim)

    def spellings(self, texts: Sequence[str], *, queries: bool) -> Sequence[Sequence[str | None]] | None:
        """What each token vector of texts stands for; None where no encoder can tell."""
        try:
            return self._encoder.spellings(texts, queries=queries)
        except InvalidQuery:  # the documents came with vectors of their own
            return None

    def warm(self) -> None:
        """Open the encoder and answer one made-up query."""
        with contextlib.suppress(InvalidQuery):  # an index of the user's own vectors has no text encoder
            self.encode(["warm"])
        dim = self._retriever.documents.dim
        unit = np.full((1, dim), dim**-0.5)  # some indexes refuse other lengths
        query = MultiVectors.from_list([unit])
        docs, _ = self.top(query, 1, True)
        self.matches(query, docs)

    @cached_property
    def _encoder(self) -> Encoder:
        return open_query_encoder(self._tokens, self._idf)


def _numbers(query: npt.ArrayLike, number: int, dim: int) -> npt.NDArray[np.float32]:
    """``query`` as float32; what is too large for that becomes an infinity."""
    try:
        array: npt.NDArray[Any] = np.asarray(query)
    except ValueError:  # rows of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "fiu":
        raise InvalidQuery(what=f"query {number} is not an array of numbers", fix=f"pass (n_tokens, {dim})")
    with np.errstate(over="ignore"):
        return array.astype(np.float32)
