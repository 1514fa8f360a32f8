"""Documents by their tokens, by their words, or by both rankings fused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from serving.search import DocumentSearch
from vectors.fusion import FusionParams, fuse
from vectors.grown.words import GrownWords
from vectors.lexical.index import LexicalIndex

TOKENS, WORDS, BOTH = "tokens", "words", "both"
DEPTH = 200  # ranks of each list that are fused: further down they hardly count

Found = tuple[npt.NDArray[np.int64], npt.NDArray[Any]]


@final
class CorpusSearch:
    """An opened index of documents, of whichever kinds were built; safe to ask from several threads."""

    def __init__(self, tokens: DocumentSearch | None, words: LexicalIndex | GrownWords | None, weight: float) -> None:
        self._tokens, self._words, self._weight = tokens, words, weight

    @property
    def rankings(self) -> tuple[str, ...]:
        """What can be asked for; the last is what a text gets by default."""
        kinds = [kind for kind, built in ((TOKENS, self._tokens), (WORDS, self._words)) if built is not None]
        return (*kinds, BOTH) if len(kinds) == 2 else tuple(kinds)

    def by_text(self, texts: Sequence[str], k: int, rerank: bool, ranking: str | None) -> Found:
        """The best ``k`` documents of each text, (n_queries, k), -1 pads; scores are those of the ranking.

        Raises
        ------
        InvalidQuery
            An empty text, one without a known token, or a ranking that was not built.
        """
        ranking = self.rankings[-1] if ranking is None else ranking
        if ranking not in self.rankings:
            raise InvalidQuery(what=f"ranking {ranking!r}", fix=f"this index has {', '.join(self.rankings)}")
        for number, text in enumerate(texts):
            if not text.strip():
                raise InvalidQuery(what=f"text {number} is empty", fix="search for one word or more")
        if self._tokens is None or (ranking == WORDS and self._words is not None):
            assert self._words is not None
            return self._words.search(texts, k)
        if self._words is None or ranking == TOKENS:
            return self._tokens.top(self._tokens.encode(texts), k, rerank)
        depth = max(k, DEPTH)
        words, _ = self._words.search(texts, depth)
        tokens, _ = self._tokens.top(self._tokens.encode(texts), depth, rerank, also=words)
        fused = fuse([words, tokens], k, FusionParams(weights=(self._weight, 1.0)))
        return fused.rows, fused.scores

    def by_vectors(self, vectors: Sequence[npt.ArrayLike], k: int, rerank: bool, ranking: str | None) -> Found:
        """The same for token vectors the caller made, which have no words.

        Raises
        ------
        InvalidQuery
            Another ranking than that of the tokens, or vectors that do not fit.
        """
        if self._tokens is None or ranking not in (None, TOKENS):
            raise InvalidQuery(what="vectors have no words", fix="pass texts, or ask an index built with [muvera]")
        return self._tokens.top(self._tokens.from_vectors(vectors), k, rerank)

    def warm(self) -> None:
        """Ask everything once."""
        if self._tokens is not None:
            self._tokens.warm()
        if self._words is not None:
            self._words.search(["warm"], 1)
