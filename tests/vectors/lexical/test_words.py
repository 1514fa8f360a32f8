"""Texts cut into words."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import InvalidParams
from vectors.lexical.params import LexicalParams
from vectors.lexical.words import Analyser, text_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n.,;—…", []),
        ("The quick-brown_fox's 2nd", ["the", "quick", "brown", "fox", "s", "2nd"]),
        ("Größe STRASSE straße", ["grösse", "strasse", "strasse"]),
        ("cafe\u0301 caf\u00e9", ["caf\u00e9", "caf\u00e9"]),
        ("Ａｌｐｈａ ﬁne", ["alpha", "fine"]),
        ("ΟΔΟΣ οδος", ["οδοσ", "οδοσ"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("שָׁלוֹם", [unicodedata.normalize("NFKC", "שָׁלוֹם")]),
        ("한국어 문서", ["한국어", "문서"]),
        ("東京都に", ["東京", "京都", "都に"]),
        ("犬", ["犬"]),
        ("น้ำ", ["น\u0e49\u0e4d\u0e32"]),
        ("ที่นี่ดี", ["ที่นี่", "นี่ดี"]),
        ("PDF文書を 開く", ["pdf", "文書", "書を", "開く"]),
        ("・東京・", ["東京"]),
        ("ab犬cd", ["ab", "犬", "cd"]),
        ("naïve 🙂 ½", ["naïve", "1", "2"]),
    ],
)
def test_words_of_many_scripts(text: str, words: list[str]) -> None:
    assert text_words(text) == words


# Letters and marks of many scripts, so that they meet.
MIXED = st.text() | st.text(alphabet="aé\u0301ß ·東京かกำ้ามាក្हिन्İı_9")


@given(MIXED)
def test_every_word_is_found_again_in_its_own_spelling(text: str) -> None:
    words = text_words(text)
    assert all(words), "no word is empty"
    assert all(text_words(word) == [word] for word in words)


@given(MIXED, MIXED)
def test_a_blank_parts_texts(left: str, right: str) -> None:
    assert text_words(f"{left} {right}") == text_words(left) + text_words(right)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_plain_text_is_cut_as_any_other_is(text: str) -> None:
    assert text_words(text) == text_words(f"{text} é")[:-1]


def test_stop_words_are_left_out_before_stemming() -> None:
    analyser = Analyser(LexicalParams(stemmer="english", stop_words=("the", "running")))
    assert analyser.terms("The dogs running run") == ["dog", "run"]


def test_the_stemmer_of_a_language_cuts_its_endings() -> None:
    assert Analyser(LexicalParams(stemmer="english")).terms("connected connections") == ["connect", "connect"]
    assert Analyser(LexicalParams(stemmer="german")).terms("Häuser Haus") == ["haus", "haus"]


def test_an_unknown_stemmer_names_the_known_ones() -> None:
    with pytest.raises(InvalidParams, match="english"):
        Analyser(LexicalParams(stemmer="klingon"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"k1": -1.0},
        {"k1": float("nan")},
        {"b": 1.5},
        {"max_share": 0.0},
        {"max_share": 1.1},
        {"stop_words": ["the"]},
        {"stop_words": ("",)},
    ],
)
def test_parameters_that_cannot_run_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParams):
        LexicalParams(**wrong)  # type: ignore[arg-type]
