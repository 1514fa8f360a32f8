"""Fingerprints of what a build reads from outside the store, and whether they still hold when it was read.

A fingerprint is the SHA-256 of the content and nothing else. Where a source looks exactly as it did when it was last
hashed (`flows.marks`), the fingerprint is taken from the ledger instead of reading it all again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from artifacts.store import Store
from flows.ledger import Ledger, read_ledger, write_ledger
from flows.marks import Mark, read_mark, unreadable
from foundation.errors import InvalidInput
from foundation.sources import is_url

_CHUNK = 1 << 20


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A source as this build knows it; ``read`` says whether it was read to know it."""

    sha256: str
    size: int
    mark: Mark | None
    settled: bool
    read: bool


@final
class Sources:
    """The sources of one build: each has one fingerprint from beginning to end.

    ``ledger`` is what earlier builds found, ``trust`` whether it is believed, ``now`` the clock in nanoseconds.
    """

    def __init__(
        self, ledger: Ledger | None = None, *, trust: bool = True, now: Callable[[], int] = time.time_ns
    ) -> None:
        self._known = ledger or Ledger()
        self._trust = trust
        self._now = now
        self._seen: dict[str, Seen] = {}
        self._identities: dict[str, Mapping[str, Any]] = {}

    @classmethod
    def of(cls, store: Store | None, *, trust: bool = True) -> Sources:
        """With the ledger of ``store``, if there is a store."""
        return cls(None if store is None else read_ledger(store.place), trust=trust)

    @property
    def seen(self) -> Mapping[str, Seen]:
        """All sources that were asked for."""
        return self._seen

    def fingerprint(self, source: str) -> str:
        """SHA-256 of the bytes at a path or fsspec URL, as they are stored (compressed or not).

        Raises
        ------
        InvalidInput
            When there is no such file, it cannot be read, or it changed while it was read.
        """
        if source not in self._seen:
            self._seen[source] = self._look(source)
        return self._seen[source].sha256

    def check(self, source: str) -> None:
        """Make sure that ``source`` still has the fingerprint it had.

        Raises
        ------
        InvalidInput
            When it has another one, or is gone.
        """
        before = self._seen[source]
        mark = read_mark(source)
        same = before.settled and mark is not None and mark == before.mark and mark.is_settled(self._now())
        if not (self._trust and same) and _hashed(source)[0] != before.sha256:
            raise _changed(source)

    def identity(self, key: str, make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """What ``make`` returns, or returned before for the same ``key``."""
        if key not in self._identities:
            known = self._known.identities.get(key)
            self._identities[key] = make() if known is None else known
        return self._identities[key]

    def size_of(self, sha256: str) -> int | None:
        """Bytes of a content that was seen now or earlier."""
        now = next((seen.size for seen in self._seen.values() if seen.sha256 == sha256), None)
        return self._known.sizes.get(sha256) if now is None else now

    def remember(self, store: Store) -> None:
        """Write into the store's ledger what was found; nothing is written when it knows all of it."""
        found = self._found()
        with store.making("sources"):
            known = read_ledger(store.place)
            if known.joined(found) != known:
                write_ledger(store.place, known.joined(found))

    def _found(self) -> Ledger:
        settled = {
            source: {"sha256": seen.sha256, "mark": dict(seen.mark.facts)}
            for source, seen in self._seen.items()
            if seen.settled and seen.mark is not None
        }
        return Ledger(settled, self._identities, {seen.sha256: seen.size for seen in self._seen.values()})

    def _look(self, source: str) -> Seen:
        now = self._now()
        mark = read_mark(source)
        settled = mark is not None and mark.is_settled(now)
        known = self._known.sources.get(source)
        if self._trust and settled and mark is not None and known is not None and known["mark"] == mark.facts:
            return Seen(sha256=known["sha256"], size=mark.size, mark=mark, settled=True, read=False)
        sha256, size = _hashed(source)
        if read_mark(source) != mark:
            raise _changed(source)
        return Seen(sha256=sha256, size=size, mark=mark, settled=settled, read=True)


def _hashed(source: str) -> tuple[str, int]:
    """SHA-256 and number of the bytes."""
    digest, size = hashlib.sha256(), 0
    try:
        if is_url(source):
            import fsspec

            opened = fsspec.open(source, "rb")
        else:
            opened = Path(source).open("rb")  # noqa: SIM115  # closed by the line below
        with opened as stream:
            while block := stream.read(_CHUNK):
                digest.update(block)
                size += len(block)
    except Exception as error:  # OSError, and whatever else a remote place's library raises
        raise unreadable(source, error) from None
    return digest.hexdigest(), size


def _changed(source: str) -> InvalidInput:
    return InvalidInput(source=source, what="changed while it was read", fix="run again")
