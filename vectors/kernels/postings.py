"""Inverted lists: gathered from parts, weighed, and added up for a query.

Layout   lists are CSR over terms: ``indptr`` int64, ``docs`` int32 ascending within a list, beside them counts int32 or
         weights float32, all above 0. ``scores`` float32 (n_docs,), zero but for ``touched[:n]``.
Threads  single-threaded; ``cursor``, ``scores``, ``touched`` and the heap are the caller's scratch, not shared.
Limits   scores are added in float32 in the order the terms are given: give them ascending, and a query's scores do not
         depend on the order of its words.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]


@numba.njit(nogil=True, cache=True)
def place_postings(
    indptr: Int64s,
    docs: Int32s,
    counts: Int32s,
    terms: Int64s,
    slots: Int64s,
    cursor: Int64s,
    out_docs: Int32s,
    out_counts: Int32s,
) -> None:
    """Copy list ``terms[i]`` to where ``cursor[slots[i]]`` stands, and move that on past it."""
    for i in range(terms.size):
        at = cursor[slots[i]]
        for posting in range(indptr[terms[i]], indptr[terms[i] + 1]):
            out_docs[at] = docs[posting]
            out_counts[at] = counts[posting]
            at += 1
        cursor[slots[i]] = at


@numba.njit(nogil=True, cache=True)
def weigh_postings(indptr: Int64s, docs: Int32s, counts: Int32s, idf: Float64s, norms: Float64s, out: Float32s) -> None:
    """``out = idf[term] * count / (count + norms[doc])``."""
    for term in range(idf.size):
        for posting in range(indptr[term], indptr[term + 1]):
            count = np.float64(counts[posting])
            out[posting] = idf[term] * count / (count + norms[docs[posting]])


@numba.njit(nogil=True, cache=True)
def add_postings(
    indptr: Int64s, docs: Int32s, weights: Float32s, terms: Int64s, times: Float32s, scores: Float32s, touched: Int32s
) -> int:
    """Add ``times[i]`` times the weights of list ``terms[i]`` to ``scores``; returns how many were touched."""
    n = 0
    for i in range(terms.size):
        for posting in range(indptr[terms[i]], indptr[terms[i] + 1]):
            doc = docs[posting]
            if scores[doc] == 0.0:
                touched[n] = doc
                n += 1
            scores[doc] += times[i] * weights[posting]
    return n


@numba.njit(nogil=True, cache=True)
def _worse(score: np.float32, doc: int, other: np.float32, other_doc: int) -> bool:
    return bool(score < other or (score == other and doc > other_doc))


@numba.njit(nogil=True, cache=True)
def _sift_down(scores: Float32s, docs: Int64s, size: int) -> None:
    """Mend a heap, worst first, whose first element may be out of place."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            return
        if child + 1 < size and _worse(scores[child + 1], docs[child + 1], scores[child], docs[child]):
            child += 1
        if not _worse(scores[child], docs[child], scores[at], docs[at]):
            return
        scores[at], scores[child] = scores[child], scores[at]
        docs[at], docs[child] = docs[child], docs[at]
        at = child


@numba.njit(nogil=True, cache=True)
def take_best(
    scores: Float32s, touched: Int32s, allowed: npt.NDArray[np.bool_], out_docs: Int64s, out_scores: Float32s
) -> None:
    """The best documents of ``touched`` into ``out``, best first, equal scores by row; ``scores`` become zero again.

    ``allowed`` bool (n_docs,) or empty for all. ``out`` holds -1 and -inf everywhere, which is what stays where there
    are no more documents: as a heap these are its worst elements.
    """
    k = out_docs.size
    for i in range(touched.size):
        doc = touched[i]
        score = scores[doc]
        scores[doc] = 0.0
        if allowed.size > 0 and not allowed[doc]:
            continue
        if _worse(out_scores[0], out_docs[0], score, doc):
            out_scores[0], out_docs[0] = score, doc
            _sift_down(out_scores, out_docs, k)
    for size in range(k - 1, 0, -1):
        out_scores[0], out_scores[size] = out_scores[size], out_scores[0]
        out_docs[0], out_docs[size] = out_docs[size], out_docs[0]
        _sift_down(out_scores, out_docs, size)
