"""Ids against a plain sorted Python list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput
from foundation.ids import Ids, IntegerIds, StringIds, ids_from_arrays, parse_integer

INT64 = st.integers(-(2**63), 2**63 - 1)
INTEGERS = st.sets(INT64 | st.integers(-120, 120), max_size=30).map(sorted)
TEXTS = st.sets(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=30).map(sorted)


def integer_ids(values: Sequence[int]) -> IntegerIds:
    return IntegerIds(len(values), np.array(values, dtype=np.int64))


def saved_and_opened(ids: Ids) -> Ids:
    return ids_from_arrays(ids.arrays())


@settings(deadline=None)
@given(values=INTEGERS, other=INT64)
def test_integers_are_found_where_they_stand_and_only_those(values: list[int], other: int) -> None:
    ids = saved_and_opened(integer_ids(values))
    assert len(ids) == len(values)
    assert [ids[row] for row in range(len(ids))] == values == ids.take(range(len(ids)))
    assert [ids.find(value) for value in values] == list(range(len(values)))
    assert [ids.find(str(value)) for value in values] == list(range(len(values)))
    assert ids.find(other) == (values.index(other) if other in values else -1)


@settings(deadline=None)
@given(values=INTEGERS, data=st.data(), limit=st.integers(0, 40))
def test_integers_by_prefix_are_those_whose_text_starts_so(values: list[int], data: st.DataObject, limit: int) -> None:
    texts = [str(value) for value in values]
    cut = st.sampled_from([text[:length] for text in texts for length in range(len(text) + 1)] or [""])
    prefix = data.draw(cut | st.text("-+0123459x", max_size=3))
    expected = [row for row, text in enumerate(texts) if text.startswith(prefix)][:limit]
    assert integer_ids(values).prefix(prefix, limit) == expected


@pytest.mark.parametrize("prefix", ["", "1", "12", "0", "00", "9", "-", "+1", "x", "123456789012345678901234567890"])
def test_rows_as_ids_answer_like_a_list_of_them(prefix: str) -> None:
    ids = saved_and_opened(IntegerIds(1234))
    assert ids.prefix(prefix, 2000) == [row for row in range(1234) if str(row).startswith(prefix)]
    assert [ids.find(wanted) for wanted in (0, 1233, 1234, -1, "7", "-7", "007")] == [0, 1233, -1, -1, 7, -1, 7]
    assert ids.take(np.array([1233, 0, 7])) == [1233, 0, 7]


@pytest.mark.parametrize(
    "strange", ["1_0", "１", " 7", "7 ", "7.0", "", "x", "0x7", "9" * 30, "-" + "9" * 30, "9" * 5000]
)
def test_text_that_is_no_int64_is_not_found_among_integers(strange: str) -> None:
    assert parse_integer(strange) is None
    assert integer_ids([-(2**63), 7, 10, 2**63 - 1]).find(strange) == -1


def test_an_integer_beyond_int64_is_not_found() -> None:
    ids = integer_ids([-(2**63), 7, 2**63 - 1])
    assert [ids.find(2**63), ids.find(-(2**63) - 1), ids.find(10**5000)] == [-1, -1, -1]


@settings(deadline=None)
@given(value=INT64, zeros=st.integers(0, 30))
def test_signs_and_leading_zeros_do_not_change_an_integer(value: int, zeros: int) -> None:
    sign = "-" if value < 0 else "+"
    assert parse_integer(f"{sign}{'0' * zeros}{abs(value)}") == value


@settings(deadline=None)
@given(texts=TEXTS, other=st.text(max_size=3), limit=st.integers(0, 40))
def test_strings_are_found_where_they_stand_and_only_those(texts: list[str], other: str, limit: int) -> None:
    ids = saved_and_opened(StringIds.from_sorted(texts))
    assert [ids[row] for row in range(len(ids))] == texts == ids.take(range(len(ids)))
    assert ids.take([len(ids) - 1, 0, 0] if texts else []) == ([texts[-1], texts[0], texts[0]] if texts else [])
    assert [ids.find(text) for text in texts] == list(range(len(texts)))
    assert ids.find(other) == (texts.index(other) if other in texts else -1)
    for prefix in (other, other[:1], ""):
        expected = [row for row, text in enumerate(texts) if text.startswith(prefix)][:limit]
        assert ids.prefix(prefix, limit) == expected


def test_an_integer_finds_its_text_among_strings() -> None:
    assert StringIds.from_sorted(["7", "a"]).find(7) == 0


@pytest.mark.parametrize("row", [-1, 2])
def test_a_row_outside_is_an_index_error(row: int) -> None:
    for ids in (IntegerIds(2), integer_ids([5, 6]), StringIds.from_sorted(["a", "b"])):
        with pytest.raises(IndexError):
            ids[row]


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [(["a", "a"], "'a' appears twice"), (["b", "a"], "'a' is out of order"), (["\ud800"], "no valid Unicode")],
)
def test_ids_that_cannot_be_looked_up_are_refused(texts: list[str], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        StringIds.from_sorted(texts)


def test_arrays_that_hold_no_ids_are_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="no arrays of ids among: indptr"):
        ids_from_arrays({"indptr": np.zeros(1, dtype=np.int64)})


def test_keys_depend_on_the_id_and_not_on_its_row() -> None:
    names = ["", "a", "b", "node-0000001", "node-0000002", "zürich" * 5]
    keys = StringIds.from_sorted(names).keys(0, len(names))
    assert len(set(keys.tolist())) == len(names)
    assert StringIds.from_sorted(names[2:5]).keys(1, 3).tolist() == keys[3:5].tolist()
    assert IntegerIds(5).keys(2, 5).tolist() == [2, 3, 4]
    values = np.array([-7, 2, 3], dtype=np.int64)
    assert IntegerIds(3, values).keys(0, 3).tolist() == [2**64 - 7, 2, 3]
