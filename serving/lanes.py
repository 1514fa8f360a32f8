"""Which calls may be under way at the same time, and how much of what waits one of them takes.

Calls of one kind keep to one lane while they are short: what comes meanwhile waits, and is asked together. Where they
take long, which is a running mean of what was measured, another begins on a core that is free, and takes its even share
of what waits: then being asked together costs nobody a core. All times are in seconds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final, final

from serving.jobs import Job
from serving.limits import Limits

# A call that takes longer is worth a core of its own: to hand one over takes some tenths of a millisecond.
LONG: Final = 0.01
# Weight of the newest call in a mean: follows a change of load within some ten calls.
NEWEST: Final = 0.1


@final
@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One that is under way: since when, and how long it should take; None: nobody knows."""

    since: float
    due: float | None

    def is_long(self, now: float) -> bool:
        """Whether it is worth no wait."""
        return self.due is None or max(self.due, now - self.since) > LONG


@final
class Lanes:
    """The calls under way, and what was learnt from those that ended. For one thread at a time."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._most_lanes = min(limits.lanes, limits.threads)
        self._calls: dict[Hashable, list[Call]] = {}
        self._means: dict[Hashable, float] = {}  # by kind, of a job of size 1
        self._heavy = 0
        self.seconds = 0.001  # of a job, whatever its kind
        self.running = 0

    def may_begin(self, job: Job) -> bool:
        """Whether a call for ``job`` may begin now, if there is a thread for it."""
        if job.heavy and self._heavy >= self._limits.heavy:
            return False
        calls = self._calls.get(job.lane, ())
        if not calls:
            return True
        if max(len(calls), self.running) >= self._most_lanes:
            return False
        now = self._clock()
        return all(call.is_long(now) for call in calls)

    def most(self, job: Job, waiting: int) -> int:
        """Up to which size a call that begins with ``job`` takes others along, of ``waiting`` in all with it."""
        mean = self._means.get(job.kind)
        short = 1 if mean is None else int(LONG / mean)
        if job.group is None:
            return short
        return min(max(short, math.ceil(waiting / self._most_lanes)), self._limits.batch)

    def begin(self, jobs: Sequence[Job]) -> Call:
        """Note that a call for these begins."""
        first, mean = jobs[0], self._means.get(jobs[0].kind)
        call = Call(self._clock(), None if mean is None else mean * _size(jobs))
        self.running += 1
        self._heavy += first.heavy
        if first.lane is not None:
            self._calls.setdefault(first.lane, []).append(call)
        return call

    def end(self, jobs: Sequence[Job], call: Call) -> None:
        """Note that it has ended, and how long it took."""
        first, seconds = jobs[0], self._clock() - call.since
        self.running -= 1
        self._heavy -= first.heavy
        if first.lane is not None:
            self._calls[first.lane].remove(call)
            if not self._calls[first.lane]:
                del self._calls[first.lane]  # with a group that names an engine
        self.seconds += NEWEST * (seconds / len(jobs) - self.seconds)
        if first.kind is not None:
            found = max(seconds, 1e-6) / _size(jobs)
            mean = self._means.setdefault(first.kind, found)
            self._means[first.kind] = mean + NEWEST * (found - mean)

    def wait(self, waiting: int) -> float:
        """How long it should take until so many jobs have begun."""
        return waiting * self.seconds / self._most_lanes


def _size(jobs: Sequence[Job]) -> int:
    return max(1, sum(job.size for job in jobs))  # a question without a query takes its time to be refused
