"""Parquet tables of edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from foundation.errors import InvalidInput, InvalidParams
from foundation.sources import random_access
from graph.readers.batches import make_batch
from graph.readers.edges import Collector, Edges
from graph.readers.layout import LineError, describe, name_columns
from graph.readers.lines import Rejections
from graph.readers.params import TOO_LARGE, ReadParams

_ROLES = ("src", "dst", "weight", "type")


def read_parquet(source: str | Path, params: ReadParams) -> Edges:
    """Every edge of a Parquet file. Ids keep their type: integers, or strings where either column holds strings.

    Raises
    ------
    InvalidInput
        For bytes that are no Parquet, columns of no use, rows with nothing in them, and types without a weight.
    """
    name = str(source)
    check_parquet_params(params)
    try:
        names = list(pl.read_parquet_schema(random_access(source)))
        columns = name_columns(names, len(names), params, name)
        wanted = {role: names[getattr(columns, role)] for role in _ROLES if getattr(columns, role) is not None}
        frame = pl.read_parquet(random_access(source), columns=list(wanted.values()))
    except pl.exceptions.PolarsError as error:
        raise _unreadable(name, error) from error
    frame = frame.select(_typed(frame[column], role, name).alias(role) for role, column in wanted.items())
    if pl.String in (frame["src"].dtype, frame["dst"].dtype):
        frame = frame.with_columns(pl.col("src", "dst").cast(pl.String))

    sound = _sound_rows(frame)
    rejections = Rejections(source=name, params=params)
    for row in np.flatnonzero(~sound).tolist():
        shown = ", ".join(f"{role} = {value!r}" for role, value in frame.row(row, named=True).items())
        rejections.add(f"row {row}", LineError(shown, "no value may be empty, and weights are finite and not negative"))
    batch = make_batch(frame.filter(pl.Series(sound)), params, frame.height, np.flatnonzero(sound))
    rows = batch.lines
    if batch.weights is not None and np.isinf(batch.weights).any() and rows is not None:
        row = rows[np.argmax(np.isinf(batch.weights))]
        what = f"row {row}: its weight times that of its type is larger than float32 holds"
        raise InvalidInput(source=name, what=what, fix="scale the weights down")
    collector = Collector(name, params, frame["src"].dtype == pl.Int64)
    collector.add(batch)
    notes = (describe(columns, names), *rejections.examples)
    return collector.finish(rejections.n, notes, lambda edge: None if rows is None else f"row {rows[edge]}", "rows")


def check_parquet(source: str | Path, params: ReadParams) -> None:
    """Refuse columns that the file has not, without reading any; raises as `read_parquet`."""
    name = str(source)
    try:
        names = list(pl.read_parquet_schema(random_access(source)))
    except pl.exceptions.PolarsError as error:
        raise _unreadable(name, error) from error
    name_columns(names, len(names), params, name)


def _unreadable(name: str, error: Exception) -> InvalidInput:
    what = f"it is no readable Parquet file: {str(error).splitlines()[0]}"
    return InvalidInput(source=name, what=what, fix="check the file, or set format to what it is")


def check_parquet_params(params: ReadParams) -> None:
    """Refuse what only texts have."""
    for option in ("header", "delimiter"):
        if getattr(params, option) is not None:
            allowed = "none for a Parquet file, which names its own columns"
            raise InvalidParams(name=option, value=getattr(params, option), allowed=allowed)


def _typed(series: pl.Series, role: str, source: str) -> pl.Series:
    """The column as Int64, String or Float64, whichever its role asks for."""
    dtype = series.dtype
    is_text = dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)
    if role == "weight" and dtype.is_numeric():
        return series.cast(pl.Float64)
    if role != "weight" and is_text:
        return series.cast(pl.String)
    if role == "type" and dtype.is_integer():
        return series.cast(pl.String)
    if role in ("src", "dst") and dtype.is_integer():
        if dtype == pl.UInt64 and (series > np.iinfo(np.int64).max).any():
            what = f"column {series.name!r} holds {series.max()!r}, which does not fit int64"
            raise InvalidInput(source=source, what=what, fix="write these ids as strings")
        return series.cast(pl.Int64)
    needs = {"weight": "numbers", "type": "strings or integers"}.get(role, "integers or strings")
    what = f"column {series.name!r} is read as {role} and holds {dtype}"
    raise InvalidInput(source=source, what=what, fix=f"{role} needs {needs}: convert it, or name another column")


def _sound_rows(frame: pl.DataFrame) -> npt.NDArray[np.bool_]:
    sound = np.ones(frame.height, dtype=bool)
    for series in frame:
        sound &= series.is_not_null().to_numpy()
        if series.dtype == pl.String:
            sound &= (series.str.len_bytes().fill_null(0) > 0).to_numpy()
        if series.name == "weight":
            values = series.fill_null(0.0).to_numpy()
            sound &= (values >= 0) & (values < TOO_LARGE)
    return sound
