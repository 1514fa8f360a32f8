"""What a worker has counted, in a form that can be shown to other workers and added up."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import final

import orjson

# Seconds: an answer from memory takes about a millisecond, an exact ranking of a large graph many seconds.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@final
@dataclass(slots=True)
class IndexFigures:
    """Of one index: versions that answer and that are refused (by one worker or another), times refused, opening."""

    served: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    refusals: int = 0
    opening: bool = False


@final
@dataclass(slots=True)
class Figures:
    """Figures of one worker, or of several added up.

    Attributes
    ----------
    requests : by "status route", how many took so long, one number for each of `BUCKETS` and one beyond; then their
        seconds in all
    totals : counts since the start
    levels : of the moment
    indexes : by name
    """

    requests: dict[str, list[float]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    indexes: dict[str, IndexFigures] = field(default_factory=dict)

    @classmethod
    def read(cls, text: bytes) -> Figures:
        """From what `written` gave; of nothing, no figures."""
        if not text:
            return cls()
        found = orjson.loads(text)
        indexes = {name: IndexFigures(**one) for name, one in found.pop("indexes").items()}
        return cls(indexes=indexes, **found)

    def written(self) -> bytes:
        """As JSON."""
        return orjson.dumps(self)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        row = self.requests.setdefault(f"{status} {route}", [0.0] * (len(BUCKETS) + 2))
        row[bisect_left(BUCKETS, seconds)] += 1
        row[-1] += seconds

    def counted(self) -> Figures:
        """What goes on from here when a worker takes the place of the one that had these."""
        refusals = {name: IndexFigures(refusals=one.refusals) for name, one in self.indexes.items()}
        return Figures(requests=self.requests, totals=self.totals, indexes=refusals)


def together(several: Iterable[Figures]) -> Figures:
    """All of them added up."""
    whole = Figures()
    for one in several:
        for key, row in list(one.requests.items()):  # the event loop may be counting meanwhile
            before = whole.requests.get(key)
            whole.requests[key] = row[:] if before is None else [a + b for a, b in zip(before, row, strict=True)]
        for name, count in one.totals.items():
            whole.totals[name] = whole.totals.get(name, 0) + count
        for name, level in one.levels.items():
            whole.levels[name] = whole.levels.get(name, 0) + level
        for name, index in one.indexes.items():
            known = whole.indexes.setdefault(name, IndexFigures())
            known.served = sorted({*known.served, *index.served})
            known.refused = sorted({*known.refused, *index.refused})
            known.refusals += index.refusals
            known.opening |= index.opening
    return whole
