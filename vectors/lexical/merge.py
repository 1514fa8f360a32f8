"""Counts of partitions into one inverted index, a block of terms at a time.

Weights are BM25's as Lucene means them (Kamphuis, de Vries, Boytsov, Lin: "Which BM25 do you mean?", ECIR 2020):

    idf(t) · f / (f + k1 (1 − b + b · length / mean length)),   idf(t) = log(1 + (N − n_t + ½) / (n_t + ½))

computed in float64, kept in float32. They are above 0 for every word that occurs.

Sources: Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009. Weights are kept instead
of counts as in Lù, "BM25S", arXiv:2407.03618.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.ids import StringIds
from foundation.pieces import Pieces
from foundation.threads import balanced_ranges
from vectors.kernels.postings import place_postings, weigh_postings
from vectors.lexical.counts import TermCounts
from vectors.lexical.params import LexicalParams
from vectors.tokens.multivector import readonly

Array = npt.NDArray[Any]
_POSTINGS_AT_ONCE = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Merged:
    """Arrays of a `vectors.lexical.index.LexicalIndex`, the long ones in pieces, and what was found on the way."""

    arrays: dict[str, Array | Pieces]
    stats: dict[str, int]


def merge_counts(parts: Sequence[TermCounts], params: LexicalParams) -> Merged:
    """Join the counts of ranges of documents, given in order. How the ranges were cut changes no byte."""
    lengths = np.concatenate([np.zeros(0, dtype=np.int32), *(part.lengths for part in parts)])
    found = sorted(set().union(*(part.terms.take(range(len(part.terms))) for part in parts)))
    places = {term: place for place, term in enumerate(found)}
    places_of = [
        np.array([places[term] for term in part.terms.take(range(len(part.terms)))], dtype=np.int64) for part in parts
    ]
    frequency = np.zeros(len(found), dtype=np.int64)
    for part, rows in zip(parts, places_of, strict=True):
        frequency[rows] += np.diff(part.indptr)
    kept = frequency <= params.max_share * lengths.size
    number = np.where(kept, np.cumsum(kept) - 1, -1)
    numbers_of = [number[rows] for rows in places_of]
    frequency = frequency[kept]
    indptr = np.zeros(frequency.size + 1, dtype=np.int64)
    np.cumsum(frequency, out=indptr[1:])
    terms = StringIds.from_sorted([str(term) for term, keep in zip(found, kept, strict=True) if keep])
    block = _Blocks(parts, numbers_of, indptr, idf_of(frequency, lengths.size), norms_of(lengths, params))
    n = int(indptr[-1])
    return Merged(
        arrays={
            **terms.arrays(),
            "indptr": indptr,
            "docs": Pieces(dtype=np.dtype(np.int32), shape=(n,), pieces=block.docs()),
            "weights": Pieces(dtype=np.dtype(np.float32), shape=(n,), pieces=block.weights()),
            "n_docs": np.array([lengths.size], dtype=np.int64),
        },
        stats={
            "n_docs": int(lengths.size),
            "n_terms": int(frequency.size),
            "n_postings": n,
            "n_words": int(lengths.sum(dtype=np.int64)),
            "n_empty": int(np.count_nonzero(lengths == 0)),
            "n_common": int(np.count_nonzero(~kept)),
        },
    )


def idf_of(frequency: npt.NDArray[np.int64], n_docs: int) -> npt.NDArray[np.float64]:
    """Rarity of terms, by the documents that hold them."""
    idf: npt.NDArray[np.float64] = np.log1p((n_docs - frequency + 0.5) / (frequency + 0.5))
    return idf


def norms_of(lengths: npt.NDArray[np.int32], params: LexicalParams) -> npt.NDArray[np.float64]:
    """What is added to a count, by document."""
    total = int(lengths.sum(dtype=np.int64))
    mean = total / lengths.size if total else 1.0
    return np.asarray(params.k1 * (1.0 - params.b + params.b * lengths / mean), dtype=np.float64)


class _Blocks:
    """Postings of ranges of terms, gathered from all parts."""

    def __init__(
        self,
        parts: Sequence[TermCounts],
        numbers_of: Sequence[npt.NDArray[np.int64]],
        indptr: npt.NDArray[np.int64],
        idf: npt.NDArray[np.float64],
        norms: npt.NDArray[np.float64],
    ) -> None:
        self._parts = list(zip(parts, numbers_of, strict=True))
        self._indptr = indptr
        self._idf = idf
        self._norms = norms

    def docs(self) -> Iterator[Array]:
        for start, stop in self._ranges():
            yield self._gather(start, stop)[0]

    def weights(self) -> Iterator[Array]:
        for start, stop in self._ranges():
            docs, counts = self._gather(start, stop)
            cuts = self._indptr[start : stop + 1] - self._indptr[start]
            out = np.empty(docs.size, dtype=np.float32)
            weigh_postings(cuts, docs, counts, self._idf[start:stop], self._norms, out)
            yield out

    def _ranges(self) -> list[tuple[int, int]]:
        return balanced_ranges(self._indptr, _POSTINGS_AT_ONCE)

    def _gather(self, start: int, stop: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Documents and counts of terms [start, stop), by term, documents ascending as parts are in order."""
        n = int(self._indptr[stop] - self._indptr[start])
        docs, counts = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
        cursor = self._indptr[start:stop] - self._indptr[start]
        for part, numbers in self._parts:
            mine = np.flatnonzero((numbers >= start) & (numbers < stop))
            lists = readonly(part.indptr), readonly(part.docs), readonly(part.counts)
            place_postings(*lists, mine, numbers[mine] - start, cursor, docs, counts)
        return docs, counts
