"""Values of columns and their hashes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.tables.hashing import hashed, is_null_hash, row_hashes
from foundation.errors import InvalidInput

VALUES = {
    pl.Int64: st.integers(-(2**63), 2**63 - 1),
    pl.UInt64: st.integers(0, 2**64 - 1),
    pl.String: st.text("a\0zé∂ 😀", max_size=20),
    pl.Boolean: st.booleans(),
    pl.Date: st.dates(),
    pl.Float64: st.floats(allow_nan=False),
    pl.Datetime("us"): st.datetimes(),
}


@settings(deadline=None)
@given(data=st.data(), kind=st.sampled_from(list(VALUES)))
def test_equal_values_and_only_they_have_equal_hashes(data: st.DataObject, kind: Any) -> None:
    values = data.draw(st.lists(VALUES[kind] | st.none(), max_size=12))
    hashes = hashed(pl.Series("c", values, dtype=kind))
    assert hashes.dtype == np.int64
    assert np.all(hashes >= 0)
    assert is_null_hash(hashes).tolist() == [value is None for value in values]
    for i, left in enumerate(values):
        for j, right in enumerate(values):
            assert (hashes[i] == hashes[j]) == (left == right)


def test_the_width_of_a_type_does_not_count_and_its_kind_does() -> None:
    five = [hashed(pl.Series([5], dtype=kind))[0] for kind in (pl.Int8, pl.UInt16, pl.Int64, pl.UInt64)]
    assert len(set(five)) == 1
    assert hashed(pl.Series([0.5], dtype=pl.Float32)) == hashed(pl.Series([0.5]))
    assert hashed(pl.Series(["a"], dtype=pl.Categorical)) == hashed(pl.Series(["a"]))
    alike = [pl.Series([1]), pl.Series(["1"]), pl.Series([1.0]), pl.Series([True]), pl.Series([date(1970, 1, 2)])]
    assert len({int(hashed(column)[0]) for column in alike}) == 5
    assert hashed(pl.Series([-1])) != hashed(pl.Series([2**64 - 1], dtype=pl.UInt64))


def test_zeros_and_nan_are_one_value_each() -> None:
    zeros = hashed(pl.Series([0.0, -0.0]))
    assert zeros[0] == zeros[1]
    payload = np.array([0x7FF8000000000001, 0x7FF8000000000002], dtype=np.uint64).view(np.float64)
    nans = hashed(pl.Series(payload))
    assert nans[0] == nans[1]
    assert not is_null_hash(nans).any()


def test_moments_are_equal_in_any_unit_and_zone() -> None:
    moment = datetime(1969, 12, 31, 23, 59, 59, 250_000)
    units = [hashed(pl.Series([moment], dtype=pl.Datetime(unit)))[0] for unit in ("ms", "us", "ns")]
    assert len(set(units)) == 1
    here = datetime(2024, 5, 1, 12, tzinfo=UTC)
    there = here.astimezone(timezone(timedelta(hours=2)))
    assert hashed(pl.Series([here])) == hashed(pl.Series([there]).dt.convert_time_zone("Europe/Paris"))
    assert hashed(pl.Series([here])) != hashed(pl.Series([here.replace(tzinfo=None)]))


def test_texts_longer_than_a_slice_are_hashed_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pl.Series([f"value {i}" for i in range(50)])
    whole = hashed(texts)
    monkeypatch.setattr("clustering.tables.hashing._SLICE", 7)
    np.testing.assert_array_equal(hashed(texts), whole)


def test_rows_differ_by_order_and_by_what_stands_where() -> None:
    a, b = hashed(pl.Series([1, 2, 1, None])), hashed(pl.Series([2, 1, 2, 1]))
    rows = row_hashes([a, b])
    assert rows[0] == rows[2]
    assert len(set(rows.tolist())) == 3
    assert set(rows.tolist()).isdisjoint(row_hashes([a]).tolist())


def test_types_without_a_hash_are_refused_by_name() -> None:
    for column in (pl.Series("c", [[1]]), pl.Series("c", [b"x"]), pl.Series("c", [1], dtype=pl.Decimal(10, 2))):
        with pytest.raises(InvalidInput, match=r"column 'c'.*cast it"):
            hashed(column)
