"""A table as containment sees it: columns with their kinds, bounds and hashed values."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from clustering.tables.hashing import Hashes, Kind, hashed, kind_of
from foundation.errors import InvalidInput

_READERS: dict[str, Callable[[Path], pl.LazyFrame]] = {
    ".parquet": pl.scan_parquet,
    ".arrow": pl.scan_ipc,
    ".feather": pl.scan_ipc,
    ".csv": functools.partial(pl.scan_csv, try_parse_dates=True),
    ".tsv": functools.partial(pl.scan_csv, separator="\t", quote_char=None, try_parse_dates=True),
    ".jsonl": pl.scan_ndjson,
}


class Column(NamedTuple):
    """Values of one kind: their hashes, int64 (n_rows,); least and greatest, None where all are null (or NaN).

    ``has_null`` and ``has_nan`` say whether there is such a value.
    """

    kind: Kind
    hashes: Hashes
    least: Any
    greatest: Any
    has_null: bool
    has_nan: bool


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns by name, in the order of their names, all of ``n_rows`` values."""

    name: str
    columns: dict[str, Column]
    n_rows: int

    @property
    def schema(self) -> frozenset[tuple[str, Kind]]:
        """Names and kinds of the columns."""
        return frozenset((name, column.kind) for name, column in self.columns.items())


def read_table(
    source: Path | str | pl.DataFrame | pl.LazyFrame, name: str | None = None, columns: Collection[str] | None = None
) -> Table:
    """Hash the columns of a table: 8 bytes a value are kept, its data is not.

    Parameters
    ----------
    source
        A file (.parquet, .arrow, .feather, .csv, .tsv, .jsonl), or a polars frame; ``pl.from_arrow(table)`` makes one
        of an Arrow table. Dates in text files are recognised.
    name
        The table's name, by default the file's without its ending.
    columns
        Only these; all by default.

    Raises
    ------
    InvalidInput
        On a file of another kind or that cannot be read, a frame without a name, an unknown column, or a column of a
        type that has no hash.
    """
    if isinstance(source, pl.DataFrame | pl.LazyFrame):
        if name is None:
            raise InvalidInput(source="table", what="a frame without a name", fix="pass name=…")
        frame = source.lazy()
    else:
        path = Path(source)
        if path.suffix not in _READERS:
            raise InvalidInput(source=str(path), what=f"ends with {path.suffix!r}", fix=f"pass {', '.join(_READERS)}")
        frame, name = _READERS[path.suffix](path), path.stem if name is None else name
    try:
        known = frame.collect_schema().names()
        unknown = sorted(set(columns or ()) - set(known))
        if unknown:
            raise InvalidInput(source=name, what=f"no column {unknown[0]!r}", fix=f"its columns are {', '.join(known)}")
        data = frame.select(sorted(known if columns is None else set(columns))).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InvalidInput(source=name, what=str(error).splitlines()[0], fix="pass a table polars can read") from None
    return Table(name, {series.name: _column(series) for series in data}, data.height)


def _column(series: pl.Series) -> Column:
    kind = kind_of(series)
    if kind == "text":
        series = series.cast(pl.String)
    is_nan = series.is_nan() if kind == "float" else None
    values = series if is_nan is None else series.set(is_nan, None)
    return Column(
        kind=kind,
        hashes=hashed(series),
        least=values.min(),
        greatest=values.max(),
        has_null=series.null_count() > 0,
        has_nan=is_nan is not None and bool(is_nan.any()),
    )
