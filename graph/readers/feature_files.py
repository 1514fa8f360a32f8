"""Files of node features, opened: Parquet, CSV and TSV, JSON lines, NumPy matrices."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from foundation.errors import InvalidInput, InvalidParams
from foundation.npy import open_npy
from foundation.sources import open_source, plain_suffix, random_access, sample_source
from graph.feature_params import FeatureParams
from graph.readers.feature_table import (
    MATRIX,
    Table,
    checked_ids,
    may_hold_numbers,
    no_rows,
    unreadable,
    wanted_columns,
)
from graph.readers.feature_text import parse_csv, parse_json_lines

_SAMPLE = 1 << 20
_TEXT: dict[str, Callable[[bytes, str, FeatureParams], Table]] = {
    ".csv": parse_csv,
    ".tsv": parse_csv,
    ".tab": parse_csv,
    ".jsonl": parse_json_lines,
    ".ndjson": parse_json_lines,
}
_PARQUET = (".parquet", ".pq")
_MATRICES = (".npy", ".npz")


def read_table(source: str | Path, params: FeatureParams) -> Table:
    """The whole file; its format is what its name says.

    Raises
    ------
    InvalidInput
        When it cannot be read, has no rows, lacks a column that was asked for, or an id is missing or of no use.
    InvalidParams
        For columns asked of a matrix.
    """
    suffix = feature_format(source)
    if suffix in _PARQUET:
        return _read_parquet(source, params)
    if suffix in _MATRICES:
        return _read_matrix(source, params)
    with open_source(source) as stream:
        return _TEXT[suffix](stream.read(), str(source), params)


def sample_table(source: str | Path, params: FeatureParams) -> tuple[Table, int, int]:
    """Some of the first rows, about how many rows there are in all, and bytes when unpacked; raises as `read_table`."""
    suffix = feature_format(source)
    if suffix in _PARQUET:
        return _sample_parquet(source, params)
    if suffix in _MATRICES:
        table = _read_matrix(source, params)
        assert table.matrix is not None
        return table, len(table), table.matrix.nbytes
    head, n_bytes = sample_source(source, _SAMPLE)
    whole = head if len(head) >= n_bytes else head[: head.rfind(b"\n") + 1] or head
    table = _TEXT[suffix](whole, str(source), params)
    return table, round(len(table) * n_bytes / len(whole)), n_bytes


def feature_format(source: str | Path) -> str:
    """The ending that says how to read ``source``, after .gz .zst .bz2.

    Raises
    ------
    InvalidInput
        When none does.
    """
    suffix = plain_suffix(source)
    if suffix in (*_PARQUET, *_TEXT, *_MATRICES):
        return suffix
    what = f"{suffix or 'a name without an ending'} is not a format of features"
    fix = "write them as .parquet, .csv, .tsv, .jsonl, .npy or .npz"
    raise InvalidInput(source=str(source), what=what, fix=fix)


def _read_parquet(source: str | Path, params: FeatureParams, n_rows: int | None = None) -> Table:
    name, place = str(source), random_access(source)
    try:
        schema = pl.read_parquet_schema(place)
        if isinstance(place, io.BytesIO):
            place.seek(0)
        id_name, columns = wanted_columns(list(schema), params, name)
        if params.feature_columns is None:
            columns = [column for column in columns if may_hold_numbers(schema[column])]
        frame = pl.read_parquet(place, columns=[id_name, *columns], n_rows=n_rows, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unreadable(name, "Parquet file", error) from error
    left_out = tuple(other for other in schema if other not in (id_name, *columns))
    return Table(
        source=name,
        id_name=id_name,
        ids=checked_ids(frame[id_name], name),
        numbers=np.arange(1, frame.height + 1),
        columns={column: frame[column] for column in columns},
        left_out=left_out if params.feature_columns is None else (),
    )


def _sample_parquet(source: str | Path, params: FeatureParams) -> tuple[Table, int, int]:
    table = _read_parquet(source, params, n_rows=1000)
    place = random_access(source)
    n_rows = int(pl.scan_parquet(place, glob=False).select(pl.len()).collect().item())
    width = sum(series.estimated_size() for series in (table.ids, *table.columns.values()))
    return table, n_rows, round(width * n_rows / len(table))


def _read_matrix(source: str | Path, params: FeatureParams) -> Table:
    for option in ("feature_id", "feature_columns"):
        if getattr(params, option) is not None:
            allowed = "nothing for a matrix: its rows are the ids, its columns have no names"
            raise InvalidParams(name=option, value=getattr(params, option), allowed=allowed)
    name = str(source)
    matrix = _open_matrix(random_access(source), name)
    if matrix.ndim != 2 or matrix.dtype.kind not in "biuf" or matrix.shape[1] == 0:
        what = f"{matrix.dtype} of shape {matrix.shape}"
        raise InvalidInput(source=name, what=what, fix="write a matrix of numbers, (n_nodes, at least 1)")
    if matrix.shape[0] == 0:
        raise no_rows(name)
    ids = pl.Series(np.arange(matrix.shape[0]))
    return Table(source=name, id_name=MATRIX, ids=ids, numbers=np.arange(1, len(ids) + 1), matrix=matrix)


def _open_matrix(place: Path | io.BytesIO, name: str) -> npt.NDArray[Any]:
    try:
        if isinstance(place, Path) and plain_suffix(name) == ".npy":
            return open_npy(place)
        with place.open("rb") if isinstance(place, Path) else place as file:
            arrays = np.load(file, allow_pickle=False)
            if isinstance(arrays, np.ndarray):
                return arrays
            names = list(arrays)
            chosen = "features" if "features" in names else names[0] if len(names) == 1 else None
            if chosen is not None:
                return np.asarray(arrays[chosen])
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        what, fix = "it is no file of plain NumPy arrays", "write it with numpy.save or numpy.savez, without objects"
        raise InvalidInput(source=name, what=what, fix=fix) from error
    what = f"several arrays: {', '.join(names)}" if names else "no array in it"
    raise InvalidInput(source=name, what=what, fix="call the one with a row for each node features")
