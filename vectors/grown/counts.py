"""Counts of words of ranges of documents, put together without weighing them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foundation.ids import StringIds
from vectors.lexical.counts import TermCounts


def join_counts(parts: Sequence[TermCounts]) -> TermCounts:
    """Counts of ranges of documents, given in order, as counts of all of them; how they were cut changes no byte."""
    words = [[str(term) for term in part.terms.take(range(len(part.terms)))] for part in parts]
    terms = sorted(set().union(*words))
    number = {term: row for row, term in enumerate(terms)}
    nothing = np.zeros(0, dtype=np.int32)
    rows = [
        np.repeat(np.array([number[term] for term in mine], dtype=np.int64), np.diff(part.indptr))
        for mine, part in zip(words, parts, strict=True)
    ]
    every = np.concatenate([nothing.astype(np.int64), *rows])
    order = np.argsort(every, kind="stable")
    indptr = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum(np.bincount(every, minlength=len(terms)), out=indptr[1:])
    return TermCounts(
        terms=StringIds.from_sorted(terms),
        indptr=indptr,
        docs=np.concatenate([nothing, *(part.docs for part in parts)])[order],
        counts=np.concatenate([nothing, *(part.counts for part in parts)])[order],
        lengths=np.concatenate([nothing, *(part.lengths for part in parts)]),
    )
