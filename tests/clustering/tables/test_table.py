"""Tables from files and frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clustering.tables.table import read_table
from foundation.errors import InvalidInput

FRAME = pl.DataFrame({"when": ["2024-05-01", None], "b": [3, 1], "a": ["x", "y"]}).with_columns(
    pl.col("when").str.to_date()
)


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv", "tsv"])
def test_files_of_every_kind_are_the_same_table(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"things.{ending}"
    if ending == "parquet":
        FRAME.write_parquet(path)
    elif ending == "arrow":
        FRAME.write_ipc(path)
    else:
        FRAME.write_csv(path, separator="\t" if ending == "tsv" else ",")
    read, given = read_table(path), read_table(FRAME, "things")
    assert (read.name, list(read.columns), read.n_rows) == ("things", ["a", "b", "when"], 2)
    assert read.schema == given.schema == {("a", "text"), ("b", "integer"), ("when", "date")}
    for name, column in read.columns.items():
        np.testing.assert_array_equal(column.hashes, given.columns[name].hashes)
        assert column[2:] == given.columns[name][2:]
    assert read.columns["b"][2:] == (1, 3, False, False)


def test_lines_of_json_and_chosen_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1, "b": [2]}\n{"a": 2, "b": []}\n')
    table = read_table(path, "other", columns=["a"])
    assert (table.name, list(table.columns)) == ("other", ["a"])
    with pytest.raises(InvalidInput, match="column 'b'"):
        read_table(path)


def test_nan_and_nulls_are_no_bounds() -> None:
    column = read_table(pl.DataFrame({"x": [float("nan"), None, 2.0, -1.0]}), "t").columns["x"]
    assert column[2:] == (-1.0, 2.0, True, True)
    nothing = read_table(pl.DataFrame({"x": [float("nan")]}), "t").columns["x"]
    assert nothing[2:] == (None, None, False, True)


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="without a name"):
        read_table(FRAME)
    with pytest.raises(InvalidInput, match=r"\.xlsx"):
        read_table(tmp_path / "a.xlsx")
    with pytest.raises(InvalidInput, match="missing"):
        read_table(tmp_path / "missing.parquet")
    with pytest.raises(InvalidInput, match="no column 'z'; its columns are when, b, a"):
        read_table(FRAME, "t", columns=["z"])
