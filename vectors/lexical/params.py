"""What decides an index of words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from foundation.errors import InvalidParams


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalParams:
    """Everything that decides the index: equal params and equal texts give equal bytes.

    Attributes
    ----------
    k1 : how slowly a word's repetitions stop counting; 0 counts a word once however often it occurs
    b : how much long documents pay for their length, from 0 (nothing) to 1 (in full)
    stemmer : language of a Snowball stemmer that cuts endings off ("english", "german", …); None keeps words whole
    stop_words : words left out of documents and queries, compared as the analysis makes them, before the stemmer
    max_share : words in more than this share of all documents are left out: they cost most and tell least
    """

    k1: float = 1.5
    b: float = 0.75
    stemmer: str | None = None
    stop_words: tuple[str, ...] = ()
    max_share: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.k1) and self.k1 >= 0):
            raise InvalidParams(name="k1", value=self.k1, allowed="0 or more, finite")
        if not 0 <= self.b <= 1:
            raise InvalidParams(name="b", value=self.b, allowed="a number in [0, 1]")
        if self.stemmer is not None:
            import Stemmer

            if self.stemmer not in (known := Stemmer.algorithms()):
                raise InvalidParams(name="stemmer", value=self.stemmer, allowed=f"one of {', '.join(known)}, or None")
        if not 0 < self.max_share <= 1:
            raise InvalidParams(name="max_share", value=self.max_share, allowed="a number in (0, 1]")
        words = self.stop_words
        if not isinstance(words, tuple) or not all(isinstance(word, str) and word for word in words):
            raise InvalidParams(name="stop_words", value=words, allowed="a tuple of words")
