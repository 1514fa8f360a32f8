"""What a service knows of one index: which version answers, which was refused, whether one is being opened."""

from __future__ import annotations

from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import final

from serving.opener import Refused, Served


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What there is to say about an index without asking it."""

    index: str
    served: Served | None
    refused: Refused | None
    n_refused: int
    opening: bool


@final
class Slot:
    """One index. ``answer`` is what `Catalog.ask` hands out: replaced as a whole, pending only before ``served``."""

    def __init__(self) -> None:
        self.answer: Future[Served] = pending()
        self.served: Served | None = None
        self.refused: Refused | None = None
        self.n_refused = 0
        self.opening = False
        self.stamp: Hashable | None = None  # of the pointer that was followed last
        self.next_look = 0.0
        self.retry_at = 0.0

    def state(self, index: str) -> State:
        """As it is now."""
        return State(
            index=index,
            served=self.served,
            refused=self.refused,
            n_refused=self.n_refused,
            opening=self.opening,
        )

    def take(self, found: Served | Refused, retry_at: float) -> None:
        """Note what came of opening; who waits for the first answer is told by whoever opened."""
        if isinstance(found, Refused):
            self.refused, self.n_refused, self.retry_at = found, self.n_refused + 1, retry_at
            return
        if self.answer.done():
            self.answer = pending()
            self.answer.set_result(found)
        self.served, self.refused = found, None


def pending() -> Future[Served]:
    """An answer that nobody has yet."""
    future: Future[Served] = Future()
    future.set_running_or_notify_cancel()  # shared by all who wait: one who gives up must not cancel it
    return future
