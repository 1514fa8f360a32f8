"""A bounded pool for what computes, whose waiting line is what makes batches.

A job begins at once when `serving.lanes` lets it and there is a thread. Otherwise it waits, and the thread that comes
free takes the job that has waited longest together with others like it: under no load nothing waits, under much load
batches grow by themselves. A job that finds the line full, or has waited too long in it, is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from serving.jobs import Job, Outcome
from serving.lanes import LONG, Lanes
from serving.limits import Limits

_MAX_RETRY = 60


@final
class Overloaded(Exception):  # a state, told to the caller as a problem
    """Refused without having begun; ``retry_after`` seconds from now there should be room."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


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
        self._lanes = Lanes(limits)
        self._threads: list[threading.Thread] = []
        self._idle = self._calls = self._jobs = self._refused = 0
        self._looks_again = False
        self._closed = False

    async def run(self, job: Job) -> bytes:
        """The outcome of ``job``.

        Raises
        ------
        Overloaded
            When the line is full, or the job waited too long in it. Whatever else the job's outcome was.
        """
        loop = asyncio.get_running_loop()
        job.answer, job.since = loop.create_future(), time.monotonic()
        with self._changed:
            # Jobs for which there is a thread are among those waiting until it has taken them.
            if self._closed or len(self._waiting) >= self._limits.queue + self._limits.threads - self._lanes.running:
                self._refused += 1
                raise Overloaded(self._retry_after())
            self._waiting.append(job)
            if self._lanes.may_begin(job):
                self._wake()
            elif not self._looks_again:
                self._looks_again = True
                loop.call_later(LONG, self._look_again, loop)
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
            return PoolState(self._lanes.running, len(self._waiting), self._calls, self._jobs, self._refused)

    def close(self) -> None:
        """Begin nothing more. Threads end after what they are at; a process that ends does not wait for them."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        """A call under way may have turned out to be a long one: then what waits for it need not."""
        with self._changed:
            self._looks_again = bool(self._waiting) and not self._closed
            if any(map(self._lanes.may_begin, self._waiting)):
                self._wake()
        if self._looks_again:
            loop.call_later(LONG, self._look_again, loop)

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
        return min(_MAX_RETRY, max(1, round(self._lanes.wait(len(self._waiting)))))

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

    def _take(self) -> list[Job]:
        """The job that waited longest of those that may begin, and those that go with it; the lock is held."""
        first = next((job for job in self._waiting if self._lanes.may_begin(job)), None)
        if first is None:
            return []
        taken, size = [first], first.size
        if first.lane is not None:
            like = [job for job in self._waiting if job.lane == first.lane]
            most = self._lanes.most(first, sum(job.size for job in like))
            for job in like:
                if job is not first and size + job.size <= most:
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
                call = self._lanes.begin(taken)
                if any(map(self._lanes.may_begin, self._waiting)):
                    self._wake()
            outcomes = taken[0].run_with(taken)
            with self._changed:
                self._lanes.end(taken, call)
                self._calls += 1
                self._jobs += len(taken)
            _deliver(taken, outcomes)
            del taken, outcomes  # else an idle thread would keep the engine of an old version


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
