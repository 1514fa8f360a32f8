"""Columns inside columns."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.tables.columns import ColumnIndex
from clustering.tables.table import read_table
from foundation.errors import InvalidInput, InvalidQuery

COLUMNS = st.lists(st.integers(0, 6) | st.none(), max_size=8).map(lambda v: pl.Series(v, dtype=pl.Int64)) | st.lists(
    st.sampled_from(["0", "1", "x"]) | st.none(), max_size=8
).map(lambda v: pl.Series(v, dtype=pl.String))


def _values(column: pl.Series) -> set[Any]:
    return set(column.drop_nulls().to_list())


@settings(deadline=None)
@given(columns=st.lists(COLUMNS, min_size=1, max_size=6), threshold=st.sampled_from([0.3, 0.5, 1.0]))
def test_answers_are_those_of_python_s_sets(columns: list[pl.Series], threshold: float) -> None:
    tables = [read_table(pl.DataFrame({"c": column}), f"t{i}") for i, column in enumerate(columns)]
    index = ColumnIndex.build(tables)
    for i, column in enumerate(columns):
        asked = _values(column)
        shares = {f"t{j}": len(asked & _values(other)) / max(len(asked), 1) for j, other in enumerate(columns)}
        expected = {name for name, share in shares.items() if share >= threshold - 1e-12}
        by_values = index.query(column, threshold)
        assert {found.name.table for found in by_values} == expected
        assert all(found.containment == pytest.approx(shares[found.name.table]) for found in by_values)
        by_name = index.query((f"t{i}", "c"), threshold)
        assert {found.name.table for found in by_name} == expected - {f"t{i}"}


def test_values_can_be_a_list_and_bad_questions_are_refused() -> None:
    table = read_table(pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]}), "t")
    index = ColumnIndex.build([table])
    assert [tuple(found.name) for found in index.query(["x", "q"], 0.5)] == [("t", "b")]
    assert index.query(["q"]) == []
    with pytest.raises(InvalidQuery, match="name a table"):
        index.query(("t", "c"))
    with pytest.raises(InvalidInput, match="two are called 't'"):
        ColumnIndex.build([table, table])
