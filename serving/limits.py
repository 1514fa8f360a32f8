"""What one process takes on at a time, and how long it may take over one request."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, fields, replace
from typing import final

from foundation.errors import InvalidParams

_CORES = os.cpu_count() or 1


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Beyond these a request is refused, early and with a reason, instead of slowing down all others.

    Attributes
    ----------
    threads : questions that are computed at the same time; those beyond one a core are for questions that wait for
        the disk
    heavy : of these, questions that take long (exact rankings, hundreds of queries), so that others pass them by
    lanes : calls of one kind at the same time where they take long, as many as there are cores for them; what comes
        while they are under way waits, and is asked in one call. Short calls keep to one lane
    batch : queries of several requests that one call of an engine answers; 1 asks each request alone
    queue : questions that wait for a thread
    wait_seconds : the longest that a question waits for a thread
    seconds : the longest from the first byte of a request to the end of its answer
    cache_bytes : answers kept, with the bodies they answer; 0 keeps none
    """

    threads: int = field(default_factory=lambda: _CORES + 4)
    heavy: int = field(default_factory=lambda: max(1, _CORES // 2))
    lanes: int = field(default_factory=lambda: _CORES)
    batch: int = 256
    queue: int = 512
    wait_seconds: float = 5.0
    seconds: float = 60.0
    cache_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        for one in fields(self):
            value, least = getattr(self, one.name), 0 if one.name in ("queue", "cache_bytes") else 1
            kinds = (int, float) if one.name.endswith("seconds") else (int,)
            if isinstance(value, bool) or not isinstance(value, kinds):
                raise InvalidParams(name=one.name, value=value, allowed="a number" if float in kinds else "an integer")
            if float in kinds and not 0 < value <= 86_400:
                raise InvalidParams(name=one.name, value=value, allowed="more than 0 and at most 86400 seconds")
            if int in kinds and float not in kinds and value < least:
                raise InvalidParams(name=one.name, value=value, allowed=f"{least} or more")

    def shared(self, n_workers: int) -> Limits:
        """What each of ``n_workers`` processes takes on, so that all together take on about as much as this."""
        if n_workers == 1:
            return self
        return replace(
            self,
            threads=math.ceil(self.threads / n_workers),
            heavy=math.ceil(self.heavy / n_workers),
            lanes=math.ceil(self.lanes / n_workers),
            queue=math.ceil(self.queue / n_workers),
            cache_bytes=self.cache_bytes // n_workers,
        )
