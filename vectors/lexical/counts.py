"""The words of a range of documents, counted: what one partition of a build makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.ids import StringIds
from vectors.lexical.params import LexicalParams
from vectors.lexical.words import Analyser


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TermCounts:
    """How often each term occurs in each of some documents.

    Attributes
    ----------
    terms : distinct terms, sorted by their UTF-8 bytes
    indptr : int64 (n_terms + 1,), cuts ``docs`` and ``counts`` by term
    docs : int32, rows of the whole corpus, ascending within a term
    counts : int32, occurrences of the term in that document
    lengths : int32 (n_docs,), terms of each document, repetitions counted
    """

    terms: StringIds
    indptr: npt.NDArray[np.int64]
    docs: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int32]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What to save."""
        arrays = self.terms.arrays()
        return arrays | {"indptr": self.indptr, "docs": self.docs, "counts": self.counts, "lengths": self.lengths}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> TermCounts:
        """The inverse of `arrays`; memory-mapped arrays stay so."""
        return cls(
            terms=StringIds(arrays["ids_blob"], arrays["ids_offsets"]),
            indptr=arrays["indptr"],
            docs=arrays["docs"],
            counts=arrays["counts"],
            lengths=arrays["lengths"],
        )


def count_terms(texts: Sequence[str], start: int, params: LexicalParams) -> TermCounts:
    """Count the terms of documents ``start, start + 1, …``.

    Raises
    ------
    InvalidParams
        When the stemmer is unknown.
    """
    analyser = Analyser(params)
    known: dict[str, int] = {}
    number = known.setdefault
    rows = [np.array([number(word, len(known)) for word in analyser.words(text)], dtype=np.int64) for text in texts]
    lengths = np.array([row.size for row in rows], dtype=np.int32)
    stems = analyser.stems(list(known))
    terms = sorted(set(stems))  # code points sort as their UTF-8 bytes do
    places = {term: place for place, term in enumerate(terms)}
    term_of_word = np.array([places[stem] for stem in stems], dtype=np.int64)
    words = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    width = max(1, len(texts))
    pairs = term_of_word[words] * width + np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
    pairs, counts = np.unique(pairs, return_counts=True)
    indptr = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum(np.bincount(pairs // width, minlength=len(terms)), out=indptr[1:])
    return TermCounts(
        terms=StringIds.from_sorted(terms),
        indptr=indptr,
        docs=(pairs % width + start).astype(np.int32),
        counts=counts.astype(np.int32),
        lengths=lengths,
    )
