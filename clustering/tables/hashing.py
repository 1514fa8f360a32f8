"""Values of table columns as 63-bit numbers that are equal for equal values, whatever the file or machine.

Values meet others of their kind only: the integer 5 is neither the text "5" nor the float 5.0. Within a kind the width
of the type does not count. The sign bit stays clear, so that hashes pass for integers anywhere.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from foundation.errors import InvalidInput
from foundation.kernels.strings import hash_rows

Kind = Literal["boolean", "integer", "float", "text", "date", "datetime", "instant"]
Hashes = npt.NDArray[np.int64]

_KEYS: dict[str, int] = {"boolean": 1, "integer": 2, "float": 3, "text": 4, "date": 5, "datetime": 6, "instant": 7}
_NULL = np.int64(0x6A09E667F3BCC908)  # the first digits of the root of 2: no hash of a value but by chance
_GOLDEN, _MIX1, _MIX2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
_PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}
_SLICE = 1 << 20  # strings joined at a time


def kind_of(column: pl.Series) -> Kind:
    """What a column's values are.

    Raises
    ------
    InvalidInput
        On types whose values have no hash here: lists, structs, decimals, durations, bytes, 128-bit integers.
    """
    kind = column.dtype
    if kind in _INTEGERS:
        return "integer"
    if kind.is_float():
        return "float"
    if kind in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    if kind == pl.Datetime:
        return "instant" if getattr(kind, "time_zone", None) else "datetime"
    if kind == pl.Boolean or kind == pl.Date:
        return "boolean" if kind == pl.Boolean else "date"
    raise InvalidInput(
        source=f"column {column.name!r}",
        what=f"is of type {kind}",
        fix="cast it to text, numbers or dates, or leave it out (columns=…)",
    )


def hashed(column: pl.Series) -> Hashes:
    """int64 (n_rows,), from 0 on; nulls have one hash of their own, -0.0 is 0.0, and all NaN are one value."""
    kind = kind_of(column)
    key = _mixed(np.full(1, _KEYS[kind], dtype=np.uint64))
    missing = column.is_null().to_numpy()
    if kind == "text":
        words = _hashed_text(column.cast(pl.String).fill_null(""))
    elif kind == "float":
        values = column.cast(pl.Float64).fill_null(0.0).to_numpy() + 0.0
        words = np.where(np.isnan(values), np.nan, values).view(np.uint64)
    elif kind in ("datetime", "instant"):
        per_second = _PER_SECOND[str(getattr(column.dtype, "time_unit", "us"))]
        ticks = column.to_physical().fill_null(0).to_numpy()
        nanoseconds = (ticks % per_second) * (10**9 // per_second)
        words = _joined(_words(ticks // per_second), _words(nanoseconds))
    else:
        whole = (
            column.to_physical().fill_null(0) if kind == "date" else column.fill_null(0 if kind == "integer" else False)
        )
        words = _words(whole.to_numpy())
    hashes = (_joined(np.broadcast_to(key, words.shape), words) >> np.uint64(1)).astype(np.int64)
    hashes[missing] = _NULL
    return hashes


def row_hashes(columns: list[Hashes]) -> Hashes:
    """One hash a row over columns in a fixed order; two different rows have the same one in 2**63 pairs once."""
    rows = np.zeros(columns[0].size, dtype=np.uint64)
    for column in columns:
        rows = _joined(rows, column.view(np.uint64))
    return (rows >> np.uint64(1)).astype(np.int64)


def is_null_hash(hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Which values are nulls."""
    return np.asarray(hashes == _NULL)


def _hashed_text(texts: pl.Series) -> npt.NDArray[np.uint64]:
    words = np.empty(texts.len(), dtype=np.uint64)
    for start in range(0, texts.len(), _SLICE):
        part = texts.slice(start, _SLICE)
        offsets = np.zeros(part.len() + 1, dtype=np.int64)
        np.cumsum(part.str.len_bytes().to_numpy(), out=offsets[1:])
        blob = np.frombuffer(part.str.join("").item().encode(), dtype=np.uint8)
        hash_rows(blob, offsets, 0, words[start : start + part.len()])
    return words


def _words(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint64]:
    """Integers of any width as 64 bits; those from 2**63 on scrambled, since they are the bits of negative ones."""
    if values.dtype != np.uint64:
        return values.astype(np.int64).view(np.uint64)
    words = values.astype(np.uint64)
    return np.where(words >> np.uint64(63) == 1, _mixed(words), words)


def _joined(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return _mixed(left + _GOLDEN * (right + np.uint64(1)))


def _mixed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """splitmix64's finaliser, array by array: see `foundation.kernels.splitmix`."""
    words = (words ^ (words >> np.uint64(30))) * _MIX1
    words = (words ^ (words >> np.uint64(27))) * _MIX2
    return np.asarray(words ^ (words >> np.uint64(31)))
