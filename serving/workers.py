"""Worker processes: forked before anything heavy is imported, watched, replaced when they die, ended in order.

They share the listening socket, so whoever is free takes the next connection, and one that dies takes none with it
that it has not begun. Versions are memory-mapped files, of which the kernel keeps one copy for all.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from typing import final

from serving.board import Board

STEADY_SECONDS = 10.0  # one that lived so long is replaced at once; one that did not, after a pause that doubles
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0
_LOOK_SECONDS = 1.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@final
class Workers:
    """As many processes as ``board`` has slots, each of which runs ``work(number)``.

    Parameters
    ----------
    work : for a main thread; ends when it gets SIGINT or SIGTERM
    grace_seconds : from such a signal until what is left is killed
    begun : called once, when all were begun and signals are passed on
    stopping : called once, when such a signal came
    log : told of every worker that dies
    """

    def __init__(
        self,
        work: Callable[[int], None],
        board: Board,
        *,
        grace_seconds: float,
        begun: Callable[[], None],
        stopping: Callable[[], None],
        log: Callable[[str], None],
    ) -> None:
        self._work = work
        self._board = board
        self._grace_seconds = grace_seconds
        self._tell_begun = begun
        self._stopping = stopping
        self._log = log
        self._fork = multiprocessing.get_context("fork")
        self._living: dict[int, multiprocessing.process.BaseProcess] = {}
        self._begun = [0.0] * board.n_workers
        self._pauses = [FIRST_PAUSE] * board.n_workers
        self._due = dict.fromkeys(range(board.n_workers), 0.0)
        self._died = 0
        self._told: int | None = None
        self._deadline = float("inf")

    def run(self) -> None:
        """Keep them running until SIGINT or SIGTERM, which they are given too; for a main thread."""
        reading, writing = os.pipe()  # its end is what tells workers that this process is gone, however it went
        try:
            with self._signals():
                self._begin_due(reading, writing)
                self._tell_begun()
                while self._told is None:
                    self._begin_due(reading, writing)
                    self._take_ended()
                self._stopping()
                while self._living:
                    self._take_ended()
                    if time.monotonic() > self._deadline:
                        for process in self._living.values():
                            process.kill()
        finally:
            os.close(reading)
            os.close(writing)

    def _begin_due(self, reading: int, writing: int) -> None:
        for number, due in list(self._due.items()):
            if time.monotonic() < due:
                continue
            process = self._fork.Process(target=self._child, args=(number, reading, writing), name=f"worker {number}")
            # A signal between the fork and the lines after it would be lost, or be passed on by the worker.
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            try:
                if self._told is not None:
                    return
                process.start()
                self._living[number] = process
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._begun[number] = time.monotonic()
            del self._due[number]
        self._board.count(len(self._living), self._died)

    def _child(self, number: int, reading: int, writing: int) -> None:
        os.setpgid(0, 0)  # Ctrl-C is for the first process, which passes it on
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.close(writing)
        threading.Thread(target=_end_with, args=(reading,), name="watches the first process", daemon=True).start()
        self._work(number)

    def _take_ended(self) -> None:
        numbers = {process.sentinel: number for number, process in self._living.items()}
        for sentinel in wait(list(numbers), self._patience()):
            number = numbers[sentinel]  # type: ignore[index]  # sentinels are what was asked for
            process = self._living.pop(number)
            process.join()
            code, pid = process.exitcode or 0, process.pid
            process.close()
            self._board.take(number, None)
            if self._told is None:
                self._replace(number, pid, code)

    def _replace(self, number: int, pid: int | None, code: int) -> None:
        self._died += 1
        now = time.monotonic()
        steady = now - self._begun[number] >= STEADY_SECONDS
        pause = 0.0 if steady else self._pauses[number]
        self._pauses[number] = FIRST_PAUSE if steady else min(2 * pause, LONGEST_PAUSE)
        self._due[number] = now + pause
        self._board.count(len(self._living), self._died)
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        after = f" in {pause:.1f} s" if pause else ""
        self._log(f"worker {number} (process {pid}) ended {how}; another takes its place{after}")

    def _patience(self) -> float:
        until = [*self._due.values(), self._deadline] if self._told is None else [self._deadline]
        return max(0.0, min(_LOOK_SECONDS, min(until) - time.monotonic()))

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def told(number: int, frame: object) -> None:  # noqa: ARG001  # the signature of a handler
            if self._told is None:
                self._deadline = time.monotonic() + self._grace_seconds
            self._told = number
            for process in list(self._living.values()):
                if process.pid is not None and process.is_alive():
                    os.kill(process.pid, number)

        before = {number: signal.signal(number, told) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _end_with(reading: int) -> None:
    """Wait for the end of the first process, then end this one in order."""
    os.read(reading, 1)
    os.kill(os.getpid(), signal.SIGTERM)
