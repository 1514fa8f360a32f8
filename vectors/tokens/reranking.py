"""The best documents by MaxSim in two passes: a fast one over everything asked, an exact one over its best.

Source of the idea: refinement after a coarse distance, as in Jégou et al., "Searching in one billion vectors",
ICASSP 2011, arXiv:1102.3828.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams, InvalidQuery
from foundation.threads import balanced_ranges, run_ranges
from vectors.tokens.late_interaction import Fidelity, add_scores, check_fidelity, fidelities
from vectors.tokens.maxsim import check_candidates, top_rows
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import PackedTokens, TokenSets

Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]

_TOKENS_PER_CALL = 1 << 19


def reranked_top(
    queries: MultiVectors,
    documents: TokenSets,
    k: int,
    *,
    candidates: npt.ArrayLike | None = None,
    fast: PackedTokens | None = None,
    fidelity: Fidelity = "int8",
    n_rerank: int | None = None,
    n_threads: int = 1,
) -> tuple[Int64s, Float32s]:
    """The best ``k`` documents of each query: all are scored at ``fidelity``, the best ``n_rerank`` exactly.

    Parameters
    ----------
    documents
        What the exact scores come from.
    candidates
        int64 (n_queries, n_candidates), -1 for none, each at most once per query; None scores every document.
    fast
        The same documents packed, for the first pass; None takes ``documents``, if they can be scored so.
    n_rerank
        At least ``k``; None takes ``max(2 * k, k + 20)``, in which exact top tens were always found (docs/maxsim.md).

    Returns
    -------
    docs : int64, shape (n_queries, k)
        Best first, equal scores by row; -1 where there are fewer.
    scores : float32, shape (n_queries, k)
        Exact ones, as `vectors.tokens.maxsim.maxsim` gives them; -inf where there is no document.

    Raises
    ------
    InvalidQuery, InvalidInput, InvalidParams
        As `maxsim`; when ``k < 1``, ``n_rerank < k``, or the first pass cannot have ``fidelity`` or other documents.
    """
    if k < 1:
        raise InvalidQuery(what=f"k is {k}", fix="ask for at least one document")
    if n_rerank is not None and n_rerank < k:
        raise InvalidParams(name="n_rerank", value=n_rerank, allowed=f"k = {k} or more")
    coarse = documents if fast is None else fast
    _check_first_pass(coarse, documents, fidelity)
    taken = max(2 * k, k + 20) if n_rerank is None else n_rerank
    given = None if candidates is None else check_candidates(queries, documents, candidates)
    check_candidates(queries, documents, np.empty((queries.n_docs, 0), dtype=np.int64))
    docs, scores = np.full((queries.n_docs, k), -1, dtype=np.int64), np.full((queries.n_docs, k), -np.inf, np.float32)
    everything = np.arange(documents.n_docs, dtype=np.int64)
    for query in range(queries.n_docs):
        asked = everything if given is None else np.sort(given[query])  # equal scores go to the lower row
        tokens = queries.doc(query)
        rough = _scores(tokens, coarse, asked, fidelity, n_threads)
        found = np.sort(asked[top_rows(rough, taken)])
        exact = np.zeros(found.size, dtype=np.float32)
        add_scores(tokens, documents, found, exact, "exact")
        best = top_rows(exact, k)
        docs[query, : best.size], scores[query, : best.size] = found[best], exact[best]
    return docs, scores


def _scores(tokens: Float32s, documents: TokenSets, docs: Int64s, fidelity: Fidelity, n_threads: int) -> Float32s:
    """Of one query with ``docs``, over threads by their tokens."""
    out = np.zeros(docs.size, dtype=np.float32)
    if n_threads == 1:  # a question of a thousand documents is over before ranges are worked out
        add_scores(tokens, documents, docs, out, fidelity)
        return out
    lengths = np.where(docs >= 0, np.diff(documents.offsets)[docs], 0) if documents.n_docs else np.zeros_like(docs)
    work_of = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)

    def work(start: int, stop: int) -> None:
        add_scores(tokens, documents, docs[start:stop], out[start:stop], fidelity)

    run_ranges(work, balanced_ranges(work_of, _TOKENS_PER_CALL), n_threads)
    return out


def _check_first_pass(coarse: TokenSets, documents: TokenSets, fidelity: Fidelity) -> None:
    check_fidelity(fidelity)
    if fidelity not in fidelities(coarse):
        allowed = " or ".join(map(repr, fidelities(coarse)))
        raise InvalidParams(name="fidelity", value=fidelity, allowed=f"{allowed} of these tokens; or pass fast")
    if coarse.dim != documents.dim or not np.array_equal(coarse.offsets, documents.offsets):
        raise InvalidParams(name="fast", value=f"{coarse.n_docs} documents", allowed="the documents themselves, packed")
