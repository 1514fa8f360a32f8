"""How long a stage may take, and what becomes of work that takes longer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar, final

from foundation.errors import StageTimeout

T = TypeVar("T")


@final
class Deadline:
    """How long a stage may take."""

    def __init__(self, stage: str, seconds: float | None) -> None:
        self._stage = stage
        self.seconds = float("inf") if seconds is None else seconds
        self.at = time.monotonic() + self.seconds

    def held_to(self, work: Callable[[], T]) -> T:
        """The result of ``work``; one that takes too long is left alone, and what it writes is never published."""
        if self.seconds == float("inf"):
            return work()
        results: list[T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(work())
            except BaseException as error:  # raised again below, in the thread that waits
                errors.append(error)

        thread = threading.Thread(target=run, name=f"assemble {self._stage}", daemon=True)
        thread.start()
        thread.join(max(0.0, self.at - time.monotonic()))
        if errors:
            raise errors[0]
        if not results:
            raise StageTimeout(stage=self._stage, seconds=self.seconds)
        return results[0]
