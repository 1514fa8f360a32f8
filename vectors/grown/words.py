"""Search by words over a base and its segments: `vectors.lexical.index.LexicalIndex` of all of them.

Weights are computed for each query from counts, with the numbers of documents, their mean length and the documents that
hold a word as they are in the whole: the scores are those of an index built over the same documents, bit by bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from foundation.threads import even_ranges, run_ranges
from vectors.grown.rows import Bools, GrownRows, Int64s
from vectors.kernels.postings import add_postings, take_best, weigh_postings
from vectors.lexical.counts import TermCounts
from vectors.lexical.merge import idf_of, norms_of
from vectors.lexical.params import LexicalParams
from vectors.lexical.words import Analyser
from vectors.tokens.multivector import readonly

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]

_QUERIES_AT_ONCE = 16


class _Lists(NamedTuple):
    """What a query needs: its terms, how often it has each, and their postings as CSR over the terms."""

    terms: list[str]
    times: Float32s
    indptr: Int64s
    docs: Int32s
    weights: Float32s


@final
class GrownWords:
    """Counts of every part, of the documents that are there; safe to ask from several threads."""

    def __init__(self, parts: Sequence[TermCounts], rows: GrownRows, params: LexicalParams) -> None:
        self.params, self.n_docs = params, rows.n_docs
        self._parts, self._rows = parts, rows
        self._norms = norms_of(rows.gathered([part.lengths for part in parts]), params)

    def search(
        self, texts: Sequence[str], k: int, *, allowed: Bools | None = None, n_threads: int = 1
    ) -> tuple[Int64s, Float32s]:
        """As `vectors.lexical.index.LexicalIndex.search`."""
        if k < 1:
            raise InvalidQuery(what=f"k is {k}", fix="ask for at least one document")
        if allowed is not None and allowed.shape != (self.n_docs,):
            raise InvalidQuery(what=f"a filter of shape {allowed.shape}", fix=f"pass one for {self.n_docs} documents")
        mask = np.zeros(0, dtype=np.bool_) if allowed is None else np.ascontiguousarray(allowed, dtype=np.bool_)
        docs, scores = np.full((len(texts), k), -1, dtype=np.int64), np.full((len(texts), k), -np.inf, np.float32)
        k_most = min(k, self.n_docs)

        def work(start: int, stop: int) -> None:
            analyser = Analyser(self.params)
            totals = np.zeros(self.n_docs, dtype=np.float32)
            touched = np.empty(self.n_docs, dtype=np.int32)
            for query in range(start, stop):
                found = self._lists(analyser, texts[query])
                lists = readonly(found.indptr), readonly(found.docs), readonly(found.weights)
                n = add_postings(*lists, np.arange(found.times.size), found.times, totals, touched)
                if n:
                    take_best(totals, touched[:n], readonly(mask), docs[query, :k_most], scores[query, :k_most])

        run_ranges(work, even_ranges(len(texts), _QUERIES_AT_ONCE), n_threads)
        return docs, scores

    def matches(self, text: str, doc: int) -> dict[str, float]:
        """As `vectors.lexical.index.LexicalIndex.matches`."""
        found = self._lists(Analyser(self.params), text)
        said: dict[str, float] = {}
        for number, term in enumerate(found.terms):
            span = slice(int(found.indptr[number]), int(found.indptr[number + 1]))
            at = np.flatnonzero(found.docs[span] == doc)
            if at.size:
                said[term] = float(found.times[number] * found.weights[span][at[0]])
        return said

    def _lists(self, analyser: Analyser, text: str) -> _Lists:
        asked = Counter(analyser.terms(text))
        terms: list[str] = []
        docs, counts = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int32)]
        sizes = [0]
        for term in sorted(asked):  # code points sort as their UTF-8 bytes do
            mine = self._postings(term)
            n = sum(part.size for part, _ in mine)
            if 0 < n <= self.params.max_share * self.n_docs:
                terms.append(term)
                sizes.append(n)
                docs += [part for part, _ in mine]
                counts += [part for _, part in mine]
        indptr, every = np.cumsum(sizes, dtype=np.int64), np.concatenate(docs)
        weights = np.empty(every.size, dtype=np.float32)
        idf = idf_of(np.diff(indptr), self.n_docs)
        weigh_postings(indptr, every, np.concatenate(counts), idf, self._norms, weights)
        return _Lists(terms, np.array([asked[term] for term in terms], dtype=np.float32), indptr, every, weights)

    def _postings(self, term: str) -> list[tuple[Int32s, Int32s]]:
        """Documents that hold a term and are there, and how often, by part."""
        found = []
        for part, places in zip(self._parts, self._rows.places, strict=True):
            row = part.terms.find(term)
            if row >= 0:
                span = slice(int(part.indptr[row]), int(part.indptr[row + 1]))
                docs = places[part.docs[span]]
                alive = docs >= 0
                found.append((docs[alive].astype(np.int32), np.asarray(part.counts[span])[alive]))
        return found
