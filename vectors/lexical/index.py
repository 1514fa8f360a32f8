"""Search by words: BM25 scores from an inverted index of weights computed beforehand.

Source: see `vectors.lexical.merge`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidQuery
from foundation.ids import StringIds
from foundation.pieces import Pieces
from foundation.threads import even_ranges, run_ranges
from vectors.kernels.postings import add_postings, take_best
from vectors.lexical.counts import count_terms
from vectors.lexical.merge import Merged, merge_counts
from vectors.lexical.params import LexicalParams
from vectors.lexical.words import Analyser
from vectors.tokens.multivector import readonly

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]

_QUERIES_AT_ONCE = 16
_TEXTS_AT_ONCE = 1 << 14


@final
class LexicalIndex:
    """Documents by their words; safe to ask from several threads.

    Attributes
    ----------
    params : what it was built with, and what queries are cut by
    n_docs : rows are 0 … n_docs - 1
    terms : distinct terms, sorted
    indptr, docs, weights : int64 (n_terms + 1,), int32 and float32 (n_postings,): of each term the documents that hold
        it, ascending, and what it adds to their scores, above 0
    """

    def __init__(
        self,
        params: LexicalParams,
        terms: StringIds,
        indptr: Int64s,
        docs: npt.NDArray[np.int32],
        weights: Float32s,
        n_docs: int,
    ) -> None:
        self.params, self.terms, self.n_docs = params, terms, n_docs
        self.indptr, self.docs, self.weights = indptr, docs, weights

    @classmethod
    def build(cls, texts: Sequence[str], params: LexicalParams) -> LexicalIndex:
        """Index texts; row i is text i. Equal bytes to counting ranges of them apart and merging.

        Raises
        ------
        InvalidParams
            When the stemmer is unknown.
        """
        ranges = even_ranges(len(texts), _TEXTS_AT_ONCE)
        return cls.from_merged(merge_counts([count_terms(texts[a:b], a, params) for a, b in ranges], params), params)

    @classmethod
    def from_merged(cls, merged: Merged, params: LexicalParams) -> LexicalIndex:
        """In memory, out of what `merge_counts` gave."""
        arrays = {name: _whole(array) for name, array in merged.arrays.items()}
        return cls.from_arrays(arrays, params)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], params: LexicalParams) -> LexicalIndex:
        """The inverse of `arrays`; memory-mapped arrays stay so.

        Raises
        ------
        InvalidInput
            When the arrays do not fit together.
        """
        indptr, docs, weights = arrays["indptr"], arrays["docs"], arrays["weights"]
        terms = StringIds(arrays["ids_blob"], arrays["ids_offsets"])
        fits = indptr.size == len(terms) + 1 and indptr[0] == 0 and indptr[-1] == docs.size == weights.size
        if not fits or (indptr[1:] < indptr[:-1]).any():
            what = f"{len(terms)} terms, {indptr.size} offsets, {docs.size} documents, {weights.size} weights"
            raise InvalidInput(source="index of words", what=what, fix="pass the arrays of one index")
        return cls(params, terms, indptr, docs, weights, int(arrays["n_docs"][0]))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What to save; ``params`` belong beside it."""
        n_docs = np.array([self.n_docs], dtype=np.int64)
        arrays = self.terms.arrays()
        return arrays | {"indptr": self.indptr, "docs": self.docs, "weights": self.weights, "n_docs": n_docs}

    def search(
        self, texts: Sequence[str], k: int, *, allowed: npt.NDArray[np.bool_] | None = None, n_threads: int = 1
    ) -> tuple[Int64s, Float32s]:
        """The best ``k`` documents of each text.

        A word that a query repeats counts as often. A text without a word of the index finds nothing.

        Parameters
        ----------
        allowed
            bool (n_docs,): rows that may be returned; None for all. Scores are the same either way.

        Returns
        -------
        docs : int64, shape (n_queries, k), best first, equal scores by row, -1 past the last that shares a word
        scores : float32, same shape: BM25, above 0; -inf where there is no document

        Raises
        ------
        InvalidQuery
            When ``k < 1`` or ``allowed`` has another length.
        """
        if k < 1:
            raise InvalidQuery(what=f"k is {k}", fix="ask for at least one document")
        if allowed is not None and allowed.shape != (self.n_docs,):
            raise InvalidQuery(what=f"a filter of shape {allowed.shape}", fix=f"pass one for {self.n_docs} documents")
        mask = np.zeros(0, dtype=np.bool_) if allowed is None else np.ascontiguousarray(allowed, dtype=np.bool_)
        docs, scores = np.full((len(texts), k), -1, dtype=np.int64), np.full((len(texts), k), -np.inf, np.float32)
        k_most = min(k, self.n_docs)
        lists = readonly(self.indptr), readonly(self.docs), readonly(self.weights)

        def work(start: int, stop: int) -> None:
            analyser = Analyser(self.params)
            totals = np.zeros(self.n_docs, dtype=np.float32)
            touched = np.empty(self.n_docs, dtype=np.int32)
            for query in range(start, stop):
                terms, times = self._terms(analyser, texts[query])
                n = add_postings(*lists, terms, times, totals, touched)
                if n:
                    take_best(totals, touched[:n], readonly(mask), docs[query, :k_most], scores[query, :k_most])

        run_ranges(work, even_ranges(len(texts), _QUERIES_AT_ONCE), n_threads)
        return docs, scores

    def matches(self, text: str, doc: int) -> dict[str, float]:
        """What each term of a text adds to the score of one document, in the order of the terms; those it lacks are
        left out. Added up in float32 they are its score."""
        terms, times = self._terms(Analyser(self.params), text)
        found: dict[str, float] = {}
        for term, n in zip(terms.tolist(), times, strict=True):
            start, stop = int(self.indptr[term]), int(self.indptr[term + 1])
            place = start + int(np.searchsorted(self.docs[start:stop], doc))
            if place < stop and self.docs[place] == doc:
                found[self.terms[term]] = float(n * self.weights[place])
        return found

    def _terms(self, analyser: Analyser, text: str) -> tuple[Int64s, Float32s]:
        """Rows of the text's known terms, ascending, and how often each occurs in it."""
        rows = [row for term in analyser.terms(text) if (row := self.terms.find(term)) >= 0]
        terms, times = np.unique(np.array(rows, dtype=np.int64), return_counts=True)
        return terms, times.astype(np.float32)


def _whole(array: npt.NDArray[Any] | Pieces) -> npt.NDArray[Any]:
    if isinstance(array, Pieces):
        return np.concatenate([np.zeros(0, dtype=array.dtype), *array.pieces])
    return array
