"""Exact late interaction: the sum over query tokens of the best dot product with a document's tokens.

Also called Chamfer similarity. It is not symmetric, and a query token's length is its weight.
Source: Khattab & Zaharia, "ColBERT", SIGIR 2020, arXiv:2004.12832, equation 3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery
from foundation.threads import balanced_ranges, even_ranges, run_ranges
from vectors.kernels.maxsim import best_tokens
from vectors.tokens.columns import take_documents
from vectors.tokens.late_interaction import Fidelity, add_scores, check_fidelity, fidelities
from vectors.tokens.multivector import MultiVectors, readonly
from vectors.tokens.packed import PackedTokens, Storage, TokenSets, pack_tokens

Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]

_CANDIDATES_PER_CALL = 4096
_TOKENS_PER_CALL = 1 << 21


def maxsim(
    queries: MultiVectors,
    documents: TokenSets,
    candidates: npt.ArrayLike,
    n_threads: int = 1,
    *,
    fidelity: Fidelity = "exact",
) -> Float32s:
    """Score candidates.

    Parameters
    ----------
    queries, documents
        Each plain or coded; layouts do not change the bytes. Documents may be packed: "exact" then scores the vectors
        they are decoded to.
    candidates
        int64, shape (n_queries, n_candidates): rows of ``documents``, -1 for none.
    fidelity
        "exact" adds products of float32. "int8" rounds both sides to 8 bits first, "bfloat16" to 16. Documents that are
        not stored so are packed for the call, which takes longer than scoring them a few times: pack them once.

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
    InvalidParams
        When there is no such fidelity, or packed documents cannot be scored at it.
    """
    docs = check_candidates(queries, documents, candidates)
    documents, docs = _at_fidelity(documents, docs, fidelity)
    scores = np.zeros(docs.shape, dtype=np.float32)
    pieces = [
        (query, start, stop)
        for query in range(queries.n_docs)
        for start, stop in even_ranges(docs.shape[1], _CANDIDATES_PER_CALL)
    ]

    def work(first: int, last: int) -> None:
        for query, start, stop in pieces[first:last]:
            add_scores(queries.doc(query), documents, docs[query, start:stop], scores[query, start:stop], fidelity)

    run_ranges(work, even_ranges(len(pieces), 1), n_threads)
    return scores


def exact_top(queries: MultiVectors, documents: TokenSets, k: int, n_threads: int = 1) -> tuple[Int64s, Float32s]:
    """The best ``k`` of all documents, by scoring every one of them exactly.

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
    check_candidates(queries, documents, np.empty((queries.n_docs, 0), dtype=np.int64))
    docs, scores = np.full((queries.n_docs, k), -1, dtype=np.int64), np.full((queries.n_docs, k), -np.inf, np.float32)
    everything = np.arange(documents.n_docs, dtype=np.int64)
    ranges = balanced_ranges(documents.offsets, _TOKENS_PER_CALL)
    for query in range(queries.n_docs):
        tokens = queries.doc(query)
        every = np.zeros(documents.n_docs, dtype=np.float32)

        def work(start: int, stop: int, tokens: Float32s = tokens, every: Float32s = every) -> None:
            add_scores(tokens, documents, everything[start:stop], every[start:stop], "exact")

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
    queries: MultiVectors, documents: TokenSets, candidates: npt.ArrayLike, n_threads: int = 1
) -> tuple[Int64s, Float32s]:
    """Which token of each candidate every query token matched, and how well.

    Meant for the few results that are shown: it costs as much as scoring them again.

    Returns
    -------
    positions : int64, shape (n_queries, n_candidates, longest query)
        Position of the best token within its document, the earliest among equals; -1 past a query's last token, where
        there is no candidate, and where the candidate has no tokens.
    similarities : float32, same shape
        Dot product with that token; -inf where the position is -1. Added up in order they are the exact `maxsim` score.

    Raises
    ------
    InvalidQuery, InvalidInput
        As `maxsim`.
    """
    docs = check_candidates(queries, documents, candidates)
    longest = int(np.diff(queries.offsets).max(initial=0))
    positions = np.full((*docs.shape, longest), -1, dtype=np.int64)
    similarities = np.full(positions.shape, -np.inf, dtype=np.float32)

    def work(first: int, last: int) -> None:
        for query in range(first, last):
            tokens = queries.doc(query)
            columns = readonly(np.ascontiguousarray(tokens.T))
            for i in np.flatnonzero(docs[query] >= 0):
                doc = docs[query, i]
                vectors, rows = _rows_of(documents, int(documents.offsets[doc]), int(documents.offsets[doc + 1]))
                n_tokens = tokens.shape[0]
                best_tokens(columns, vectors, rows, positions[query, i, :n_tokens], similarities[query, i, :n_tokens])

    run_ranges(work, even_ranges(queries.n_docs, 1), n_threads)
    return positions, similarities


def _rows_of(documents: TokenSets, start: int, stop: int) -> tuple[Float32s, Int64s]:
    """A matrix, and the rows of it that tokens ``start:stop`` are."""
    if isinstance(documents, PackedTokens):
        return readonly(documents.decoded(start, stop)), np.arange(stop - start, dtype=np.int64)
    rows = np.arange(start, stop) if documents.codes is None else documents.codes[start:stop]
    return readonly(documents.vectors), rows.astype(np.int64)


def _at_fidelity(documents: TokenSets, docs: Int64s, fidelity: Fidelity) -> tuple[TokenSets, Int64s]:
    """Documents that can be scored so, and their candidates: as they are, or those that are asked for packed."""
    check_fidelity(fidelity)
    if fidelity in fidelities(documents):
        return documents, docs
    if isinstance(documents, PackedTokens):
        allowed = " or ".join(map(repr, fidelities(documents)))
        raise InvalidParams(name="fidelity", value=fidelity, allowed=f"{allowed} of {documents.storage} tokens")
    storage: Storage = "int8" if fidelity == "int8" else "bfloat16"
    named, places = np.unique(docs, return_inverse=True)
    is_one = named >= 0
    numbers = np.where(is_one, np.cumsum(is_one) - 1, -1)
    return pack_tokens(take_documents(documents, named[is_one]), storage), numbers[places].reshape(docs.shape)


def check_candidates(queries: MultiVectors, documents: TokenSets, candidates: npt.ArrayLike) -> Int64s:
    """``candidates`` as int64 (n_queries, n_candidates); raises as `maxsim`."""
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
