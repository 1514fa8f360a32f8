"""Exact late interaction: the sum over query tokens of the best dot product with a document's tokens.

Also called Chamfer similarity. It is not symmetric, and a query token's length is its weight.
Source: Khattab & Zaharia, "ColBERT", SIGIR 2020, arXiv:2004.12832, equation 3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidQuery
from foundation.threads import balanced_ranges, even_ranges, run_ranges
from vectors.kernels.maxsim import best_tokens, score_coded, score_plain
from vectors.multivector import MultiVectors, readonly

Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]

_LANES = 32  # query tokens scored in one pass; bounds the table of products
_PAD = 8  # lanes are filled up with zeros to a multiple: whole vector registers
_CANDIDATES_PER_CALL = 4096
_TOKENS_PER_CALL = 1 << 21


def maxsim(queries: MultiVectors, documents: MultiVectors, candidates: npt.ArrayLike, n_threads: int = 1) -> Float32s:
    """Score candidates exactly.

    Parameters
    ----------
    queries, documents
        Each plain or coded; layouts do not change the bytes.
    candidates
        int64, shape (n_queries, n_candidates): rows of ``documents``, -1 for none.

    Returns
    -------
    float32, shape (n_queries, n_candidates)
        Higher is better. -inf where there is no candidate or the candidate has no tokens: neither is ever a result.
        A pair's score does not depend on what else is asked.

    Raises
    ------
    InvalidQuery
        When a query has no tokens, or its width is not the documents'.
    InvalidInput
        When ``candidates`` have another shape or name no document.
    """
    docs = _checked(queries, documents, candidates)
    scores = np.zeros(docs.shape, dtype=np.float32)
    pieces = [
        (query, start, stop)
        for query in range(queries.n_docs)
        for start, stop in even_ranges(docs.shape[1], _CANDIDATES_PER_CALL)
    ]

    def work(first: int, last: int) -> None:
        for query, start, stop in pieces[first:last]:
            _score(queries.doc(query), documents, docs[query, start:stop], scores[query, start:stop])

    run_ranges(work, even_ranges(len(pieces), 1), n_threads)
    return scores


def exact_top(queries: MultiVectors, documents: MultiVectors, k: int, n_threads: int = 1) -> tuple[Int64s, Float32s]:
    """The best ``k`` of all documents, by scoring every one of them.

    Returns
    -------
    docs : int64, shape (n_queries, k)
        Best first, equal scores by row. -1 where fewer than ``k`` documents have tokens.
    scores : float32, shape (n_queries, k)
        As `maxsim` gives them; -inf where there is no document.

    Raises
    ------
    InvalidQuery
        As `maxsim`, or when ``k < 1``.
    """
    if k < 1:
        raise InvalidQuery(what=f"k is {k}", fix="ask for at least one document")
    _checked(queries, documents, np.empty((queries.n_docs, 0), dtype=np.int64))
    docs, scores = np.full((queries.n_docs, k), -1, dtype=np.int64), np.full((queries.n_docs, k), -np.inf, np.float32)
    everything = np.arange(documents.n_docs, dtype=np.int64)
    ranges = balanced_ranges(documents.offsets, _TOKENS_PER_CALL)
    for query in range(queries.n_docs):
        tokens = queries.doc(query)
        every = np.zeros(documents.n_docs, dtype=np.float32)

        def work(start: int, stop: int, tokens: Float32s = tokens, every: Float32s = every) -> None:
            _score(tokens, documents, everything[start:stop], every[start:stop])

        run_ranges(work, ranges, n_threads)
        best = top_rows(every, k)
        docs[query, : best.size], scores[query, : best.size] = best, every[best]
    return docs, scores


def top_rows(scores: Float32s, k: int) -> Int64s:
    """Positions of the ``k`` highest finite scores, best first, equal ones by position; fewer if there are fewer."""
    rows = np.flatnonzero(np.isfinite(scores))
    if 0 < k < rows.size:
        kth = -np.partition(-scores[rows], k - 1)[k - 1]
        rows = rows[scores[rows] >= kth]
    return rows[np.argsort(-scores[rows], kind="stable")][:k]


def maxsim_matches(
    queries: MultiVectors, documents: MultiVectors, candidates: npt.ArrayLike, n_threads: int = 1
) -> tuple[Int64s, Float32s]:
    """Which token of each candidate every query token matched, and how well.

    Meant for the few results that are shown: it costs as much as scoring them again.

    Returns
    -------
    positions : int64, shape (n_queries, n_candidates, longest query)
        Position of the best token within its document, the earliest among equals; -1 past a query's last token, where
        there is no candidate, and where the candidate has no tokens.
    similarities : float32, same shape
        Dot product with that token; -inf where the position is -1. Added up in order they are the `maxsim` score.

    Raises
    ------
    InvalidQuery, InvalidInput
        As `maxsim`.
    """
    docs = _checked(queries, documents, candidates)
    longest = int(np.diff(queries.offsets).max(initial=0))
    positions = np.full((*docs.shape, longest), -1, dtype=np.int64)
    similarities = np.full(positions.shape, -np.inf, dtype=np.float32)

    def work(first: int, last: int) -> None:
        for query in range(first, last):
            tokens = queries.doc(query)
            columns = readonly(np.ascontiguousarray(tokens.T))
            for i in np.flatnonzero(docs[query] >= 0):
                doc = docs[query, i]
                start, stop = int(documents.offsets[doc]), int(documents.offsets[doc + 1])
                rows = np.arange(start, stop) if documents.codes is None else documents.codes[start:stop]
                best_tokens(
                    columns,
                    readonly(documents.vectors),
                    rows.astype(np.int64),
                    positions[query, i, : tokens.shape[0]],
                    similarities[query, i, : tokens.shape[0]],
                )

    run_ranges(work, even_ranges(queries.n_docs, 1), n_threads)
    return positions, similarities


def _score(tokens: Float32s, documents: MultiVectors, docs: Int64s, out: Float32s) -> None:
    """Scores of one query's candidates into ``out`` (zeroed), ``_LANES`` query tokens at a time."""
    vectors, offsets = readonly(documents.vectors), readonly(documents.offsets)
    for start, stop in even_ranges(tokens.shape[0], _LANES):
        n_tokens = stop - start
        columns = np.zeros((documents.dim, -(-n_tokens // _PAD) * _PAD), dtype=np.float32)
        columns[:, :n_tokens] = tokens[start:stop].T
        if documents.codes is None:
            score_plain(readonly(columns), n_tokens, vectors, offsets, readonly(docs), out)
            continue
        codes, n_rows = readonly(documents.codes), documents.vectors.shape[0]
        chosen = docs[docs >= 0]
        n_met = min(n_rows, int((documents.offsets[chosen + 1] - documents.offsets[chosen]).sum()))
        slots = np.full(n_rows, -1, dtype=np.int32)
        products = np.empty((n_met, columns.shape[1]), dtype=np.float32)
        score_coded(readonly(columns), n_tokens, vectors, codes, offsets, readonly(docs), slots, products, out)


def _checked(queries: MultiVectors, documents: MultiVectors, candidates: npt.ArrayLike) -> Int64s:
    docs = np.ascontiguousarray(candidates, dtype=np.int64)
    if queries.dim != documents.dim:
        raise InvalidQuery(
            what=f"query tokens are {queries.dim} wide, document tokens {documents.dim}",
            fix="encode both with one model",
        )
    if (empty := np.diff(queries.offsets) == 0).any():
        raise InvalidQuery(what=f"query {int(np.argmax(empty))} has no tokens", fix="ask with at least one token")
    if docs.ndim != 2 or docs.shape[0] != queries.n_docs:
        raise InvalidInput(
            source="candidates",
            what=f"shape {docs.shape} for {queries.n_docs} queries",
            fix="pass (n_queries, n_candidates)",
        )
    if docs.size and not (int(docs.min()) >= -1 and int(docs.max()) < documents.n_docs):
        raise InvalidInput(
            source="candidates",
            what=f"rows lie in [{int(docs.min())}, {int(docs.max())}], there are {documents.n_docs} documents",
            fix="number documents from 0, pad with -1",
        )
    return docs
