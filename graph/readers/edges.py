"""All edges of a source, numbered, and what was noticed on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.ids import Ids
from graph.readers.batches import Batch, type_factor
from graph.readers.numbering import IntegerNumbering, StringNumbering
from graph.readers.params import EVERY_OTHER_TYPE, ReadParams

_MOST_TYPES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Rows of both ends of every edge that counts, in the order of the source.

    ``weights`` is None when every edge weighs 1; ``place_of`` tells where an edge stood ("line 7"), for messages.
    """

    node_ids: Ids
    src: npt.NDArray[Any]
    dst: npt.NDArray[Any]
    weights: npt.NDArray[np.float32] | None
    n_lines: int
    n_rejected: int
    n_dropped_types: int
    type_counts: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]
    place_of: Callable[[int], int | str | None]


@final
@dataclass(slots=True)
class Tally:
    """Counts of a whole source, and what they forbid."""

    source: str
    params: ReadParams
    types: Counter[str] = field(default_factory=Counter)
    n_lines: int = 0
    n_dropped: int = 0

    def add(self, n_lines: int, n_dropped: int, types: Mapping[str, int]) -> None:
        """Raises `InvalidInput` for a column that cannot be that of the types."""
        self.types.update(types)
        self.n_lines += n_lines
        self.n_dropped += n_dropped
        if len(self.types) > _MOST_TYPES:
            what = f"more than {_MOST_TYPES} distinct types, {next(iter(self.types))!r} one of them"
            raise InvalidInput(source=self.source, what=what, fix="set type to the column that holds the edge's type")

    def check(self, n_rejected: int, what_is_read: str) -> None:
        """Raises `InvalidInput` for types without a weight, or when no edge is left."""
        self._check_types(what_is_read)
        if self.n_lines == n_rejected:
            why = f"all of its {n_rejected} {what_is_read} were rejected" if n_rejected else "it holds no edges"
            raise InvalidInput(source=self.source, what=why, fix="write one edge a line: src, dst")
        if self.n_lines == n_rejected + self.n_dropped:
            fix = "give one of them a weight above 0"
            raise InvalidInput(source=self.source, what="type_weights drop every type in it", fix=fix)

    def notes(self, integers: bool) -> tuple[str, ...]:
        """What is known at the end: the kind of the ids, and types that were named in vain."""
        named = {name for name, _ in self.params.type_weights or ()} - {EVERY_OTHER_TYPE}
        unused = (f"type {name!r} of type_weights never occurs" for name in sorted(named - self.types.keys()))
        return ("ids are integers" if integers else "ids are strings", *unused)

    def type_counts(self) -> tuple[tuple[str, int], ...]:
        return tuple(sorted(self.types.items()))

    def _check_types(self, what_is_read: str) -> None:
        unknown = sorted(name for name in self.types if type_factor(self.params, name) is None)
        if unknown:
            listed = ", ".join(f"{name!r} ({self.types[name]} {what_is_read})" for name in unknown[:5])
            more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
            fix = f"add {unknown[0]!r} to type_weights, or {EVERY_OTHER_TYPE!r} for every other type (0 drops it)"
            raise InvalidInput(source=self.source, what=f"types without a weight: {listed}{more}", fix=fix)


class Collector:
    """Takes batches, gives `Edges`."""

    def __init__(self, source: str, params: ReadParams, integers: bool) -> None:
        self._tally = Tally(source, params)
        self._integers = integers
        self._ends: IntegerNumbering | StringNumbering = IntegerNumbering() if integers else StringNumbering()
        self._weights: list[npt.NDArray[np.float32] | None] = []

    def add(self, batch: Batch) -> None:
        self._ends.add(batch)
        self._weights.append(batch.weights)
        self._tally.add(batch.n_lines, batch.n_dropped, batch.types)

    def finish(
        self, n_rejected: int, notes: tuple[str, ...], place_of: Callable[[int], int | str | None], what_is_read: str
    ) -> Edges:
        """Number the ids; raises `InvalidInput` for types without a weight, or when no edge is left."""
        self._tally.check(n_rejected, what_is_read)
        weights = [part for part in self._weights if part is not None]
        self._weights.clear()
        joined = np.concatenate(weights) if weights else None
        node_ids, src, dst = self._ends.finish()
        return Edges(
            node_ids=node_ids,
            src=src,
            dst=dst,
            weights=None if joined is None or np.all(joined == 1) else joined,
            n_lines=self._tally.n_lines,
            n_rejected=n_rejected,
            n_dropped_types=self._tally.n_dropped,
            type_counts=self._tally.type_counts(),
            notes=(*notes, *self._tally.notes(self._integers)),
            place_of=place_of,
        )
