"""Rows of one column of ids found in another, against dictionaries."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.ids import Ids, IntegerIds, StringIds
from foundation.matching import equal_texts, matching_rows

TEXTS = st.sets(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=12).map(sorted)
INTEGERS = st.sets(st.integers(-5, 12) | st.sampled_from([-(2**63), 2**63 - 1]), max_size=12).map(sorted)


def columns(kind: str, values: list[str] | list[int]) -> Ids:
    if kind == "text":
        return StringIds.from_sorted([str(value) for value in values])
    if kind == "rows":
        return IntegerIds(len(values))
    return IntegerIds(len(values), np.array(values, dtype=np.int64))


def listed(ids: Ids) -> list[str | int]:
    return ids.take(range(len(ids)))


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_each_id_is_found_where_it_was_and_no_other(data: st.DataObject) -> None:
    kinds = data.draw(
        st.sampled_from([("text", "text")] * 2 + [(a, b) for a in ("int", "rows") for b in ("int", "rows")])
    )
    old, new = (columns(kind, data.draw(TEXTS if kind == "text" else INTEGERS)) for kind in kinds)
    start = data.draw(st.integers(0, len(new)))
    stop = data.draw(st.integers(start, len(new)))
    before = {id: row for row, id in enumerate(listed(old))}
    expected = [before.get(id, -1) for id in listed(new)[start:stop]]
    assert matching_rows(old, new, start, stop).tolist() == expected


def test_strings_and_integers_are_never_the_same_ids() -> None:
    assert matching_rows(columns("int", [1, 2]), columns("text", ["1", "2"]), 0, 2).tolist() == [-1, -1]
    assert matching_rows(columns("text", ["1", "2"]), columns("rows", [0, 1]), 0, 2).tolist() == [-1, -1]


@settings(deadline=None)
@given(old=st.lists(st.binary(max_size=3), max_size=6), new=st.lists(st.binary(max_size=3), max_size=6), data=st.data())
def test_texts_are_equal_when_every_byte_is(old: list[bytes], new: list[bytes], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(new)))
    picked = st.lists(st.integers(-1, len(old) - 1), max_size=len(new) - start)
    rows = data.draw(picked)
    expected = [row if row >= 0 and old[row] == new[start + i] else -1 for i, row in enumerate(rows)]
    assert equal_texts(blob(old), blob(new), np.array(rows, dtype=np.int64), start).tolist() == expected


def blob(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *(len(text) for text in texts)], dtype=np.int64)
    return np.frombuffer(b"".join(texts), dtype=np.uint8), offsets
