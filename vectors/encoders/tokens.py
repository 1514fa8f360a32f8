"""Texts to token ids, by a ``tokenizer.json`` of the Hugging Face ``tokenizers`` library.

One text at a time: the library's batch calls start threads of their own (and warn when the process forks later),
and a token must not depend on what else is in the batch. Words such as ``<s>`` in a text are text, not special tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.threads import even_ranges, run_ranges
from vectors.encoders.rows import read_model_file, sha256

_TEXTS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tokens:
    """Token ids of texts, int32, cut by int64 ``offsets``; ``n_unknown`` int64 (n_texts,) are not among them."""

    ids: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    n_unknown: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Framed:
    """Token ids of one text between its special tokens; ``special`` marks those, ``places`` are where each begins and
    ends in the text."""

    ids: list[int]
    special: list[int]
    places: list[tuple[int, int]]
    n_unknown: int
    n_dropped: int


class TextTokenizer:
    """A tokenizer read from its file."""

    def __init__(self, path: Path) -> None:
        import orjson
        import tokenizers

        data = read_model_file(path, role="tokenizer")
        try:
            self._tokenizer = tokenizers.Tokenizer.from_buffer(data)
            described = orjson.loads(data)
        except Exception as error:  # the library raises bare Exception
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            what = f"this is no tokenizer ({reason})"
            raise InvalidInput(source=str(path), what=what, fix="name a tokenizer.json") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        model = described["model"]
        unknown = model.get("unk_token")
        self._unknown: int | None = model.get("unk_id") if unknown is None else self._tokenizer.token_to_id(unknown)
        self.sha256 = sha256(data)
        self.version: str = tokenizers.__version__
        vocabulary = model["vocab"]  # a mapping to ids, or for Unigram a list in their order
        added = [token["id"] for token in described.get("added_tokens", ())]
        largest = max(vocabulary.values(), default=-1) if isinstance(vocabulary, dict) else len(vocabulary) - 1
        self.n_ids: int = max([largest, *added]) + 1

    def plain(self, texts: Sequence[str], *, n_threads: int = 1) -> Tokens:
        """Tokens of each text that are in the vocabulary; unknown ones are left out and counted, nothing is added."""
        rows: list[list[int]] = [[] for _ in texts]

        def work(start: int, stop: int) -> None:
            for text in range(start, stop):
                rows[text] = self._tokenizer.encode(texts[text], add_special_tokens=False).ids

        run_ranges(work, even_ranges(len(texts), _TEXTS_AT_ONCE), n_threads)
        ids, offsets = _flat(rows)
        if self._unknown is None:
            return Tokens(ids=ids, offsets=offsets, n_unknown=np.zeros(len(texts), dtype=np.int64))
        known = ids != self._unknown
        before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(known, dtype=np.int64)))
        kept = before[offsets]
        return Tokens(ids=ids[known], offsets=kept, n_unknown=np.diff(offsets) - np.diff(kept))

    def framed(self, text: str, limit: int) -> Framed:
        """As the model was trained: special tokens before and after, the text between cut so that all fit ``limit``.

        A text without a token has none here either, not even special ones.

        Raises
        ------
        InvalidInput
            When the special tokens alone fill ``limit``.
        """
        encoding = self._tokenizer.encode(text, add_special_tokens=True)
        ids, special, places = encoding.ids, encoding.special_tokens_mask, encoding.offsets
        n_special = sum(special)
        room, n_body = limit - n_special, len(ids) - n_special
        if n_body == 0:
            return Framed(ids=[], special=[], places=[], n_unknown=0, n_dropped=0)
        if room < 1:
            what = f"the model adds {n_special} special tokens to a text, the limit of tokens is {limit}"
            raise InvalidInput(source="max_tokens", what=what, fix="raise max_tokens and max_query_tokens")
        if n_body > room:
            n_seen = np.cumsum([not mark for mark in special])
            kept = [place for place, mark in enumerate(special) if mark or n_seen[place] <= room]
            ids, special = [ids[place] for place in kept], [special[place] for place in kept]
            places = [places[place] for place in kept]
        n_unknown = 0 if self._unknown is None else ids.count(self._unknown)
        n_dropped = max(0, n_body - room)
        return Framed(ids=ids, special=special, places=places, n_unknown=n_unknown, n_dropped=n_dropped)

    def spans(self, text: str, framed: Framed) -> list[str]:
        """Tokens as the text has them; those that are not in it, such as special ones, by their names."""
        return [self._written(text, *pair) for pair in zip(framed.ids, framed.places, strict=True)]

    def written(self, text: str) -> dict[int, str]:
        """Tokens of a text, as `plain` cuts it, by their id: each as the text has it the first time."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        found: dict[int, str] = {}
        for id, place in zip(encoding.ids, encoding.offsets, strict=True):
            if id not in found:
                found[id] = self._written(text, id, place)
        return found

    def _written(self, text: str, id: int, place: tuple[int, int]) -> str:
        return text[slice(*place)].strip() or str(self._tokenizer.id_to_token(id))


def _flat(rows: list[list[int]]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    flat: Any = np.fromiter((id for row in rows for id in row), dtype=np.int32, count=int(offsets[-1]))
    return flat, offsets
