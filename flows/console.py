"""Progress on stderr: a live bar with rate and time left on a terminal, lines from time to time in a log file."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any, final

from foundation.progress import Progress

LOG_SECONDS = 30.0  # between two lines of a stage in a log file


@final
class Pace:
    """How far a stage is, how fast it goes, and how long it will take at that rate.

    The rate is the mean since the stage began: partitions differ, and a mean over few of them jumps about.
    """

    def __init__(self, label: str, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.label, self.total, self.done = label, total, 0
        self._clock = clock
        self._begun = clock()
        self._ended: float | None = None

    def step(self, done: int) -> None:
        self.done += done

    def end(self) -> None:
        """Stop the clock."""
        self._ended = self._clock()

    @property
    def seconds(self) -> float:
        """Since the stage began; never negative."""
        return max(0.0, (self._clock() if self._ended is None else self._ended) - self._begun)

    def percent(self) -> float:
        return 100.0 * min(1.0, self.done / self.total) if self.total > 0 else 100.0

    def rate(self) -> float | None:
        """Parts a second; None before there is one."""
        return self.done / self.seconds if self.done and self.seconds > 0 else None

    def left(self) -> float | None:
        """Seconds to go; None when it cannot be told."""
        rate = self.rate()
        return None if rate is None else max(0, self.total - self.done) / rate

    def text(self) -> str:
        """``12/48 parts  0.35 parts/s  1:43 left``; without what is not known, or over."""
        facts = [f"{self.done}/{self.total} parts"]
        if self._ended is not None:
            facts.append(in_clock(self.seconds))
        rate, left = self.rate(), self.left()
        if rate is not None:
            facts.append(f"{rate:.3g} parts/s")
        if left and self._ended is None:
            facts.append(f"{in_clock(left)} left")
        return "  ".join(facts)


def in_clock(seconds: float) -> str:
    """``7.5 s`` below a minute, then ``m:ss`` and ``h:mm:ss``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@final
class ConsoleProgress(Progress):
    """A bar on a terminal; in a log file a line every 30 s of a stage and one at its end.

    Parameters
    ----------
    log_seconds : time between the lines in a log file
    """

    def __init__(self, log_seconds: float = LOG_SECONDS) -> None:
        self._live = sys.stderr.isatty()
        self._log_seconds = log_seconds
        self._pace = Pace("", 0)
        self._bar: Any = None
        self._task: Any = None
        self._closed = threading.Event()
        self._ticker: threading.Thread | None = None

    def init(self, label: str, total: int) -> None:
        self._pace = Pace(label, total)
        if self._live:
            self._begin_bar()
            return
        self._closed = threading.Event()
        # A thread, since a single partition may take much longer than the time between two lines.
        self._ticker = threading.Thread(target=self._tick, args=(self._pace, self._closed), daemon=True)
        self._ticker.start()

    def step(self, done: int = 1) -> None:
        self._pace.step(done)
        if self._bar is not None:
            self._bar.update(self._task, completed=self._pace.done, rate=self._rate())

    def close(self) -> None:
        self._pace.end()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            return
        self._closed.set()
        if self._ticker is not None:
            self._ticker.join()
            self._ticker = None
        _say(f"{self._pace.label:<16} {self._pace.text()}")

    def _tick(self, pace: Pace, closed: threading.Event) -> None:
        while not closed.wait(self._log_seconds):
            _say(f"{pace.label:<16} {pace.text()}")

    def _begin_bar(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:>12}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            refresh_per_second=5,
        )
        self._bar.start()
        self._task = self._bar.add_task(self._pace.label, total=self._pace.total, rate="")

    def _rate(self) -> str:
        rate = self._pace.rate()
        return "" if rate is None else f"{rate:.3g} parts/s"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  # this file is the console
