"""The journal of an index: how its last builds ended, the ones that failed too.

``indexes/<name>/journal.json`` holds the last 100 attempts and is replaced as a whole. Attempts are ordered by their
number, never by a clock: clocks are set back. An attempt is written when it begins and again when it ends, so one whose
process was killed is found out: its entry still runs and its process does not.
"""

from __future__ import annotations

import dataclasses
import json
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import final

from artifacts.processes import born
from artifacts.store import Store, index_name
from foundation.errors import ArtifactCorrupt

JOURNAL = "journal.json"
VERSION = 1
KEPT = 100
LOCK_SECONDS = 10.0  # the lock is held for one small write

RUNNING, REFUSED, KILLED = "running", "refused", "killed"
SUCCEEDED = ("published", "unchanged")
FAILED = ("failed", KILLED)
# What an attempt that had the index to itself can end as; "built" is one that was asked for some stages only.
_HELD_THE_INDEX = (*SUCCEEDED, "built", "failed")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One build.

    ``outcome`` is "published", "unchanged" (all was there already), "built" (some stages only), "failed", "cancelled",
    "refused" (somebody else was building), "killed" (its process is gone) or "running". ``started`` is UTC in ISO
    8601. ``error`` is one line. ``pid``, ``born`` (clock ticks between boot and its start) and ``host`` say which
    process it is.
    """

    number: int
    outcome: str
    started: str
    seconds: float = 0.0
    version: str | None = None
    error: str | None = None
    pid: int
    born: int
    host: str

    def ended(self) -> datetime:
        """When it ended; when it began, while it runs."""
        return datetime.fromtimestamp(datetime.fromisoformat(self.started).timestamp() + self.seconds, UTC)


def read_attempts(store: Store, index: str) -> list[Attempt]:
    """What is known of the last builds, oldest first; empty when there is no journal.

    Raises
    ------
    ArtifactCorrupt
        The file is not a journal.
    """
    name = f"{index_name(index)}/{JOURNAL}"
    try:
        attempts = [Attempt(**entry) for entry in json.loads(store.place.read(name))["attempts"]]
        for attempt in attempts:
            attempt.ended()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ArtifactCorrupt(
            path=f"{store.address}/{name}",
            what=f"not a journal of builds ({error})",
            fix="remove it: the next build begins a new one",
        ) from None
    return _settled(sorted(attempts, key=lambda attempt: attempt.number))


def begin_attempt(store: Store, index: str) -> int:
    """Note that this process begins a build; the attempt's number is returned."""
    number = 0

    def add(attempts: list[Attempt]) -> list[Attempt]:
        nonlocal number
        number = attempts[-1].number + 1 if attempts else 1
        begun = Attempt(
            number=number,
            outcome=RUNNING,
            started=datetime.now(UTC).isoformat(timespec="milliseconds"),
            pid=os.getpid(),
            born=born(os.getpid()) or 0,
            host=socket.gethostname(),
        )
        return [*attempts, begun]

    _change(store, index, add)
    return number


def end_attempt(
    store: Store, index: str, number: int, outcome: str, seconds: float, *, version: str | None, error: str | None
) -> None:
    """Note how the attempt ``number`` ended."""

    def end(attempts: list[Attempt]) -> list[Attempt]:
        return [
            dataclasses.replace(a, outcome=outcome, seconds=round(seconds, 3), version=version, error=error)
            if a.number == number
            else a
            for a in attempts
        ]

    _change(store, index, end)


def _change(store: Store, index: str, change: Callable[[list[Attempt]], list[Attempt]]) -> None:
    purpose = f"noting a build of {index}"
    with store.place.lock(f"journal-{index}", purpose, shared=False, wait=LOCK_SECONDS, on_wait=None):
        try:
            attempts = read_attempts(store, index)
        except ArtifactCorrupt:
            attempts = []  # a journal is no reason not to build
        kept = [dataclasses.asdict(attempt) for attempt in change(attempts)[-KEPT:]]
        text = json.dumps({"format_version": VERSION, "attempts": kept}, indent=1) + "\n"
        store.place.write(f"{index_name(index)}/{JOURNAL}", text.encode())


def _settled(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Attempts whose process is gone, as far as can be seen from here, are killed ones."""
    settled: list[Attempt] = []
    taken_over = False  # a later attempt had the index to itself
    for attempt in reversed(attempts):
        if attempt.outcome == RUNNING and (taken_over or not _lives(attempt)):
            attempt = dataclasses.replace(attempt, outcome=KILLED, error="its process ended without a word")
        taken_over = taken_over or attempt.outcome in _HELD_THE_INDEX
        settled.append(attempt)
    return settled[::-1]


def _lives(attempt: Attempt) -> bool:
    """Whether the attempt's process exists; one on another machine is believed to."""
    return attempt.host != socket.gethostname() or born(attempt.pid) == attempt.born
