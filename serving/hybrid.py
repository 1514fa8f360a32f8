"""Documents by their tokens, by their words, or by both rankings fused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from serving.search import DocumentSearch
from vectors.filtered import NARROW
from vectors.fusion import Fused, Fusion, FusionParams, fuse, fuse_scores
from vectors.grown.words import GrownWords
from vectors.lexical.index import LexicalIndex
from vectors.tokens.multivector import MultiVectors

TOKENS, WORDS, BOTH = "tokens", "words", "both"
DEPTH = 200  # documents of each list that are fused: further down they hardly count
EXACT = 50_000  # documents of a part of the graph that are all scored; of more, candidates as in the whole corpus

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
Ranked = tuple[Int64s, npt.NDArray[Any]]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How documents are asked for.

    Attributes
    ----------
    k : documents of each query
    rerank : order by MaxSim, not by encodings
    ranking : one of `CorpusSearch.rankings`; None: the last of them
    where : bool (n_docs,), documents that may be found; None: all
    within : whether ``where`` is a part of the graph, of which all are to be scored
    """

    k: int
    rerank: bool = True
    ranking: str | None = None
    where: Bools | None = None
    within: bool = False


@final
class Found(NamedTuple):
    """What was found: (n_queries, k), best first, -1 pads.

    ``ranks`` are those of each ranking that took part, by name, from 1, 0 where it lacks the document; ``queries`` the
    token vectors that were asked with, None for words alone.
    """

    docs: Int64s
    scores: npt.NDArray[Any]
    ranks: Mapping[str, Int64s]
    queries: MultiVectors | None


@final
class CorpusSearch:
    """An opened index of documents, of whichever kinds were built; safe to ask from several threads.

    Both rankings are fused as ``fusion`` says, that of the words with ``weight``, that of the tokens with 1.
    """

    def __init__(
        self,
        tokens: DocumentSearch | None,
        words: LexicalIndex | GrownWords | None,
        weight: float,
        fusion: Fusion,
    ) -> None:
        self.tokens, self.words = tokens, words
        self._weight, self._fusion = weight, fusion

    @property
    def rankings(self) -> tuple[str, ...]:
        """What can be asked for; the last is what a text gets by default."""
        kinds = [kind for kind, built in ((TOKENS, self.tokens), (WORDS, self.words)) if built is not None]
        return (*kinds, BOTH) if len(kinds) == 2 else tuple(kinds)

    def by_text(self, texts: Sequence[str], wanted: Wanted) -> Found:
        """The best documents of each text; scores are those of the ranking.

        Raises
        ------
        InvalidQuery
            An empty text, one without a known token, or a ranking that was not built.
        """
        ranking = self.rankings[-1] if wanted.ranking is None else wanted.ranking
        if ranking not in self.rankings:
            raise InvalidQuery(what=f"ranking {ranking!r}", fix=f"this index has {', '.join(self.rankings)}")
        for number, text in enumerate(texts):
            if not text.strip():
                raise InvalidQuery(what=f"text {number} is empty", fix="search for one word or more")
        if self.tokens is None or (ranking == WORDS and self.words is not None):
            assert self.words is not None
            docs, scores = self.words.search(texts, wanted.k, allowed=wanted.where)
            return Found(docs, scores, {WORDS: _ranks(docs)}, None)
        queries = self.tokens.encode(texts)
        if self.words is None or ranking == TOKENS:
            return self._by_tokens(self.tokens, queries, wanted)
        depth = max(wanted.k, DEPTH)
        words = self.words.search(texts, depth, allowed=wanted.where)
        tokens = self._by_tokens(self.tokens, queries, replace(wanted, k=depth), also=words[0])
        fused = self._fused(words, (tokens.docs, tokens.scores), wanted.k)
        ranks = {WORDS: fused.ranks[:, :, 0], TOKENS: fused.ranks[:, :, 1]}
        return Found(fused.rows, fused.scores, ranks, queries)

    def by_vectors(self, vectors: Sequence[npt.ArrayLike], wanted: Wanted) -> Found:
        """The same for token vectors the caller made, which have no words.

        Raises
        ------
        InvalidQuery
            Another ranking than that of the tokens, or vectors that do not fit.
        """
        if self.tokens is None or wanted.ranking not in (None, TOKENS):
            raise InvalidQuery(what="vectors have no words", fix="pass texts, or ask an index built with [muvera]")
        return self._by_tokens(self.tokens, self.tokens.from_vectors(vectors), wanted)

    def warm(self) -> None:
        """Ask everything once."""
        if self.tokens is not None:
            self.tokens.warm()
        if self.words is not None:
            self.words.search(["warm"], 1)

    def _fused(self, words: Ranked, tokens: Ranked, k: int) -> Fused:
        """By ranks or by scores; what a list of words lacks that is not full shares no word: it has 0."""
        weights = (self._weight, 1.0)
        if self._fusion == "ranks":
            return fuse([words[0], tokens[0]], k, FusionParams(weights=weights))
        floor = np.where((words[0] >= 0).all(axis=1), np.nan, 0.0)
        return fuse_scores([words[0], tokens[0]], [words[1], tokens[1]], k, weights, [floor, None])

    @staticmethod
    def _by_tokens(tokens: DocumentSearch, queries: MultiVectors, wanted: Wanted, also: Int64s | None = None) -> Found:
        if wanted.rerank and wanted.where is not None:
            members = np.flatnonzero(wanted.where)
            if members.size <= (EXACT if wanted.within else NARROW):
                docs, scores = tokens.exact(queries, wanted.k, members)
                return Found(docs, scores, {TOKENS: _ranks(docs)}, queries)
        docs, scores = tokens.top(queries, wanted.k, wanted.rerank, also=also, where=wanted.where)
        return Found(docs, scores, {TOKENS: _ranks(docs)}, queries)


def _ranks(docs: Int64s) -> Int64s:
    return np.where(docs >= 0, np.arange(1, docs.shape[1] + 1), 0)
