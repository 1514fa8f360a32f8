"""Features of a graph's nodes from a file: one row for every node, in the order of its ids."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, final

import numpy as np
import numpy.typing as npt
import polars as pl

from foundation.errors import InvalidInput
from foundation.ids import Ids, StringIds
from foundation.matching import matching_rows
from graph.feature_params import FeatureParams as FeatureParams
from graph.ids import integer_ids
from graph.readers.feature_columns import Block, blocks_of, n_features_of
from graph.readers.feature_files import read_table, sample_table
from graph.readers.feature_table import Table
from graph.readers.numbering import string_ids

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Form = Literal["columns", "fields", "json"]

_PLAIN = FeatureParams()
_TOGETHER = 16  # columns that are worked on at a time, in float64
_LARGEST = float(np.finfo(np.float32).max)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFeatures:
    """What a file says of a graph's nodes.

    Attributes
    ----------
    values : float32 (n_nodes, n_features), finite
    columns : names of the columns; one of arrays is named once, with their length, as in "topic[16]"
    left_out : columns that were not asked for and hold no numbers
    n_rows : rows of the file
    n_missing : nodes without a row
    n_unmatched : rows whose id is no node's
    """

    values: npt.NDArray[np.float32]
    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    n_rows: int
    n_missing: int
    n_unmatched: int


def read_features(source: str | Path, ids: Ids, params: FeatureParams = _PLAIN) -> NodeFeatures:
    """Read the features of the nodes ``ids``.

    Parameters
    ----------
    source
        A path or an fsspec URL: Parquet, CSV or TSV with a header, JSON lines, or a NumPy matrix (.npy, .npz) whose row
        i belongs to the node with the integer id i. Compression is seen through. The order of the rows does not matter.
    params
        Which columns, and what becomes of them.

    Raises
    ------
    InvalidInput
        Names the file and what is wrong with it: unreadable, empty, a column that is not there or holds text, an
        id twice, no id of this graph, a node without a row, a number that is missing or not finite.
    InvalidParams
        For columns asked of a matrix, which has no names.
    """
    table = read_table(source, params)
    rows = _rows_of_nodes(table, ids)
    there = np.flatnonzero(rows >= 0)
    if there.size == 0:
        raise _none_matches(table, ids)
    if there.size < rows.size and params.missing_features == "error":
        node = int(np.argmin(rows))
        what = f"{rows.size - there.size:,} of {rows.size:,} nodes have no row; the first is {ids[node]!r}"
        raise InvalidInput(source=table.source, what=what, fix='add them, or set missing_features = "zero" or "mean"')
    blocks, left_out = blocks_of(table, params, rows[there])
    values = np.empty((rows.size, sum(block.width for block in blocks)), dtype=np.float32)
    first = 0
    for block in blocks:
        _fill(values[:, first : first + block.width], block, table, rows[there], there, params)
        first += block.width
    return NodeFeatures(
        values=values,
        columns=tuple(block.label for block in blocks),
        left_out=left_out,
        n_rows=len(table),
        n_missing=rows.size - there.size,
        n_unmatched=len(table) - there.size,
    )


class FeatureSizes(NamedTuple):
    """Rows and features of a file, bytes of it when unpacked, and whether these are "columns", fields or JSON lines.

    Rows are extrapolated unless the sample was everything.
    """

    n_rows: int
    n_features: int
    n_bytes: int
    form: Form


def estimate_features(source: str | Path, params: FeatureParams = _PLAIN) -> FeatureSizes:
    """Sizes of a file from its first megabyte (of Parquet: the exact number of rows; matrices are opened).

    Raises
    ------
    InvalidInput, InvalidParams
        When the source cannot be read, or a column that was asked for is not there.
    """
    table, n_rows, n_bytes = sample_table(source, params)
    form: Form = "json" if table.unit == "line" else "fields" if table.is_text else "columns"
    return FeatureSizes(n_rows, n_features_of(table, params), n_bytes, form)


def _rows_of_nodes(table: Table, ids: Ids) -> Int64s:
    """Row of the table of each node, or -1. An id given twice is an error, even where no node has it."""
    given = table.ids
    _refuse_twice(table, given)
    arrays = ids.arrays()
    if "ids_blob" not in arrays:
        numbers = given if given.dtype == pl.Int64 else given.cast(pl.Int64, strict=False)
        _refuse_twice(table, numbers)
        known = np.flatnonzero(numbers.is_not_null().to_numpy())
        values = numbers.drop_nulls().to_numpy()
        order = np.argsort(values)
        places = known[order]
        return _through(places, matching_rows(integer_ids(values[order]), ids, 0, len(ids)))
    if table.is_matrix:
        fix = "write the features with a column of ids, as Parquet or CSV"
        what = f"the rows of a matrix are the nodes 0, 1, …, and this graph's are like {ids[0]!r}"
        raise InvalidInput(source=table.source, what=what, fix=fix)
    texts = given.cast(pl.String)
    places = texts.arg_sort().to_numpy().astype(np.int64)
    return _through(places, matching_rows(_own(string_ids(texts.gather(places))), _own(ids), 0, len(ids)))


def _own(ids: Ids) -> StringIds:
    """The same ids over writable arrays: one compiled loop serves those read, and those mapped from an artifact."""
    arrays = ids.arrays()
    blob, offsets = (np.require(arrays[name], requirements=["W", "C"]) for name in ("ids_blob", "ids_offsets"))
    return StringIds(blob, offsets)


def _through(places: Int64s, found: Int64s) -> Int64s:
    """``places[found]``, and -1 where nothing was found."""
    rows = found.copy()
    rows[found >= 0] = places[found[found >= 0]]
    return rows


def _refuse_twice(table: Table, ids: pl.Series) -> None:
    again = np.flatnonzero((ids.is_not_null() & ~ids.is_first_distinct()).to_numpy())
    if again.size:
        row = int(again[0])
        before = int(np.flatnonzero((ids == ids[row]).fill_null(False).to_numpy())[0])
        fix = "keep one row for a node"
        raise table.error(row, f"it is given twice, first in {table.unit} {table.numbers[before]}", fix)


def _none_matches(table: Table, ids: Ids) -> InvalidInput:
    nodes = f"nodes are like {ids[0]!r}" if len(ids) else "the graph has none"
    what = f"none of its {len(table):,} ids is a node of the graph: the first is {table.ids[0]!r}, {nodes}"
    return InvalidInput(source=table.source, what=what, fix="set feature_id to the column that holds the nodes' ids")


def _fill(
    out: npt.NDArray[np.float32], block: Block, table: Table, rows: Int64s, there: Int64s, params: FeatureParams
) -> None:
    """The columns of one block: ``rows`` of the table belong to the nodes ``there``, the other nodes have none."""
    for start in range(0, block.width, _TOGETHER):
        part = np.ascontiguousarray(block.values[:, start : start + _TOGETHER].T, dtype=np.float64)
        _check(np.isfinite(part), part, block.names(start), table, rows, "fill the gap, or leave the column out")
        zero = np.zeros(len(part))
        if params.standardize:
            part, zero = _standardized(part)
            absent = zero if params.missing_features == "zero" else np.zeros(len(part))
        else:
            fits = np.abs(part) <= _LARGEST
            _check(fits, part, block.names(start), table, rows, "float32 cannot hold it: set standardize = true")
            absent = part.mean(axis=1) if params.missing_features == "mean" else zero
        out[:, start : start + _TOGETHER] = absent
        out[there, start : start + _TOGETHER] = part.T


def _check(good: npt.NDArray[np.bool_], part: Float64s, names: list[str], table: Table, rows: Int64s, fix: str) -> None:
    """Raise for the first column that is not good all the way, and its first row in the file."""
    if good.all():
        return
    column = int(np.argmin(good.all(axis=1)))
    place = min(np.flatnonzero(~good[column]).tolist(), key=lambda place: int(rows[place]))
    value = part[column, place]
    shown = "missing, or no number" if np.isnan(value) else f"{value:g}"
    raise table.error(int(rows[place]), f"{names[column]} is {shown}", fix)


def _standardized(part: Float64s) -> tuple[Float64s, Float64s]:
    """Each row of ``part`` minus its mean, divided by its standard deviation, and what 0 becomes by that.

    Constant rows become 0. Numbers are first divided by a power of two, so that no square is too large or too small,
    and lessened by the least of them, so that the mean of numbers that hardly differ is not lost in rounding.
    """
    constant = part.min(axis=1) == part.max(axis=1)
    exponent = np.frexp(np.abs(part).max(axis=1))[1]
    scaled = np.ldexp(part, -exponent[:, None])
    least = scaled.min(axis=1)
    scaled -= least[:, None]
    mean = scaled.mean(axis=1)
    scaled -= mean[:, None]
    spread = np.sqrt(np.mean(scaled * scaled, axis=1))
    factor = np.divide(1.0, spread, out=np.zeros_like(spread), where=~constant)
    return scaled * factor[:, None], -(least + mean) * factor
