"""Answers that were given, kept as they went out, for as long as their version is served and there is room."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import final

MAX_BODY = 16 << 10  # bytes of a question that is kept; larger ones are rarely asked twice
_OVERHEAD = 256  # bytes a kept answer takes beside itself: key, entry, lengths

Key = tuple[str, str, str, bytes]


@final
class AnswerCache:
    """The answers asked for most recently, up to so many bytes. For one thread: the event loop's.

    A key names index, version, question and body, so an answer can only be given again for the version that gave it;
    that every answer depends on these alone is what engines promise.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self.n_bytes = self.hits = self.misses = 0

    @staticmethod
    def key(index: str, version: str, question: str, body: bytes) -> Key:
        """Of a question as it was sent."""
        # Hashed, so that nothing of what people ask stays in memory but the answers.
        return index, version, question, hashlib.sha256(body).digest()

    def get(self, key: Key) -> bytes | None:
        """The answer if it is kept."""
        found = self._kept.get(key)
        if found is None:
            self.misses += 1
            return None
        self._kept.move_to_end(key)
        self.hits += 1
        return found

    def keep(self, key: Key, answer: bytes) -> None:
        """Keep an answer, dropping those not asked for longest; one that takes a quarter of the room is not kept."""
        size = len(answer) + _OVERHEAD
        if size > self._max_bytes // 4 or key in self._kept:
            return
        self._kept[key] = answer
        self.n_bytes += size
        while self.n_bytes > self._max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self.n_bytes -= len(dropped) + _OVERHEAD

    def __len__(self) -> int:
        return len(self._kept)
