"""Texts cut into words, without a language: what an index of words and its queries have in common.

A word is a run of letters, digits and the marks that belong to them, in lower case (Unicode's case folding of the
compatibility form, so that ligatures, wide forms and composed accents are as their plain spelling). Scripts that put
no blanks between words (Han, kana, Thai, Lao, Burmese, Khmer) are cut into overlapping pairs of letters.

Source: of the pairs, Nie, Gao, Zhang, Zhou: "On the use of words and n-grams for Chinese information retrieval", 2000.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, final

from vectors.lexical.params import LexicalParams

_ASCII = re.compile(r"[a-z0-9]+")
_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\ua9e0-\ua9ff\uaa60-\uaa7f"  # Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\u2e80-\u2fdf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_LAST_MARK = 0x1FFFF  # no combining mark of Unicode 16 but variation selectors lies above


def text_words(text: str) -> list[str]:
    """The words of a text, in order, repeated as they repeat."""
    if text.isascii():
        return _ASCII.findall(text.lower())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    spaced, unspaced, letter = _patterns()
    if not unspaced.search(folded):
        return spaced.findall(folded)
    words: list[str] = []
    end = 0
    for run in unspaced.finditer(folded):
        words += spaced.findall(folded, end, run.start())
        words += _pairs(letter.findall(run.group()))
        end = run.end()
    return words + spaced.findall(folded, end)


def _pairs(letters: list[str]) -> list[str]:
    """Overlapping pairs of letters, each with its marks; one letter alone is a word."""
    return ["".join(pair) for pair in itertools.pairwise(letters)] or letters


@functools.cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Of a word of spaced scripts, a run of unspaced ones, and a letter of these. Python's know no class of marks."""
    codes = [code for code in range(0x300, _LAST_MARK + 1) if unicodedata.category(chr(code))[0] == "M"]
    marks = "".join(f"{chr(first)}-{chr(last)}" for first, last in _runs(codes))
    letter = rf"(?![{_UNSPACED}])[^\W_]"
    other = rf"(?=[{_UNSPACED}])[^\W_]"
    return (
        re.compile(rf"{letter}(?:{letter}|(?![{_UNSPACED}])[{marks}])*"),
        re.compile(rf"{other}(?:{other}|[{marks}])*"),
        re.compile(rf"{other}[{marks}]*"),
    )


def _runs(codes: list[int]) -> Iterable[tuple[int, int]]:
    first = last = codes[0]
    for code in codes[1:]:
        if code != last + 1:
            yield first, last
            first = code
        last = code
    yield first, last


@final
class Analyser:
    """Words of texts as the index knows them: stop words left out, the others stemmed if so asked.

    Not to be shared between threads: a stemmer keeps state.
    """

    def __init__(self, params: LexicalParams) -> None:
        self._stop = frozenset(params.stop_words)
        self._stem = _stemmer(params.stemmer)

    def words(self, text: str) -> list[str]:
        """Words of a text before stemming, which `stems` does once for each distinct one."""
        found = text_words(text)
        return [word for word in found if word not in self._stop] if self._stop else found

    def stems(self, words: list[str]) -> list[str]:
        """The form each word is indexed under."""
        return words if self._stem is None else self._stem(words)

    def terms(self, text: str) -> list[str]:
        """The terms of a text, in order."""
        return self.stems(self.words(text))


def _stemmer(language: str | None) -> Callable[[list[str]], list[str]] | None:
    if language is None:
        return None
    import Stemmer

    stem: Any = Stemmer.Stemmer(language).stemWords
    return lambda words: [stemmed or word for word, stemmed in zip(words, stem(words), strict=True)]
