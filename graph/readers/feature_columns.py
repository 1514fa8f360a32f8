"""Columns of a table as numbers: which of them are features, and how wide each is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from foundation.errors import InvalidInput
from foundation.matching import Int64s
from graph.feature_params import FeatureParams
from graph.readers.feature_table import MATRIX, Table, is_number

# What spreadsheets and statistics programs write where a number is missing, in lower case.
_NOTHING = ("", "na", "n/a", "null", "none", "-")


class Block(NamedTuple):
    """The features of one column: (n_rows, width) numbers, NaN where there is none; wide are those of arrays."""

    name: str
    values: npt.NDArray[Any]
    wide: bool

    @property
    def width(self) -> int:
        return int(self.values.shape[1])

    @property
    def label(self) -> str:
        return f"{self.name}[{self.width}]" if self.wide else self.name

    def names(self, start: int) -> list[str]:
        """How each feature from ``start`` on is called in an error."""
        return [f"{self.name!r}[{place}]" if self.wide else repr(self.name) for place in range(start, self.width)]


def blocks_of(table: Table, params: FeatureParams, rows: Int64s) -> tuple[list[Block], tuple[str, ...]]:
    """The wanted columns of the given rows, and the names of those left out because they hold no numbers.

    Raises
    ------
    InvalidInput
        For a column that was asked for and holds no numbers, arrays of several lengths, or no column at all.
    """
    if table.matrix is not None:
        return [Block(MATRIX, table.matrix[rows], True)], ()
    blocks, left_out = [], list(table.left_out)
    for name in table.columns if params.feature_columns is None else params.feature_columns:
        series = _plain(table.columns[name].gather(rows), table.is_text)
        if is_number(series.dtype):
            blocks.append(Block(name, _floats(series)[:, None], False))
        elif isinstance(series.dtype, pl.List) and is_number(series.dtype.inner):
            blocks.append(Block(name, _matrix(series, name, table, rows), True))
        elif params.feature_columns is not None:
            raise _no_numbers(series, name, table, rows)
        else:
            left_out.append(name)
    if not sum(block.width for block in blocks):
        others = f"it has only {', '.join(left_out)}" if left_out else "it has no other column"
        what = f"no column of numbers beside the ids in {table.id_name!r}; {others}"
        raise InvalidInput(source=table.source, what=what, fix="add one, or set feature_id")
    return blocks, tuple(left_out)


def n_features_of(table: Table, params: FeatureParams) -> int:
    """How many features a sample of a file lets expect, at least 1; nothing is refused."""
    if table.matrix is not None:
        return int(table.matrix.shape[1])
    total = 0
    for name in table.columns if params.feature_columns is None else params.feature_columns:
        series = _plain(table.columns[name], table.is_text)
        if is_number(series.dtype):
            total += 1
        elif isinstance(series.dtype, pl.List) and is_number(series.dtype.inner):
            total += int(series.list.len().fill_null(0).to_numpy().max())
    return max(1, total)


def _plain(series: pl.Series, is_text: bool) -> pl.Series:
    """Arrays as lists; fields of a text file as numbers or truth values, where all that are there are such."""
    if isinstance(series.dtype, pl.Array):
        return series.arr.to_list()
    if not is_text or series.dtype != pl.String:
        return series
    text = pl.col("text").str.strip_chars(" \t")
    lower = text.str.to_lowercase()
    fields = series.to_frame("text").select(pl.when(~lower.is_in(_NOTHING)).then(text))["text"]
    if fields.null_count() == fields.len():
        return series
    lowered = fields.str.to_lowercase()
    if lowered.is_in(("true", "false")).all():  # nothing at all does not count
        return lowered == "true"
    numbers = fields.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == fields.null_count() else series


def _floats(series: pl.Series) -> npt.NDArray[Any]:
    """NaN where there is nothing; float32 stays as it is."""
    wanted = series if series.dtype == pl.Float32 else series.cast(pl.Float64)
    return wanted.fill_null(float("nan")).to_numpy()


def _matrix(series: pl.Series, name: str, table: Table, rows: Int64s) -> npt.NDArray[Any]:
    widths = series.list.len()
    empty = np.flatnonzero(widths.is_null().to_numpy())
    if empty.size:
        raise table.error(int(rows[empty[0]]), f"{name!r} holds nothing", "write an array in every row")
    found = widths.to_numpy()
    other = np.flatnonzero(found != found[0])
    if other.size:
        what = f"{name!r} is an array of {found[other[0]]} where others have {found[0]} numbers"
        raise table.error(int(rows[other[0]]), what, "write arrays of one length, or name other feature_columns")
    if found[0] == 0:
        return np.empty((len(series), 0))
    return _floats(series.explode()).reshape(len(series), int(found[0]))


def _no_numbers(series: pl.Series, name: str, table: Table, rows: Int64s) -> InvalidInput:
    fix = "leave it out of feature_columns, or write it as numbers"
    if series.dtype == pl.String and series.null_count() < series.len():
        texts = series.str.strip_chars(" \t").cast(pl.Float64, strict=False)
        strange = texts.is_null() & series.is_not_null() if table.is_text else series.is_not_null()
        place = int(np.argmax(strange.to_numpy()))
        return table.error(int(rows[place]), f"column {name!r} holds text, {series[place][:40]!r}", fix)
    what = "nothing" if series.null_count() == series.len() else str(series.dtype)
    return InvalidInput(source=table.source, what=f"column {name!r} holds {what}, no numbers", fix=fix)
