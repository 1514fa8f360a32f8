"""Which documents a grown index has: of every id the newest that was not removed, in the order of the ids.

Parts are the base (0) and the segments in the order they were added. Rows of the whole are numbered as a build of all
the same documents would number them.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.ids import Ids, IntegerIds

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GrownRows:
    """Where each document of the whole lies.

    Attributes
    ----------
    parts : int16 (n_docs,), the part that holds it
    rows : int64 (n_docs,), its row there
    places : for each part int64 (rows of the part,): the document's row of the whole, -1 for one replaced or removed
    """

    parts: npt.NDArray[np.int16]
    rows: Int64s
    places: tuple[Int64s, ...]

    @classmethod
    def of(cls, parts: npt.NDArray[np.int16], rows: Int64s, sizes: Sequence[int]) -> GrownRows:
        """With the places of ``sizes[p]`` rows in part p."""
        places = tuple(np.full(size, -1, dtype=np.int64) for size in sizes)
        for part, mine in enumerate(places):
            here = np.flatnonzero(parts == part)
            mine[rows[here]] = here
        return cls(parts=parts, rows=rows, places=places)

    @property
    def n_docs(self) -> int:
        return int(self.rows.size)

    def allowed(self, part: int, where: Bools | None) -> Bools | None:
        """Rows of a part that may be found, bool; None when all may. ``where`` is bool (n_docs,)."""
        places = self.places[part]
        alive = places >= 0
        if where is not None:
            alive[alive] = where[places[alive]]
        return None if alive.all() else alive

    def gathered(self, columns: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """An array of every part, put together by document."""
        starts = np.cumsum([0, *(places.size for places in self.places[:-1])])
        joined: npt.NDArray[Any] = np.concatenate(columns)[starts[self.parts] + self.rows]
        return joined


def live_rows(parts: Sequence[Ids], removed: Iterable[str]) -> GrownRows:
    """Documents of parts: ``parts[0]`` is the base, later ones replace earlier ones, ``removed`` are gone from all."""
    base, gone = parts[0], set(removed)
    newest = {str(ids[row]): (part, row) for part, ids in enumerate(parts) if part for row in range(len(ids))}
    alive = np.ones(len(base), dtype=np.bool_)
    for id in (*newest, *gone):
        row = base.find(id)
        if row >= 0:
            alive[row] = False
    whole = isinstance(base, IntegerIds)
    kept = sorted((int(id) if whole else id, *place) for id, place in newest.items() if id not in gone)
    rows = np.flatnonzero(alive)
    before = np.array([bisect.bisect_left(base, id) for id, _, _ in kept], dtype=np.int64)
    at = np.searchsorted(rows, before)
    return GrownRows.of(
        np.insert(np.zeros(rows.size, dtype=np.int16), at, [part for _, part, _ in kept]),
        np.insert(rows, at, [row for _, _, row in kept]),
        [len(ids) for ids in parts],
    )
