"""What a pool runs: one request's question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, final

Outcome = bytes | BaseException
Run = Callable[[Sequence[Any]], list[Outcome]]


@final
@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """One request's question.

    Attributes
    ----------
    run : answers the ``what`` of one job, or of several of one ``group``, in order; raises nothing
    group : jobs of equal groups may be run together, in one call; None: each by itself
    kind : jobs of equal kinds take equally long, measured by their size; those without a group are run one after the
        other by one thread as long as that takes no time to speak of. None: nobody knows how long it takes
    size : queries in it, or more if their lists are long: what a call is measured by
    heavy : takes one of the few places for what takes long
    """

    run: Run
    what: Any
    group: Hashable | None = None
    kind: Hashable | None = None
    size: int = 1
    heavy: bool = False
    since: float = 0.0
    begun: bool = False
    n_together: int = 1
    answer: asyncio.Future[bytes] | None = None

    @property
    def lane(self) -> Hashable | None:
        """What its calls keep to; None: it may always begin."""
        key = self.kind if self.group is None else self.group
        return None if key is None else (self.heavy, key)

    def run_with(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcomes of several of its lane, itself among them."""
        if self.group is not None:
            return self.run([job.what for job in jobs])
        return [outcome for job in jobs for outcome in job.run([job.what])]
