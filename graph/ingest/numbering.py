"""The ids of all chunks become the rows of one graph: rows are the ranks of the sorted ids.

Beyond the ids of the chunks this holds the distinct ids about twice (8 bytes an integer; a string its bytes
and 8 more), or for integers that fill a sixteenth of their range, one byte and one rank for each number in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.ids import Ids, StringIds
from foundation.kernels.strings import match_sorted, unite_sorted
from graph import assembly
from graph.ids import integer_ids
from graph.kernels.ranking import look_up, mark, match_subset, unite

Rows = npt.NDArray[Any]
_DENSE = 16


def unite_ids(columns: Sequence[Ids]) -> Ids:
    """Sorted distinct ids of columns that are all integers or all strings."""
    if all(isinstance(column, StringIds) for column in columns):
        blob, offsets = _gathered([string_arrays(column) for column in columns], _unite_strings, len(columns))
        return StringIds(blob, offsets)
    values = [values_of(column) for column in columns]
    dense = _dense_range(values)
    if dense is not None:
        low, size = dense
        present = np.zeros(size, dtype=bool)
        for part in values:
            mark(part, low, present)
        return integer_ids(np.flatnonzero(present) + low)
    (united,) = _gathered([(part,) for part in values], _unite_integers, len(columns))
    return integer_ids(united)


def rows_of(ids: Ids, columns: Sequence[Ids]) -> Iterator[Rows]:
    """For each column the rows of its ids, int32 while the graph has no more nodes than that holds."""
    dtype = np.int32 if len(ids) <= assembly.INT32_NODES else np.int64
    if isinstance(ids, StringIds):
        blob, offsets = string_arrays(ids)
        for column in columns:
            found = np.empty(len(column), dtype=np.int64)
            match_sorted(blob, offsets, *string_arrays(column), found)
            yield found.astype(dtype)
        return
    values = values_of(ids)
    dense = _dense_range([values])
    rank = np.empty(0, dtype=dtype)
    if dense is not None:
        rank = np.zeros(dense[1], dtype=dtype)
        rank[values - dense[0]] = np.arange(values.size, dtype=dtype)
    for column in columns:
        rows = np.empty(len(column), dtype=dtype)
        if dense is None:
            match_subset(values, values_of(column), rows)
        else:
            look_up(values_of(column), dense[0], rank, rows)
        yield rows


def values_of(ids: Ids) -> npt.NDArray[np.int64]:
    """Integer ids as an array."""
    values = ids.arrays().get("ids_int")
    return np.arange(len(ids), dtype=np.int64) if values is None else values


def string_arrays(ids: Ids) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The bytes of string ids, and where each begins."""
    arrays = ids.arrays()
    return arrays["ids_blob"], arrays["ids_offsets"]


def _dense_range(values: Sequence[npt.NDArray[np.int64]]) -> tuple[int, int] | None:
    """Smallest value and size of the range, where the values of one column fill a sixteenth of it."""
    filled = [part for part in values if part.size]
    if not filled:
        return None
    low, high = min(int(part[0]) for part in filled), max(int(part[-1]) for part in filled)
    size = high - low + 1
    return (low, size) if size <= _DENSE * max(part.size for part in filled) else None


def _gathered(columns: Sequence[Any], unite_two: Any, n: int) -> Any:
    """The union of all, two at a time, each with one of about its size."""
    held: list[Any] = []
    for number in range(n):
        held.append(columns[number])
        while len(held) > 1 and (2 * held[-1][0].size >= held[-2][0].size or number == n - 1):
            last = held.pop()
            held[-1] = unite_two(held[-1], last)
    return held[0]


def _unite_integers(a: tuple[Rows], b: tuple[Rows]) -> tuple[Rows]:
    out = np.empty(a[0].size + b[0].size, dtype=np.int64)
    return (out[: unite(a[0], b[0], out)].copy(),)


def _unite_strings(a: tuple[Rows, Rows], b: tuple[Rows, Rows]) -> tuple[Rows, Rows]:
    blob, offsets = np.empty(a[0].size + b[0].size, dtype=np.uint8), np.empty(a[1].size + b[1].size, dtype=np.int64)
    n, size = unite_sorted(*a, *b, blob, offsets)
    return blob[:size].copy(), offsets[: n + 1].copy()
