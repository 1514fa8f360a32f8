"""Files of documents: JSON lines and Parquet, one mapping per document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foundation.errors import InvalidInput
from foundation.sources import open_source, plain_suffix, random_access

if TYPE_CHECKING:
    import polars as pl

_PARQUET_MAGIC = b"PAR1"
_ROWS_AT_ONCE = 1024
_SAMPLE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no document."""

    what: str
    fix: str


Records = Iterator[tuple[int, dict[str, Any] | Unreadable]]


Format = Literal["auto", "jsonl", "parquet"]


def named_format(source: str | Path, format: Format) -> Format:
    """``format``, or for "auto" what the name says (``.parquet``, ``.pq``); "auto" again when that is nothing."""
    return "parquet" if format == "auto" and plain_suffix(source) in (".parquet", ".pq") else format


def document_format(source: str | Path, format: Format) -> Literal["jsonl", "parquet"]:
    """``format``, or for "auto" what the name or else the first bytes say."""
    named = named_format(source, format)
    if named != "auto":
        return named
    with open_source(source) as stream:
        return "parquet" if stream.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC else "jsonl"


def json_records(source: str | Path) -> Records:
    """Line number, from 1, and document of every line that is not blank."""
    with open_source(source) as stream:
        yield from json_lines(stream)


def json_lines(lines: Iterable[bytes]) -> Records:
    """As `json_records`, of lines at hand."""
    import orjson

    for number, line in enumerate(lines, start=1):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line  # the mark some editors put first
        if text.isspace() or not text:
            continue
        try:
            record = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            what = f"this is not JSON ({error.msg} at character {error.pos + 1})"
            yield number, Unreadable(what, "write one JSON object per line")
            continue
        if isinstance(record, dict):
            yield number, record
        else:
            yield number, Unreadable(f"this is a JSON {type(record).__name__}, no object", "write one object per line")


def parquet_records(source: str | Path, columns: Iterable[str]) -> Records:
    """Row number, from 1, and the named columns of every row; columns that the file lacks are left out."""
    import polars as pl

    try:
        table = pl.scan_parquet(random_access(source))
        present = table.collect_schema().names()
        frame = table.select([name for name in dict.fromkeys(columns) if name in present]).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _no_parquet(source, error) from error
    number = 0
    for rows in frame.iter_slices(_ROWS_AT_ONCE):
        vectors = {name: _token_arrays(rows[name]) for name in rows.columns if _is_nested(rows[name])}
        for row, record in enumerate(rows.drop(vectors).iter_rows(named=True)):
            number += 1
            yield number, record | {name: arrays[row] for name, arrays in vectors.items()}


def parquet_sample(source: str | Path, columns: Iterable[str]) -> tuple[int, list[dict[str, Any]]]:
    """Number of rows, and the named columns of the first thousand."""
    import polars as pl

    try:
        table = pl.scan_parquet(random_access(source))
        present = table.collect_schema().names()
        n_rows = int(table.select(pl.len()).collect().item())
        sample = table.select([name for name in dict.fromkeys(columns) if name in present]).head(_SAMPLE_ROWS).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _no_parquet(source, error) from error
    return n_rows, sample.to_dicts()


def parquet_columns(source: str | Path) -> list[str]:
    """Names of the columns."""
    import polars as pl

    try:
        return pl.scan_parquet(random_access(source)).collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _no_parquet(source, error) from error


def _is_nested(series: pl.Series) -> bool:
    """Whether the column holds lists of lists of numbers."""
    outer = series.dtype
    inner = getattr(outer, "inner", None)
    number = getattr(inner, "inner", None)
    return number is not None and bool(number.is_numeric())


def _token_arrays(series: pl.Series) -> list[Any]:
    """Each row's lists as one array (n_tokens, dim), or as they are in the file where they are not rectangular."""
    import polars as pl

    lists = series.cast(pl.List(pl.List(series.dtype.inner.inner)))  # type: ignore[attr-defined]  # _is_nested
    n_tokens = lists.list.len().fill_null(0)
    tokens = lists.filter(n_tokens > 0).explode()
    widths = tokens.list.len()
    if tokens.len() == 0 or tokens.null_count() or widths.n_unique() > 1 or widths[0] == 0:
        return series.to_list()
    numbers = tokens.explode()
    if numbers.null_count():
        return series.to_list()
    rows = numbers.to_numpy().reshape(-1, int(widths[0]))
    return list(np.split(rows, np.cumsum(n_tokens.to_numpy())[:-1]))


def _no_parquet(source: str | Path, error: Exception) -> InvalidInput:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InvalidInput(source=str(source), what=f"this cannot be read as Parquet ({reason})", fix="write it again")
