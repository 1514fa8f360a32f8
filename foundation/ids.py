"""Ids of nodes and documents: the caller's strings or integers, in sorted order, over plain arrays.

Row ``i`` of every other array belongs to ``ids[i]``. Ids are sorted (strings by their UTF-8 bytes), so
a look-up is a binary search over memory-mapped arrays and needs no dictionary. What is saved are
the arrays of `Ids.arrays`; `ids_from_arrays` opens them again.
"""

from __future__ import annotations

import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_INT64 = np.iinfo(np.int64)


def parse_integer(text: str) -> int | None:
    """The int64 that ``text`` writes in decimal (``+7`` and ``007`` are 7), or None."""
    if not _INTEGER.fullmatch(text):
        return None
    value = int(text.lstrip("+-").lstrip("0")[:20] or "0")  # 20 digits are too many already
    value = -value if text[0] == "-" else value
    return value if _INT64.min <= value <= _INT64.max else None


class Ids(ABC):
    """A sorted column of unique ids."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, row: int) -> str | int:
        """The id of a row."""

    @abstractmethod
    def find(self, id: str | int) -> int:
        """Row of ``id``, or -1. Integers and their text are the same id."""

    @abstractmethod
    def prefix(self, text: str, limit: int) -> list[int]:
        """The first ``limit`` rows, in row order, whose id written as text starts with ``text``."""

    @abstractmethod
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What to save."""

    @abstractmethod
    def keys(self, start: int, stop: int) -> npt.NDArray[np.uint64]:
        """A number for each of the rows [start, stop) that depends on its id alone; integers and rows are their own."""

    def take(self, rows: Sequence[int] | npt.NDArray[Any]) -> list[str | int]:
        """Ids of many rows, which are there."""
        return [self[int(row)] for row in rows]


@final
class IntegerIds(Ids):
    """Sorted int64 values; ``values=None`` means the ids are the rows 0 … n-1 themselves."""

    def __init__(self, n: int, values: npt.NDArray[np.int64] | None = None) -> None:
        self._n = n
        self._values = values

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, row: int) -> int:
        if not 0 <= row < self._n:
            raise IndexError(row)
        return row if self._values is None else int(self._values[row])

    def find(self, id: str | int) -> int:
        wanted = parse_integer(id) if isinstance(id, str) else int(id)
        if wanted is None:
            return -1
        row = self._lower_bound(wanted)
        return row if row < self._n and self[row] == wanted else -1

    def _lower_bound(self, value: int) -> int:
        """First row whose id is ``value`` or more."""
        if self._values is None:
            return min(max(value, 0), self._n)
        if value > _INT64.max:
            return self._n
        return int(np.searchsorted(self._values, max(value, _INT64.min)))

    def prefix(self, text: str, limit: int) -> list[int]:
        # Ids with one sign and one number of digits that share a prefix are neighbours: a handful of ranges.
        found: list[int] = []
        for low, high in ranges_of_prefix(text):
            found.extend(range(self._lower_bound(low), self._lower_bound(high))[: max(0, limit - len(found))])
        return found

    def take(self, rows: Sequence[int] | npt.NDArray[Any]) -> list[str | int]:
        taken = np.asarray(rows, dtype=np.int64)
        found: list[str | int] = (taken if self._values is None else self._values[taken]).tolist()
        return found

    def keys(self, start: int, stop: int) -> npt.NDArray[np.uint64]:
        if self._values is None:
            return np.arange(start, stop, dtype=np.uint64)
        return np.asarray(self._values[start:stop]).astype(np.uint64)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        if self._values is None:
            return {"ids_range": np.array([self._n], dtype=np.int64)}
        return {"ids_int": self._values}


def ranges_of_prefix(text: str) -> list[tuple[int, int]]:
    """The int64 written with ``text`` first, as ascending ranges [low, high)."""
    if text == "":
        return [(_INT64.min, _INT64.max + 1)]
    if text == "-":
        return [(_INT64.min, 0)]
    value = parse_integer(text)
    if value is None or str(value) != text:
        return []
    if value == 0:
        return [(0, 1)]
    ranges = []
    for n_more in range(20 - len(str(abs(value)))):
        scale = 10**n_more
        low, high = abs(value) * scale, (abs(value) + 1) * scale
        ranges.append((low, high) if value > 0 else (1 - high, 1 - low))
    return sorted(ranges)


@final
class StringIds(Ids):
    """UTF-8 strings laid end to end: row i is ``blob[offsets[i]:offsets[i + 1]]``."""

    def __init__(self, blob: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> None:
        self._blob = blob
        self._offsets = offsets

    @classmethod
    def from_sorted(cls, texts: Sequence[str]) -> StringIds:
        """From unique strings already sorted by their UTF-8 bytes (which is also code-point order)."""
        encoded = [_encoded(text) for text in texts]
        for before, after in itertools.pairwise(encoded):
            if before >= after:
                what = "appears twice" if before == after else "is out of order"
                raise InvalidInput(source="ids", what=f"id {after.decode()!r} {what}", fix="pass unique, sorted ids")
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(text) for text in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets)

    def __len__(self) -> int:
        return self._offsets.size - 1

    def _bytes(self, row: int) -> bytes:
        return self._blob[self._offsets[row] : self._offsets[row + 1]].tobytes()

    def __getitem__(self, row: int) -> str:
        if not 0 <= row < len(self):
            raise IndexError(row)
        return self._bytes(row).decode()

    def _lower_bound(self, wanted: bytes) -> int:
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._bytes(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    def find(self, id: str | int) -> int:
        wanted = str(id).encode("utf-8", "surrogatepass")
        row = self._lower_bound(wanted)
        return row if row < len(self) and self._bytes(row) == wanted else -1

    def prefix(self, text: str, limit: int) -> list[int]:
        wanted = text.encode("utf-8", "surrogatepass")
        found: list[int] = []
        row = self._lower_bound(wanted)
        while row < len(self) and len(found) < limit and self._bytes(row).startswith(wanted):
            found.append(row)
            row += 1
        return found

    def take(self, rows: Sequence[int] | npt.NDArray[Any]) -> list[str | int]:
        return [*decoded(self._blob, self._offsets, rows)]

    def keys(self, start: int, stop: int) -> npt.NDArray[np.uint64]:
        from foundation.kernels.strings import hash_rows

        out = np.empty(stop - start, dtype=np.uint64)
        blob, offsets = np.asarray(self._blob).view(), np.asarray(self._offsets).view()
        blob.setflags(write=False)  # one kernel for arrays in memory and arrays mapped from a file
        offsets.setflags(write=False)
        hash_rows(blob, offsets, start, out)
        return out

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"ids_blob": self._blob, "ids_offsets": self._offsets}


def decoded(
    blob: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], rows: Sequence[int] | npt.NDArray[Any]
) -> list[str]:
    """Some of the strings that lie end to end in ``blob``: row i is ``blob[offsets[i]:offsets[i + 1]]``, UTF-8."""
    taken, data = np.asarray(rows, dtype=np.int64), blob.data
    ends = zip(offsets[taken].tolist(), offsets[taken + 1].tolist(), strict=True)
    return [str(data[start:stop], "utf-8") for start, stop in ends]


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            source="ids", what=f"id {text!r} is no valid Unicode", fix="pass well-formed text"
        ) from error


def ids_from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> Ids:
    """The inverse of `Ids.arrays`; other keys are ignored."""
    if "ids_range" in arrays:
        return IntegerIds(int(arrays["ids_range"][0]))
    if "ids_int" in arrays:
        return IntegerIds(arrays["ids_int"].size, arrays["ids_int"])
    if "ids_blob" in arrays and "ids_offsets" in arrays:
        return StringIds(arrays["ids_blob"], arrays["ids_offsets"])
    found = ", ".join(sorted(arrays)) or "none"
    fix = "pass ids_range, ids_int, or ids_blob and ids_offsets"
    raise InvalidInput(source="ids", what=f"no arrays of ids among: {found}", fix=fix)
