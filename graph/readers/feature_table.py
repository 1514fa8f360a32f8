"""A table of node features as it stands in a file, before it is known which rows and columns are wanted."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt
import polars as pl

from foundation.errors import InvalidInput
from foundation.matching import Int64s
from graph.feature_params import FeatureParams

MATRIX = "matrix"  # what the columns of a file without names are called


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One row for each id.

    Attributes
    ----------
    ids : Int64 or String, nothing missing
    numbers : what each row is called in errors, in ``unit``s: its place in the file, from 1
    columns : those that may hold numbers, or were asked for; empty where there is a matrix
    matrix : (n_rows, n_features), or None
    is_text : whether numbers are still fields of text where one of them is not a number
    left_out : columns that hold no numbers for sure and were not read
    """

    source: str
    id_name: str
    ids: pl.Series
    numbers: Int64s
    unit: str = "row"
    columns: Mapping[str, pl.Series] = field(default_factory=dict)
    matrix: npt.NDArray[Any] | None = None
    is_text: bool = False
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.ids.len()

    @property
    def is_matrix(self) -> bool:
        return self.matrix is not None

    def error(self, row: int, what: str, fix: str) -> InvalidInput:
        """What is wrong with a row, with its id and where it is."""
        number = int(self.numbers[row])
        if self.unit == "line":
            return InvalidInput(source=self.source, what=f"id {self.ids[row]!r}: {what}", fix=fix, line=number)
        where = f"{self.unit} {number}, id {self.ids[row]!r}"
        return InvalidInput(source=self.source, what=f"{where}: {what}", fix=fix)


def is_number(dtype: Any) -> bool:
    """Whether values of this type are numbers or truth values."""
    return bool(dtype.is_numeric() or dtype == pl.Boolean)


def may_hold_numbers(dtype: pl.DataType) -> bool:
    """Whether a column of this type can be features."""
    return is_number(dtype) or (isinstance(dtype, pl.List | pl.Array) and is_number(dtype.inner))


def wanted_columns(names: Sequence[str], params: FeatureParams, source: str) -> tuple[str, list[str]]:
    """The column of ids, and the others: those asked for, or all."""
    id_name = names[0] if params.feature_id is None else params.feature_id
    wanted = [name for name in names if name != id_name] if params.feature_columns is None else params.feature_columns
    for name in (id_name, *wanted):
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"its columns are {', '.join(names)[:200]}"
            raise InvalidInput(source=source, what=f"no column {name!r}", fix=fix)
    if id_name in wanted:
        fix = "leave it out of feature_columns, or set feature_id"
        raise InvalidInput(source=source, what=f"column {id_name!r} is that of the ids", fix=fix)
    return id_name, list(wanted)


def checked_ids(ids: pl.Series, source: str, numbers: Int64s | None = None, unit: str = "row") -> pl.Series:
    """The ids as Int64 or String. ``numbers`` are those of the rows, by default from 1."""
    if ids.len() == 0:
        raise no_rows(source)
    dtype = ids.dtype
    if not (dtype.is_integer() or dtype in (pl.String, pl.Categorical, pl.Enum)):
        fix = "set feature_id to the column of ids"
        raise InvalidInput(source=source, what=f"column {ids.name!r} holds {dtype}, no ids", fix=fix)
    absent = ids.is_null()
    fits = dtype.is_integer() and ids.is_between(np.iinfo(np.int64).min, np.iinfo(np.int64).max).all()
    checked = ids.cast(pl.Int64 if fits else pl.String)
    if checked.dtype == pl.String:
        absent |= checked == ""
    if absent.any():
        row = int(np.argmax(absent.fill_null(True).to_numpy()))
        number = row + 1 if numbers is None else int(numbers[row])
        what = f"{unit} {number} has no id in column {ids.name!r}"
        raise InvalidInput(source=source, what=what, fix="write one, or leave the row out")
    return checked


def no_rows(source: str) -> InvalidInput:
    return InvalidInput(source=source, what="it holds no rows", fix="write one row for each node")


def unreadable(source: str, kind: str, error: Exception) -> InvalidInput:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InvalidInput(source=source, what=f"it is no readable {kind}: {reason}", fix="check the file and its name")
