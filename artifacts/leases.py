"""Locks in an object store, which has none: small objects that their holder rewrites every few seconds.

No clock is compared with another machine's. A lease is taken by a write that fails when the object exists; whoever
finds it taken watches whether it changes: a lease that stands still for `DEAD_SECONDS` of the watcher's own monotonic
clock belongs to nobody, and so does one of a process that is gone from this very machine. A holder that was asleep for
too long learns at its next rewrite, which is conditional, that the lease is not its own any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, final

from artifacts.processes import born
from foundation.errors import StoreLocked, StoreUnavailable

BEAT_SECONDS = 4.0
DEAD_SECONDS = 30.0
LOOK_SECONDS = 0.5


class Leasable(ABC):
    """What an object store offers to leases. Tags are opaque and differ after every write."""

    @abstractmethod
    def look(self, name: str) -> tuple[str, bytes] | None:
        """The tag and content of an object, or None."""

    @abstractmethod
    def put(self, name: str, data: bytes, tag: str | None) -> str | None:
        """Write if the object still has ``tag`` (None: does not exist); the new tag, or None when it was not so."""

    @abstractmethod
    def forget(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""

    @abstractmethod
    def children(self, prefix: str) -> list[str]:
        """Names of the objects below ``prefix``."""


@contextlib.contextmanager
def leased(
    place: Leasable, name: str, purpose: str, *, shared: bool, wait: float, on_wait: Callable[[str], None] | None
) -> Iterator[Callable[[], None]]:
    """Hold the lease ``name``; yields a function that raises `StoreLocked` once it was lost.

    Each side first writes its own lease and then looks for the other's, so that of two that come at once at least one
    sees the other; that one steps back and tries again.
    """
    mine = f"{name}/shared/{uuid.uuid4().hex}" if shared else f"{name}/sole"
    watcher = _Watcher(place, wait, on_wait, name)
    while True:
        holder = _Holder(place, mine, purpose)
        while (other := holder.take()) is not None:
            watcher.watch(mine, other)
        rivals = [f"{name}/sole"] if shared else place.children(f"{name}/shared/")
        standing = [(rival, seen) for rival in rivals if (seen := place.look(rival)) is not None]
        if not standing:
            break
        holder.drop()
        for rival, seen in standing:
            watcher.watch(rival, seen)
    with holder.beating():
        yield holder.check


@final
class _Holder:
    """One lease of ours."""

    def __init__(self, place: Leasable, name: str, purpose: str) -> None:
        self._place, self._name = place, name
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self._facts: dict[str, Any] = {"purpose": purpose, "since": since, "token": uuid.uuid4().hex, **_whoami()}
        self._tag: str | None = None
        self._lost = False
        self._stop = threading.Event()

    def take(self) -> tuple[str, bytes] | None:
        """None when it is ours now, else what stands in the way."""
        data = self._text()
        self._tag = self._place.put(self._name, data, None)
        if self._tag is not None:
            return None
        seen = self._place.look(self._name)
        if seen is not None and seen[1] == data:  # an answer that got lost on its way: the write was ours
            self._tag = seen[0]
            return None
        return seen or self.take()

    def drop(self) -> None:
        with contextlib.suppress(StoreUnavailable):  # then it stands still, and others take it in a while
            self._place.forget(self._name)

    def check(self) -> None:
        if self._lost:
            raise StoreLocked(path=self._name, holder="another process, since this one did not answer for too long")

    @contextlib.contextmanager
    def beating(self) -> Iterator[None]:
        thread = threading.Thread(target=self._beat, name=f"lease {self._name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            if not self._lost:
                self.drop()

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            self._facts["beat"] = self._facts.get("beat", 0) + 1
            try:
                tag = self._place.put(self._name, self._text(), self._tag)
                if tag is None:
                    seen = self._place.look(self._name)
                    tag = seen[0] if seen is not None and self._facts["token"].encode() in seen[1] else None
            except StoreUnavailable:
                continue  # the store may come back before anybody takes the lease
            if tag is None:
                self._lost = True
                return
            self._tag = tag

    def _text(self) -> bytes:
        return json.dumps(self._facts, sort_keys=True).encode()


@final
class _Watcher:
    """Waits for others' leases to go, or shows that nobody stands behind them."""

    def __init__(self, place: Leasable, wait: float, on_wait: Callable[[str], None] | None, name: str) -> None:
        self._place, self._name, self._on_wait = place, name, on_wait
        self._deadline = time.monotonic() + wait
        self._seen: dict[str, tuple[str, float]] = {}
        self._told = False

    def watch(self, rival: str, seen: tuple[str, bytes]) -> None:
        """One look at a lease in the way; removes it when it is dead, raises when it is alive and time is up."""
        tag, data = seen
        facts = _facts(data)
        now = time.monotonic()
        first, since = self._seen.setdefault(rival, (tag, now))
        moved = first != tag
        here = facts.get("space") == _space()
        alive = moved or (here and born(int(facts["pid"])) == facts["born"])
        if (here and not alive) or (not alive and now - since >= DEAD_SECONDS):
            if self._place.look(rival) == seen:
                self._place.forget(rival)
            self._seen.pop(rival, None)
            return
        if alive and now >= self._deadline:
            raise StoreLocked(path=self._name, holder=_named(facts))
        if moved:
            self._seen[rival] = (tag, now)
        if self._on_wait is not None and not self._told:
            self._on_wait(_named(facts))
            self._told = True
        time.sleep(LOOK_SECONDS)


def _whoami() -> dict[str, Any]:
    return {"pid": os.getpid(), "born": born(os.getpid()), "host": socket.gethostname(), "space": _space()}


def _space() -> str:
    """What process ids mean: this boot of this machine, and the namespace they are counted in."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return f"{file.read().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return uuid.uuid4().hex  # unknown: equal to no other


def _facts(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _named(facts: dict[str, Any]) -> str:
    if "pid" not in facts:
        return "a process that left no name"
    return f"process {facts['pid']} on {facts['host']} ({facts['purpose']}, since {facts['since']})"
