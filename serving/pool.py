"""A bounded pool for what computes, whose waiting line is what makes batches.

A job begins at once while there is a thread for it. When there is none it waits, and the thread that comes free takes
the job that has waited longest together with all others of its group: under no load nothing waits, under much load
batches grow by themselves. A job that finds the line full, or has waited too long in it, is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, final

from serving.limits import Limits

# Weight of the newest call in the mean time of a job: follows a change of load within some ten calls.
_NEWEST = 0.1
_MAX_RETRY = 60

Outcome = bytes | BaseException
Run = Callable[[Sequence[Any]], list[Outcome]]


@final
class Overloaded(Exception):  # a state, told to the caller as a problem
    """Refused without having begun; ``retry_after`` seconds from now there should be room."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


@final
@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """One request's question.

    Attributes
    ----------
    run : answers the ``what`` of one job, or of several of one ``group``, in order; raises nothing
    group : jobs of equal groups may be run together; None runs alone
    size : queries in it, or more if their lists are long: what a call is measured by
    heavy : takes one of the few places for what takes long
    """

    run: Run
    what: Any
    group: Hashable | None = None
    size: int = 1
    heavy: bool = False
    since: float = 0.0
    begun: bool = False
    n_together: int = 1
    answer: asyncio.Future[bytes] | None = None


@final
@dataclass(frozen=True, slots=True)
class PoolState:
    """Figures of a moment, and totals since the start."""

    running: int
    waiting: int
    calls: int
    jobs: int
    refused: int


@final
class Pool:
    """Threads that run jobs. `run` is for one event loop; its threads end with `close`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._groups: Counter[Hashable] = Counter()
        self._threads: list[threading.Thread] = []
        self._idle = self._running = self._heavy = 0
        self._calls = self._jobs = self._refused = 0
        self._seconds = 0.001  # of a job, a running mean
        self._closed = False

    async def run(self, job: Job) -> bytes:
        """The outcome of ``job``.

        Raises
        ------
        Overloaded
            When the line is full, or the job waited too long in it. Whatever else the job's outcome was.
        """
        loop = asyncio.get_running_loop()
        if self._limits.batch == 1:
            job.group = None  # alone in any case: it need not keep to a lane
        job.answer, job.since = loop.create_future(), time.monotonic()
        with self._changed:
            # Jobs for which there is a thread are among those waiting until it has taken them.
            if self._closed or len(self._waiting) >= self._limits.queue + self._limits.threads - self._running:
                self._refused += 1
                raise Overloaded(self._retry_after())
            self._waiting.append(job)
            if self._may_begin(job):
                self._wake()
        timer = loop.call_later(self._limits.wait_seconds, self._give_up, job)
        try:
            return await job.answer
        finally:
            timer.cancel()
            if not job.begun:
                self._leave(job)
            job.answer = None  # an exception knows this frame: a circle, which would keep the engine of an old version

    def state(self) -> PoolState:
        """What there is to say of it now."""
        with self._changed:
            return PoolState(self._running, len(self._waiting), self._calls, self._jobs, self._refused)

    def close(self) -> None:
        """Begin nothing more. Threads end after what they are at; a process that ends does not wait for them."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _give_up(self, job: Job) -> None:
        """Refuse a job that still waits."""
        if self._leave(job) and job.answer is not None and not job.answer.done():
            with self._changed:
                self._refused += 1
                retry_after = self._retry_after()
            job.answer.set_exception(Overloaded(retry_after))

    def _leave(self, job: Job) -> bool:
        with self._changed:
            if job.begun or job not in self._waiting:
                return False
            self._waiting.remove(job)
            return True

    def _retry_after(self) -> int:
        """Seconds until what waits now should have begun."""
        seconds = len(self._waiting) * self._seconds / self._limits.threads
        return min(_MAX_RETRY, max(1, round(seconds)))

    def _wake(self) -> None:
        """Have one more thread look for a job, if there is one that does nothing."""
        if self._idle:
            self._idle -= 1  # here and not when it awakes: the next one to wake must be another
            self._changed.notify()
        elif len(self._threads) < self._limits.threads:
            self._begin_thread()

    def _begin_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"answers {len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _may_begin(self, job: Job) -> bool:
        if job.heavy and self._heavy >= self._limits.heavy:
            return False
        return job.group is None or self._groups[job.group] < self._limits.lanes

    def _take(self) -> list[Job]:
        """The job that waited longest of those that may begin, and those that go with it; the lock is held."""
        first = next((job for job in self._waiting if self._may_begin(job)), None)
        if first is None:
            return []
        taken, size = [first], first.size
        if first.group is not None:
            for job in self._waiting:
                fits = size + job.size <= self._limits.batch
                if job is not first and (job.group, job.heavy) == (first.group, first.heavy) and fits:
                    taken.append(job)
                    size += job.size
        gone = set(map(id, taken))
        self._waiting = deque(job for job in self._waiting if id(job) not in gone)
        for job in taken:
            job.begun, job.n_together = True, len(taken)
        return taken

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (taken := self._take()):
                    if self._closed:
                        return
                    self._idle += 1
                    self._changed.wait()
                first = taken[0]
                self._running += 1
                self._heavy += first.heavy
                if first.group is not None:
                    self._groups[first.group] += 1
                if any(map(self._may_begin, self._waiting)):
                    self._wake()
            begun = time.monotonic()
            outcomes = first.run([job.what for job in taken])
            seconds = time.monotonic() - begun
            with self._changed:
                self._running -= 1
                self._heavy -= first.heavy
                if first.group is not None:
                    self._groups[first.group] -= 1
                    if not self._groups[first.group]:
                        del self._groups[first.group]
                self._calls += 1
                self._jobs += len(taken)
                self._seconds += _NEWEST * (seconds / len(taken) - self._seconds)
            _deliver(taken, outcomes)
            del taken, first, outcomes  # else an idle thread would keep the engine of an old version


def _deliver(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    """Hand outcomes to those who wait for them, in their event loop."""
    loop = next((answer.get_loop() for job in jobs if (answer := job.answer) is not None), None)
    if loop is None or loop.is_closed():
        return
    with contextlib.suppress(RuntimeError):  # it was closed just now: nobody waits any more
        loop.call_soon_threadsafe(_settle, jobs, outcomes)


def _settle(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.answer is None or job.answer.done():
            continue  # who asked has gone
        if isinstance(outcome, BaseException):
            job.answer.set_exception(outcome)
        else:
            job.answer.set_result(outcome)
