"""Columns of document fields over plain arrays: numbers, truth values, strings and lists of strings.

A column can be saved as ``.npy`` files (`Column.arrays`, opened again by `column_from_arrays`), memory-mapped, read one
row at a time for display, and compared with a value for a filter. Strings are stored once each: a row holds the number
of its string among the sorted distinct ones.
"""

from __future__ import annotations

import bisect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from vectors.corpus.text_blob import TextBlob

Value = str | int | float | bool | list[str] | None
Kind = Literal["number", "bool", "string", "strings"]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]


class Column(ABC):
    """One field of every document."""

    @property
    @abstractmethod
    def kind(self) -> Kind: ...

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, row: int) -> Value:
        """The value of a row, None where the document has none."""

    def take(self, rows: npt.NDArray[np.int64]) -> list[Value]:
        """The values of many rows, which are there."""
        return [self[row] for row in rows.tolist()]

    @abstractmethod
    def equals(self, value: Value) -> Bools:
        """Filter: bool (n_docs,), true where the row is ``value``; of a list of strings, where ``value`` is in it.

        A number or truth value may come as text (``"3"``, ``"true"``). A missing value equals nothing.

        Raises
        ------
        InvalidQuery
            When ``value`` is of another kind than the column.
        """

    @abstractmethod
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What to save."""


@final
class NumberColumn(Column):
    """int64 or float64 values, with a mask of the rows that have one."""

    def __init__(self, values: npt.NDArray[Any], valid: Bools) -> None:
        self._values = values
        self._valid = valid

    @property
    def kind(self) -> Kind:
        return "number"

    def __len__(self) -> int:
        return self._values.size

    def __getitem__(self, row: int) -> int | float | None:
        value: int | float = self._values[row].item()
        return value if self._valid[row] else None

    def equals(self, value: Value) -> Bools:
        if isinstance(value, str):
            try:
                value = int(value)
            except ValueError:
                try:
                    value = float(value)
                except ValueError:
                    raise _wrong_kind(value, "numbers") from None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_kind(value, "numbers")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            return np.zeros(len(self), dtype=np.bool_)
        return np.asarray((self._values == value) & self._valid)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"number": self._values, "valid": self._valid}


@final
class BoolColumn(Column):
    """Truth values, with a mask of the rows that have one."""

    def __init__(self, values: Bools, valid: Bools) -> None:
        self._values = values
        self._valid = valid

    @property
    def kind(self) -> Kind:
        return "bool"

    def __len__(self) -> int:
        return self._values.size

    def __getitem__(self, row: int) -> bool | None:
        return bool(self._values[row]) if self._valid[row] else None

    def equals(self, value: Value) -> Bools:
        wanted = {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value
        if not isinstance(wanted, bool):
            raise _wrong_kind(value, "true and false")
        return np.asarray((self._values == wanted) & self._valid)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"bool": self._values, "valid": self._valid}


@final
class StringColumn(Column):
    """``codes``: int32 (n_docs,), a row of ``strings`` (sorted, distinct); -1 where there is none."""

    def __init__(self, codes: Codes, strings: TextBlob) -> None:
        self._codes = codes
        self._strings = strings

    @property
    def kind(self) -> Kind:
        return "string"

    def __len__(self) -> int:
        return self._codes.size

    def __getitem__(self, row: int) -> str | None:
        code = int(self._codes[row])
        return None if code < 0 else str(self._strings[code])

    def take(self, rows: npt.NDArray[np.int64]) -> list[Value]:
        codes = self._codes[rows]
        found: list[Value] = [None] * codes.size
        there = np.flatnonzero(codes >= 0)
        for place, text in zip(there.tolist(), self._strings.take(codes[there]), strict=True):
            found[place] = text
        return found

    def equals(self, value: Value) -> Bools:
        code = _code_of(value, self._strings)
        return np.asarray(self._codes == code) if code >= 0 else np.zeros(len(self), dtype=np.bool_)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"string": self._codes, "blob": self._strings.blob, "blob_offsets": self._strings.offsets}


@final
class StringsColumn(Column):
    """Lists of strings: document i holds ``codes[offsets[i]:offsets[i + 1]]``, in its order; none is an empty list."""

    def __init__(self, offsets: npt.NDArray[np.int64], codes: Codes, strings: TextBlob) -> None:
        self._offsets = offsets
        self._codes = codes
        self._strings = strings

    @property
    def kind(self) -> Kind:
        return "strings"

    def __len__(self) -> int:
        return self._offsets.size - 1

    def __getitem__(self, row: int) -> list[str]:
        if row < 0:
            row += len(self)
        return [self._strings[int(code)] for code in self._codes[self._offsets[row] : self._offsets[row + 1]]]

    def equals(self, value: Value) -> Bools:
        found = np.zeros(len(self), dtype=np.bool_)
        code = _code_of(value, self._strings)
        if code >= 0:
            found[np.searchsorted(self._offsets, np.flatnonzero(self._codes == code), side="right") - 1] = True
        return found

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "strings": self._codes,
            "offsets": self._offsets,
            "blob": self._strings.blob,
            "blob_offsets": self._strings.offsets,
        }


def column_from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> Column:
    """The inverse of `Column.arrays`; other keys are ignored."""
    if "number" in arrays:
        return NumberColumn(arrays["number"], arrays["valid"])
    if "bool" in arrays:
        return BoolColumn(arrays["bool"], arrays["valid"])
    strings = TextBlob(arrays["blob"], arrays["blob_offsets"])
    if "string" in arrays:
        return StringColumn(arrays["string"], strings)
    return StringsColumn(arrays["offsets"], arrays["strings"], strings)


def kind_of(value: object) -> Kind | None:
    """Kind of the column a value (not None) belongs in; None for what no column holds."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "strings"
    return None


def column_from_values(kind: Kind, values: Sequence[Any]) -> Column:
    """Column of values that are all of ``kind`` (`kind_of`) or None; integers fit int64.

    Numbers become int64 when all are whole, else float64.
    """
    if kind == "strings":
        offsets = np.zeros(len(values) + 1, dtype=np.int64)
        np.cumsum([len(value) if value else 0 for value in values], out=offsets[1:])
        codes, strings = _coded([text for value in values if value for text in value])
        return StringsColumn(offsets, codes, strings)
    if kind == "string":
        return StringColumn(*_coded(values))
    valid = np.array([value is not None for value in values], dtype=np.bool_)
    filled = [0 if value is None else value for value in values]
    if kind == "bool":
        return BoolColumn(np.array(filled, dtype=np.bool_), valid)
    whole = all(isinstance(value, int) for value in filled)
    return NumberColumn(np.array(filled, dtype=np.int64 if whole else np.float64), valid)


def _coded(texts: Sequence[str | None]) -> tuple[Codes, TextBlob]:
    distinct = sorted({text for text in texts if text is not None})
    code: dict[str | None, int] = {text: number for number, text in enumerate(distinct)}
    code[None] = -1
    codes = np.fromiter((code[text] for text in texts), dtype=np.int32, count=len(texts))
    return codes, TextBlob.from_bytes([text.encode() for text in distinct])


def _code_of(value: Value, strings: TextBlob) -> int:
    if not isinstance(value, str):
        raise _wrong_kind(value, "strings")
    code = bisect.bisect_left(strings, value)
    return code if code < len(strings) and strings[code] == value else -1


def _wrong_kind(value: object, kind: str) -> InvalidQuery:
    return InvalidQuery(what=f"the field holds {kind}, the filter asks for {value!r}", fix=f"filter it by {kind}")
