"""Static token vectors: a tokenizer and a table, no network to run. A token has the same vector in every context.

Late interaction over such vectors needs care: which tokens to hear, how much each query token counts, and one vector
for the whole text beside those of its tokens. docs/encoders.md says what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidQuery
from vectors.corpus.types import Corpus
from vectors.encoders.encoded import Encoded, left_out
from vectors.encoders.encoder import Encoder, EncoderParams
from vectors.encoders.rows import Float32s, count_zero_rows, cut_columns, read_model_file, row_norms, sha256, unit_rows
from vectors.encoders.selection import Kept, append_last, docs_of_tokens, keep_tokens
from vectors.encoders.tables import directory_files, read_table, wordllama_files
from vectors.encoders.tokens import TextTokenizer, Tokens
from vectors.kernels.tokens import count_documents
from vectors.tokens.multivector import MultiVectors

_WORDLLAMA_MIN_NORM = 5.0  # rows shorter than this are stop words and punctuation, see docs/encoders.md


@final
class StaticEncoder(Encoder):
    """Documents come out coded: ``vectors`` is the shared `table`, then a row per document for its whole text if any.

    Encoded ranges are put together by `join`.
    """

    def __init__(
        self,
        tokenizer: TextTokenizer,
        rows: Float32s,
        params: EncoderParams,
        table_sha256: str,
        idf: Float32s | None,
        n_threads: int,
    ) -> None:
        self._tokenizer = tokenizer
        self._params = params
        self._table_sha256 = table_sha256
        self._norms = row_norms(rows)
        self._rows = np.ascontiguousarray(cut_columns(rows, params.dim, source="the table"))
        own_min_norm = _WORDLLAMA_MIN_NORM if params.path is None else 0.0
        self._min_norm = own_min_norm if params.min_norm is None else params.min_norm
        self._idf = idf
        self._n_threads = n_threads
        self._table = self._first_half(unit_rows(self._rows))

    @property
    def dim(self) -> int:
        return int(self._table.shape[1])

    @property
    def table(self) -> Float32s:
        """float32 (n_ids, dim): row i is the document vector of token id i."""
        return self._table

    @property
    def n_zero_rows(self) -> int:
        """Rows of the table that are zero, so that their tokens match nothing."""
        return count_zero_rows(self._table)

    @property
    def identity(self) -> dict[str, Any]:
        params = self._params
        return {
            "kind": "static",
            "model": "wordllama l2_supercat_256" if params.path is None else Path(params.path).name,
            "table_sha256": self._table_sha256,
            "tokenizer_sha256": self._tokenizer.sha256,
            "tokenizers": self._tokenizer.version,
            "dim": self._rows.shape[1],
            "max_tokens": params.max_tokens,
            "max_query_tokens": params.max_query_tokens,
            "lowercase": params.lowercase,
            "min_norm": self._min_norm,
            "distinct": params.distinct,
            "pooled_weight": params.pooled_weight,
            "query_weights": params.query_weights,
        }

    def encode_documents(self, texts: Sequence[str]) -> Encoded:
        tokens = self._tokens(texts)
        kept = self._kept(tokens, self._params.max_tokens, distinct=self._params.distinct)
        if self._params.pooled_weight == 0.0:
            return self._encoded(MultiVectors(vectors=self._table, offsets=kept.offsets, codes=kept.ids), tokens, kept)
        pooled, docs = self._pooled(tokens)
        codes, offsets = append_last(kept.ids, kept.offsets, self._table.shape[0] + np.arange(docs.size), docs)
        vectors = MultiVectors(vectors=np.concatenate((self._table, pooled)), offsets=offsets, codes=codes)
        return self._encoded(vectors, tokens, kept)

    def encode_queries(self, texts: Sequence[str]) -> Encoded:
        """Vectors of queries' texts, plain: rows of the table times their weight, of average 1 within a query.

        Raises
        ------
        InvalidQuery
            When the weights need the documents' idf, which the encoder was opened without.
        """
        tokens = self._tokens(texts)
        kept = self._kept(tokens, self._params.max_query_tokens, distinct=False)
        vectors = self._table[kept.ids] * self._weights(kept)[:, None]
        if self._params.pooled_weight == 0.0:
            return self._encoded(MultiVectors(vectors=vectors, offsets=kept.offsets), tokens, kept)
        pooled, docs = self._pooled(tokens)
        n_kept = np.diff(kept.offsets)[docs].astype(np.float32)
        pooled *= (np.float32(self._params.pooled_weight) * n_kept)[:, None]
        last = vectors.shape[0] + np.arange(docs.size)
        rows, offsets = append_last(np.arange(vectors.shape[0], dtype=np.int32), kept.offsets, last, docs)
        return self._encoded(
            MultiVectors(vectors=np.concatenate((vectors, pooled))[rows], offsets=offsets), tokens, kept
        )

    def encode_corpus(self, corpus: Corpus, start: int, stop: int) -> Encoded:
        return self.encode_documents(corpus.texts(start, stop))

    def spellings(self, texts: Sequence[str], *, queries: bool) -> Sequence[Sequence[str | None]] | None:
        tokens, params = self._tokens(texts), self._params
        limit = params.max_query_tokens if queries else params.max_tokens
        kept = self._kept(tokens, limit, distinct=params.distinct and not queries)
        found: list[list[str | None]] = []
        for number, text in enumerate(texts):
            written = self._tokenizer.written(text.lower() if params.lowercase else text)
            first, last = int(kept.offsets[number]), int(kept.offsets[number + 1])
            spelled: list[str | None] = [written[id] for id in kept.ids[first:last].tolist()]
            if params.pooled_weight != 0.0 and tokens.offsets[number] < tokens.offsets[number + 1]:
                spelled.append(None)
            found.append(spelled)
        return found

    def join(self, parts: Sequence[MultiVectors]) -> MultiVectors:
        """Encoded ranges of documents, in order, as one: equal to encoding them together."""
        n_shared = self._table.shape[0]
        own = [part.vectors[n_shared:] for part in parts]
        codes, offsets, n_own, n_tokens = [], [np.zeros(1, dtype=np.int64)], 0, 0
        for part, rows in zip(parts, own, strict=True):
            own_codes = _codes(part)
            codes.append(np.where(own_codes >= n_shared, own_codes + np.int32(n_own), own_codes))
            offsets.append(part.offsets[1:] + n_tokens)
            n_own, n_tokens = n_own + rows.shape[0], n_tokens + part.n_tokens
        return MultiVectors(
            vectors=np.concatenate((self._table, *own)),
            offsets=np.concatenate(offsets),
            codes=np.concatenate((np.zeros(0, dtype=np.int32), *codes)),
        )

    def document_frequency(self, vectors: MultiVectors) -> npt.NDArray[np.int64]:
        """Number of documents that hold each token, int64 (n_ids,), of encoded documents; those of ranges add up."""
        return document_frequency(vectors, self._table.shape[0])

    def _first_half(self, rows: Float32s) -> Float32s:
        return rows if self._params.pooled_weight == 0.0 else np.hstack((rows, np.zeros_like(rows)))

    def _tokens(self, texts: Sequence[str]) -> Tokens:
        lowered = [text.lower() for text in texts] if self._params.lowercase else texts
        return self._tokenizer.plain(lowered, n_threads=self._n_threads)

    def _kept(self, tokens: Tokens, limit: int, *, distinct: bool) -> Kept:
        return keep_tokens(tokens, self._norms > self._min_norm, limit=limit, distinct=distinct)

    def _pooled(self, tokens: Tokens) -> tuple[Float32s, npt.NDArray[np.int64]]:
        """Direction of the sum of all of a text's rows, in the second half; and the texts that have a token."""
        from scipy.sparse import csr_matrix

        docs = np.flatnonzero(np.diff(tokens.offsets))
        ones = np.ones(tokens.ids.size, dtype=np.float32)
        shape = (tokens.offsets.size - 1, self._rows.shape[0])
        sums = unit_rows((csr_matrix((ones, tokens.ids, tokens.offsets), shape=shape) @ self._rows)[docs])
        return np.hstack((np.zeros_like(sums), sums)), docs

    def _weights(self, kept: Kept) -> Float32s:
        weights = np.ones(kept.ids.size, dtype=np.float64)
        if self._params.query_weights in ("norm", "norm_idf"):
            weights *= self._norms[kept.ids]
        if self._params.query_weights in ("idf", "norm_idf"):
            if self._idf is None:
                what = f"query_weights = {self._params.query_weights!r} needs the rarity of tokens in the documents"
                raise InvalidQuery(what=what, fix="open the encoder with idf=token_idf(…), or weigh by 'norm'")
            weights *= self._idf[kept.ids]
        docs = docs_of_tokens(kept.offsets)
        totals = np.bincount(docs, weights=weights, minlength=kept.offsets.size - 1)
        means = totals / np.maximum(np.diff(kept.offsets), 1)
        means[means == 0.0] = 1.0
        return (weights / means[docs]).astype(np.float32)

    def _encoded(self, vectors: MultiVectors, tokens: Tokens, kept: Kept) -> Encoded:
        counts = left_out(
            vectors.n_docs,
            unknown=tokens.n_unknown,
            faint=kept.n_faint,
            repeated=kept.n_repeated,
            dropped=kept.n_dropped,
        )
        return Encoded(vectors=vectors, left_out=counts)


def document_frequency(vectors: MultiVectors, n_ids: int) -> npt.NDArray[np.int64]:
    """As `StaticEncoder.document_frequency`, for a table of ``n_ids`` rows."""
    frequency = np.zeros(n_ids, dtype=np.int64)
    count_documents(_codes(vectors), vectors.offsets, np.full(n_ids, -1, dtype=np.int64), frequency)
    return frequency


def token_idf(document_frequency: npt.NDArray[np.int64], n_docs: int) -> Float32s:
    """Rarity of tokens, float32 (n_ids,): ``log((n_docs + 1) / (frequency + 1/2))``, above 0 also for one in all."""
    idf: Float32s = np.log((n_docs + 1.0) / (document_frequency + 0.5)).astype(np.float32)
    return idf


def _codes(vectors: MultiVectors) -> npt.NDArray[np.int32]:
    if vectors.codes is None:
        raise InvalidInput(source="token vectors", what="they are not coded", fix="pass what encode_documents returned")
    return vectors.codes


def open_static(params: EncoderParams, idf: Float32s | None, n_threads: int) -> StaticEncoder:
    """Open wordllama's table, or the directory ``params.path``; raises as `open_encoder`."""
    tokenizer_path, table_path = wordllama_files() if params.path is None else directory_files(Path(params.path))
    tokenizer, rows, table_sha256 = _read_once(tokenizer_path, table_path, _state(tokenizer_path), _state(table_path))
    if idf is not None and idf.shape != (rows.shape[0],):
        what = f"idf has shape {idf.shape}, the table {rows.shape[0]} rows"
        raise InvalidInput(source=str(table_path), what=what, fix="pass the idf that token_idf made with this encoder")
    return StaticEncoder(tokenizer, rows, params, table_sha256, idf, n_threads)


def _state(path: Path) -> tuple[int, ...]:
    """What changes with a file; of one that cannot be looked at, nothing, and reading it will say why."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


@lru_cache(maxsize=1)  # the stages of a build open the same one in turn, and it takes a quarter of a second
def _read_once(
    tokenizer_path: Path,
    table_path: Path,
    tokenizer_state: tuple[int, ...],  # noqa: ARG001  # part of the key: files that changed are read again
    table_state: tuple[int, ...],  # noqa: ARG001  # likewise
) -> tuple[TextTokenizer, Float32s, str]:
    tokenizer = TextTokenizer(tokenizer_path)
    data = read_model_file(table_path, role="table")
    rows = read_table(data, table_path)
    if tokenizer.n_ids > rows.shape[0]:
        what = f"the table has {rows.shape[0]} rows, the tokenizer {tokenizer.n_ids} tokens"
        raise InvalidInput(source=str(table_path), what=what, fix="use a table and a tokenizer that belong together")
    rows.setflags(write=False)
    return tokenizer, rows, sha256(data)
