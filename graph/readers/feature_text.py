"""Node features in text: CSV, TSV and JSON lines, from their bytes."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import orjson
import polars as pl

from foundation.errors import InvalidInput
from graph.feature_params import FeatureParams
from graph.readers.feature_table import Table, checked_ids, no_rows, unreadable, wanted_columns

_MARK = b"\xef\xbb\xbf"  # which some editors put first
_INT64 = np.iinfo(np.int64)
_ROW = "\0row"  # no header has it


def parse_csv(data: bytes, source: str, params: FeatureParams) -> Table:
    """Fields below a header, separated by tabs, commas or semicolons: the first of these that the header holds.

    Raises
    ------
    InvalidInput
    """
    data = data.removeprefix(_MARK)
    names, delimiter = _header(data, source)
    id_name, columns = wanted_columns(names, params, source)
    try:
        frame = pl.read_csv(
            data,
            separator=delimiter,
            columns=[id_name, *columns],
            schema_overrides={id_name: pl.String},
            infer_schema_length=None,
            row_index_name=_ROW,
            row_index_offset=1,
        )
    except pl.exceptions.PolarsError as error:
        raise _bad_line(data, delimiter, len(names), source) or unreadable(source, "table", error) from error
    frame = frame.filter(~pl.all_horizontal(pl.exclude(_ROW).is_null()))  # blank lines
    numbers = frame[_ROW].to_numpy().astype(np.int64)
    ids = checked_ids(frame[id_name].str.strip_chars(" \t"), source, numbers)
    series = {column: frame[column] for column in columns}
    return Table(source=source, id_name=id_name, ids=ids, numbers=numbers, columns=series, is_text=True)


def parse_json_lines(data: bytes, source: str, params: FeatureParams) -> Table:
    """One object a line. Columns are the keys of all of them; one that a line lacks is missing there.

    Raises
    ------
    InvalidInput
    """
    lines: list[int] = []
    values: dict[str, list[Any]] = {}
    for number, line in enumerate(data.removeprefix(_MARK).split(b"\n"), start=1):
        if not line or line.isspace():
            continue
        for key, value in _object(line, number, source).items():
            column = values.setdefault(key, [])
            column.extend([None] * (len(lines) - len(column)))
            column.append(value)
        lines.append(number)
    if not lines:
        raise no_rows(source)
    id_name, columns = wanted_columns(list(values), params, source)
    for column in values.values():
        column.extend([None] * (len(lines) - len(column)))
    numbers = np.array(lines, dtype=np.int64)
    ids = checked_ids(_json_ids(values.pop(id_name), id_name, numbers, source), source, numbers, "line")
    series = {name: _json_column(values[name], name) for name in columns}
    return Table(source=source, id_name=id_name, ids=ids, numbers=numbers, unit="line", columns=series)


def _header(data: bytes, source: str) -> tuple[list[str], str]:
    """Names of the columns and what separates them."""
    if not data or data.isspace():
        raise InvalidInput(source=source, what="it is empty", fix="write a header and one row for each node")
    head = data[: data.find(b"\n") + 1] or data
    try:
        text = head.decode()
    except UnicodeDecodeError:
        raise InvalidInput(source=source, what="its header is not UTF-8", fix="write it again", line=1) from None
    delimiter = next((mark for mark in "\t,;" if mark in text), ",")
    try:
        names = next(csv.reader([text.strip("\r\n")], delimiter=delimiter), [])
    except csv.Error as error:
        raise InvalidInput(source=source, what=f"it makes no header ({error})", fix="mend it", line=1) from None
    numbers = [name for name in names if _is_number(name)]
    if len(numbers) == len(names) or any(not name.strip().isdecimal() for name in numbers):
        what = f"a row of numbers where the columns' names should be: {numbers[0]!r}" if numbers else "it is blank"
        raise InvalidInput(source=source, what=what, fix="write a header", line=1)
    if len(set(names)) < len(names):
        name = next(name for place, name in enumerate(names) if name in names[:place])
        raise InvalidInput(source=source, what=f"two columns are called {name!r}", fix="rename one", line=1)
    return names, delimiter


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _bad_line(data: bytes, delimiter: str, n_columns: int, source: str) -> InvalidInput | None:
    """The first line that makes no row, for a message; None when all do."""
    reader = csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for fields in reader:
            number = reader.line_num
            if any("\ufffd" in field for field in fields):
                return InvalidInput(source=source, what="is not UTF-8", fix="write it as UTF-8", line=number)
            if len(fields) > n_columns:
                what = f"{len(fields)} fields where the header names {n_columns}"
                return InvalidInput(source=source, what=what, fix="check the line", line=number)
    except csv.Error as error:
        fix = "close the quotes"
        return InvalidInput(source=source, what=f"it makes no row ({error})", fix=fix, line=number + 1)
    return None


def _object(line: bytes, number: int, source: str) -> dict[str, Any]:
    fix = "write one JSON object per line"
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        what = f"this is not JSON ({error.msg} at character {error.pos + 1})"
        raise InvalidInput(source=source, what=what, fix=fix, line=number) from None
    if not isinstance(record, dict):
        what = f"this is a JSON {type(record).__name__}, no object"
        raise InvalidInput(source=source, what=what, fix=fix, line=number)
    return record


def _json_ids(values: list[Any], name: str, numbers: Any, source: str) -> pl.Series:
    for value, number in zip(values, numbers.tolist(), strict=True):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | str)):
            what = f"{name!r} is {str(value)[:40]}, no id"
            fix = "ids are integers or strings; set feature_id"
            raise InvalidInput(source=source, what=what, fix=fix, line=number)
    if all(isinstance(value, int) and _INT64.min <= value <= _INT64.max for value in values):
        return pl.Series(name, values, dtype=pl.Int64)
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)


def _json_column(values: list[Any], name: str) -> pl.Series:
    """Numbers, or arrays of numbers, where all are such; else text."""
    if all(value is None or isinstance(value, int | float) for value in values):
        if all(value is None for value in values):
            return pl.Series(name, values, dtype=pl.Null)
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    if all(value is None or _is_array(value) for value in values):
        rows = [value if value is None else [None if v is None else float(v) for v in value] for value in values]
        return pl.Series(name, rows, dtype=pl.List(pl.Float64))
    first = next(value for value in values if isinstance(value, str | list | dict))
    texts = [str(value) if type(value) is type(first) else None for value in values]
    return pl.Series(name, texts, dtype=pl.String)


def _is_array(value: Any) -> bool:
    return isinstance(value, list) and all(item is None or isinstance(item, int | float) for item in value)
