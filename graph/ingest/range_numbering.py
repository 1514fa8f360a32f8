"""The ids of more chunks than memory holds become the rows of one graph, a range of ids at a time.

A few ids of every chunk, evenly by cost, tell where to cut. Each range is numbered as `graph.ingest.numbering` numbers
whole chunks, and what comes of it waits in a `Spill`. Memory holds the ids of one range, of all chunks, about four
times; a chunk is mapped no longer than it is looked at.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.ids import Ids, IntegerIds, StringIds
from foundation.pieces import Pieces
from graph import assembly
from graph.ingest.chunk import Chunk
from graph.ingest.numbering import rows_of, string_arrays, unite_ids, values_of
from graph.ingest.spill import Place, Spill

MARKS = 16  # ids of a chunk that are looked at for each range: all that is between two may fall on either side
_MOST_MARKS = 1 << 20


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """What `number_chunks` found.

    Attributes
    ----------
    cuts : int64, the row at which every range begins, and the number of rows
    """

    cuts: npt.NDArray[np.int64]
    _spill: Spill
    _ids: list[tuple[Place, ...]]
    _rows: list[list[Place]]

    def ids(self) -> Iterator[tuple[str, npt.NDArray[Any] | Pieces]]:
        """The arrays of the `Ids` of all rows."""
        n = int(self.cuts[-1])
        if len(self._ids[0]) == 1:
            values = [place for (place,) in self._ids if place.size]
            if not values or (self._spill.get(values[0])[0] == 0 and self._spill.get(values[-1])[-1] == n - 1):
                yield from IntegerIds(n).arrays().items()
            else:
                yield "ids_int", self._pieces(values, np.int64)
            return
        yield "ids_blob", self._pieces([blob for blob, _ in self._ids], np.uint8)
        yield "ids_offsets", Pieces(dtype=np.dtype(np.int64), shape=(n + 1,), pieces=self._offsets())

    def rows(self, number: int) -> Pieces:
        """The row of every id of a chunk, int32 while the graph has no more rows than that holds."""
        dtype = np.dtype(np.int32 if self.cuts[-1] <= assembly.INT32_NODES else np.int64)
        found = (
            np.add(self._spill.get(place), first, dtype=dtype)
            for place, first in zip(self._rows[number], self.cuts[:-1].tolist(), strict=True)
        )
        return Pieces(dtype=dtype, shape=(sum(place.size for place in self._rows[number]),), pieces=found)

    def _pieces(self, places: list[Place], dtype: npt.DTypeLike) -> Pieces:
        n = sum(place.size for place in places)
        return Pieces(dtype=np.dtype(dtype), shape=(n,), pieces=(self._spill.get(place) for place in places))

    def _offsets(self) -> Iterator[npt.NDArray[np.int64]]:
        yield np.zeros(1, dtype=np.int64)
        n_before = 0
        for blob, offsets in self._ids:
            yield self._spill.get(offsets)[1:] + n_before
            n_before += blob.size


def number_chunks(chunks: Sequence[Callable[[], Chunk]], n_ranges: int, spill: Spill) -> Numbered:
    """Number the ids of all chunks, which are all integers or all strings.

    Ranges cost about the same, counting 1 for every arc and every id of a chunk; one id is never cut. The last ones are
    empty where there are too few ids.
    """
    ends = _ends(chunks, n_ranges)
    bounds = [[0, *(bisect_right(ids, end) for end in ends), len(ids)] for ids in (open_().ids for open_ in chunks)]
    ids: list[tuple[Place, ...]] = []
    rows: list[list[Place]] = [[] for _ in chunks]
    cuts = np.zeros(n_ranges + 1, dtype=np.int64)
    for number in range(n_ranges):
        columns = [
            _taken(open_().ids, bound[number], bound[number + 1]) for open_, bound in zip(chunks, bounds, strict=True)
        ]
        united = unite_ids(columns)
        cuts[number + 1] = cuts[number] + len(united)
        arrays = string_arrays(united) if isinstance(united, StringIds) else (values_of(united),)
        ids.append(tuple(spill.put(array) for array in arrays))
        for places, found in zip(rows, rows_of(united, columns), strict=True):
            places.append(spill.put(found))
    return Numbered(cuts=cuts, _spill=spill, _ids=ids, _rows=rows)


def _ends(chunks: Sequence[Callable[[], Chunk]], n_ranges: int) -> list[Any]:
    """The last id of every range but the last."""
    n_marks = max(1, min(MARKS * n_ranges, _MOST_MARKS // len(chunks)))
    marks = sorted(mark for open_ in chunks for mark in _marks(open_(), n_marks))
    if not marks:
        return [0] * (n_ranges - 1)
    costs = list(itertools.accumulate(cost for _, cost in marks))
    at = np.searchsorted(costs, [costs[-1] * number / n_ranges for number in range(1, n_ranges)])
    return [marks[position][0] for position in at]


def _marks(chunk: Chunk, n_marks: int) -> Iterator[tuple[Any, float]]:
    """Ids of a chunk, evenly by cost, the last one among them; each with the cost it stands for."""
    n = len(chunk.ids)
    if n == 0:
        return
    total = int(chunk.indptr[-1]) + n
    wanted = np.arange(1, n_marks + 1, dtype=np.int64) * total / n_marks
    low, high = np.zeros(n_marks, dtype=np.int64), np.full(n_marks, n - 1)
    while np.any(low < high):  # by bisection: no more of the file is looked at than needed
        middle = (low + high) // 2
        short = chunk.indptr[middle + 1] + middle + 1 < wanted
        low, high = np.where(short, middle + 1, low), np.where(short, high, middle)
    for position in low.tolist():
        yield chunk.ids[position], total / n_marks


def _taken(ids: Ids, start: int, stop: int) -> Ids:
    """The ids [start, stop) of a chunk, views where it is mapped."""
    if isinstance(ids, StringIds):
        blob, offsets = string_arrays(ids)
        first, last = int(offsets[start]), int(offsets[stop])
        return StringIds(blob[first:last], offsets[start : stop + 1] - first)
    values = ids.arrays().get("ids_int")
    return IntegerIds(stop - start, np.arange(start, stop) if values is None else values[start:stop])
