"""Which version of each index answers now, and how a newly published one takes its place.

An engine is one version and never changes; what changes is one reference to it. A look at an index is a look at its
pointer, a file of a few bytes, a few times a second at most. When the pointer was replaced, a thread of its own opens
and warms the new version while the old one answers, then the reference is swapped; requests that hold the old one keep
it alive until they end. A version that cannot be opened is refused: the one before goes on, and opening is tried again
from time to time, or at once when the pointer is replaced again.
"""

from __future__ import annotations

import contextlib
import difflib
import threading
import time
import weakref
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import final

from artifacts.publish import CURRENT, Release, read_release, version_names
from artifacts.store import Store, index_name
from foundation.errors import EngineError, StoreUnavailable, UnknownId
from serving.opener import Opener, Served, give_back, open_engine, open_version
from serving.pointer import pointed, stamp_of
from serving.slot import Slot, State, pending

RETRY_SECONDS = 30.0
CLOSE_SECONDS = 5.0
OPENINGS = 2  # versions opened at the same time: each maps files, reads them and may compile


def silent(line: str) -> None:
    """Tell nobody."""


@final
class Catalog:
    """Engines by index. Safe to share between threads.

    Parameters
    ----------
    opener : makes the engine of a version
    look_seconds : least time between two looks at the same pointer (default: what the store's place finds reasonable)
    retry_seconds : how long a refused version is left alone
    log : told in one line about every version that is opened or refused
    """

    def __init__(
        self,
        store: Store,
        opener: Opener = open_engine,
        *,
        look_seconds: float | None = None,
        retry_seconds: float = RETRY_SECONDS,
        log: Callable[[str], None] = silent,
    ) -> None:
        self._store = store
        self._opener = opener
        self._look_seconds = store.place.look_seconds if look_seconds is None else look_seconds
        self._retry_seconds = retry_seconds
        self._log = log
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(OPENINGS)
        self._slots: dict[str, Slot] = {}
        self._threads: set[threading.Thread] = set()
        self._closed = False

    def ask(self, index: str) -> Future[Served]:
        """What serves ``index`` now; done at once unless the index is being opened for the first time.

        The future holds an `EngineError` when no version of the index could be opened.

        Raises
        ------
        UnknownId
            Nothing is published under that name.
        StoreUnavailable
            The pointer cannot be read.
        """
        slot = self._slots.get(index)
        if slot is None or (time.monotonic() >= slot.next_look and (self._store.place.near or slot.served is None)):
            slot = self._look_at(index)
        elif time.monotonic() >= slot.next_look:
            self._look_aside(index, slot)
        if slot is None:
            known = self.names()
            nearest = difflib.get_close_matches(index[:100], known, n=3, cutoff=0.5) or known[:3]
            raise UnknownId(kind="index", id=index, where="this store", nearest=tuple(nearest))
        return slot.answer

    def look(self, *, at_once: bool = False) -> None:
        """Look at every index there is, so that new ones and new versions begin to open.

        Those that were looked at a moment ago are left out, unless it is to be ``at_once``.
        """
        if at_once:
            with self._lock:
                for slot in self._slots.values():
                    slot.next_look = 0.0
        for index in {*self.names(), *self._slots}:
            with contextlib.suppress(StoreUnavailable):  # who asks for that index is told
                self._look_at(index)

    def names(self) -> list[str]:
        """Indexes that have a published version."""
        return [name for name in self._store.index_names() if CURRENT in self._store.place.names(index_name(name))]

    def states(self) -> list[State]:
        """Of every index that was looked at, by name."""
        with self._lock:
            return [slot.state(index) for index, slot in sorted(self._slots.items())]

    def releases(self, index: str) -> list[Release]:
        """The versions of an index that can be read, newest first; one that cannot does not hide the others."""
        found = []
        for version in version_names(self._store, index):
            try:
                found.append(read_release(self._store, index, version))
            except (EngineError, OSError):  # damaged, or removed by gc since the listing
                continue
        return sorted(found, key=lambda release: (release.created, release.version), reverse=True)

    def close(self) -> None:
        """Begin no more openings, and give those under way a moment to end."""
        with self._lock:
            self._closed = True
            threads = list(self._threads)
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _look_aside(self, index: str, slot: Slot) -> None:
        """Look while the version that is served answers: a look far away takes its time."""
        with self._lock:
            if time.monotonic() < slot.next_look or self._closed:
                return
            slot.next_look = time.monotonic() + self._look_seconds
        threading.Thread(target=self._follow_far, args=(index,), name=f"look at {index}", daemon=True).start()

    def _follow_far(self, index: str) -> None:
        with contextlib.suppress(StoreUnavailable):  # what is mapped still answers
            stamp = stamp_of(self._store, index)
            with self._lock:
                self._follow(index, stamp)

    def _look_at(self, index: str) -> Slot | None:
        with self._lock:
            slot = self._slots.get(index)
            if slot is not None and time.monotonic() < slot.next_look:
                return slot  # another thread was faster
            try:
                stamp = stamp_of(self._store, index)
            except StoreUnavailable:
                if slot is None or slot.served is None:
                    raise
                stamp = slot.stamp  # what is mapped still answers
            return self._follow(index, stamp)

    def _follow(self, index: str, stamp: Hashable | None) -> Slot | None:
        """Begin to open what the pointer names, if that is due; the lock is held."""
        if stamp is None:
            self._slots.pop(index, None)
            return None
        slot = self._slots.setdefault(index, Slot())
        now = time.monotonic()
        slot.next_look = now + self._look_seconds
        due = stamp != slot.stamp or (slot.refused is not None and now >= slot.retry_at)
        if due and not slot.opening and not self._closed:
            slot.stamp, slot.opening = stamp, True
            if slot.served is None and slot.answer.done():
                slot.answer = pending()
            thread = threading.Thread(target=self._open, args=(index, slot), name=f"open {index}", daemon=True)
            self._threads.add(thread)
            thread.start()
        return slot

    def _open(self, index: str, slot: Slot) -> None:
        before = weakref.ref(slot.served.engine) if slot.served else None
        try:
            is_new = self._replace(index, slot)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())
        if is_new and before is not None:
            give_back(before)

    def _replace(self, index: str, slot: Slot) -> bool:
        """Serve what the pointer names, if it can be; False when what is served stays."""
        with self._turns:
            found = open_version(self._store, index, self._opener)
        stamp, named = pointed(self._store, index)
        version = found.engine.version if isinstance(found, Served) else found.version
        with self._lock:
            waiting, slot.opening = slot.answer, False
            first = not waiting.done()
            if slot.served is not None and version != named == slot.served.engine.version:
                # The pointer went back meanwhile: what was opened is not to be served.
                slot.stamp, slot.refused = stamp, None
                return False
            slot.take(found, time.monotonic() + self._retry_seconds)
            kept = slot.served
        # Told before anyone is answered, who might end the process.
        if isinstance(found, Served):
            self._log(f"index {index}: serving version {version}")
            if first:
                waiting.set_result(found)
            return True
        rest = f"version {kept.engine.version} goes on" if kept else "there is none to go on with"
        cause = " ".join(found.cause.split())
        self._log(f"index {index}: version {version} refused, {rest}: {cause}")
        if first:
            waiting.set_exception(found.error)
        return False
