"""Progress on stderr: a live bar on a terminal, one line per stage elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, final

from foundation.progress import Progress


@final
class ConsoleProgress(Progress):
    """Bar with rate and time left on a terminal; a line at the end of each stage in a log file."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._label, self._total, self._done, self._begun = "", 0, 0, 0.0

    def init(self, label: str, total: int) -> None:
        self._label, self._total, self._done, self._begun = label, total, 0, time.monotonic()
        if self._live:
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
                TimeElapsedColumn(),
                TimeRemainingColumn(compact=True),
                console=Console(stderr=True),
                refresh_per_second=5,
            )
            self._bar.start()
            self._task = self._bar.add_task(label, total=total)

    def step(self, done: int = 1) -> None:
        self._done += done
        if self._bar is not None:
            self._bar.advance(self._task, done)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            return
        seconds = time.monotonic() - self._begun
        print(f"{self._label:<16} {self._done}/{self._total} parts  {seconds:.1f} s", file=sys.stderr, flush=True)  # noqa: T201  # this file is the console
