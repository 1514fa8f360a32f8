"""Conditions on typed fields, against the same condition in plain Python over each row."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidQuery
from vectors.corpus.columns import column_from_values
from vectors.corpus.filters import matching_rows

ROWS: list[dict[str, Any]] = [
    {"section": "net", "year": 2001, "free": True, "tags": ["web", "mail"], "size": 1.5},
    {"section": "web", "year": 2009, "free": False, "tags": ["web"], "size": -2.0},
    {"section": "net", "year": None, "free": None, "tags": [], "size": None},
    {"section": None, "year": 2010, "free": True, "tags": ["x"], "size": 0.0},
    {"section": "ärger", "year": 1999, "free": False, "tags": ["mail", "x"], "size": 1e300},
]
KINDS: dict[str, Any] = {"section": "string", "year": "number", "free": "bool", "tags": "strings", "size": "number"}
COLUMNS = {name: column_from_values(kind, [row[name] for row in ROWS]) for name, kind in KINDS.items()}
COMPARED = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}


def found(where: Any) -> list[int]:
    return np.flatnonzero(matching_rows(where, COLUMNS, len(ROWS))).tolist()


def meets(row: dict[str, Any], where: dict[str, Any]) -> bool:
    """The oracle."""
    return all(meets_one(row, name, wanted) for name, wanted in where.items())


def meets_one(row: dict[str, Any], name: str, wanted: Any) -> bool:
    if name == "not":
        return not meets(row, wanted)
    if name in ("and", "or"):
        return (all if name == "and" else any)(meets(row, part) for part in wanted)
    value = row[name]
    if isinstance(wanted, list):
        return any(meets_one(row, name, one) for one in wanted)
    if isinstance(wanted, dict):
        return value is not None and all(COMPARED[bound](value, limit) for bound, limit in wanted.items())
    return wanted in value if isinstance(value, list) else value is not None and value == wanted


leaves = st.one_of(
    st.fixed_dictionaries({"section": st.sampled_from(["net", "web", "ärger", "none", ""])}),
    st.fixed_dictionaries({"section": st.lists(st.sampled_from(["net", "web", "none"]), max_size=3)}),
    st.fixed_dictionaries({"year": st.sampled_from([1999, 2001, 2010, 2**70, -(2**70), 2001.0, 2001.5])}),
    st.fixed_dictionaries({"free": st.booleans()}),
    st.fixed_dictionaries({"tags": st.sampled_from(["web", "mail", "none"])}),
    st.fixed_dictionaries(
        {
            "year": st.dictionaries(
                st.sampled_from(list(COMPARED)), st.sampled_from([1999, 2001, 2009.5, 2**70, float("-inf")]), min_size=1
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "section": st.dictionaries(
                st.sampled_from(list(COMPARED)), st.sampled_from(["", "n", "net", "web", "z", "ö"]), min_size=1
            )
        }
    ),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"or": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(where=conditions)
def test_a_condition_finds_the_rows_that_meet_it(where: dict[str, Any]) -> None:
    assert found(where) == [number for number, row in enumerate(ROWS) if meets(row, where)]


def test_several_fields_must_all_agree_and_none_asks_for_nothing() -> None:
    assert found({"section": "net", "free": True}) == [0]
    assert found({}) == [0, 1, 2, 3, 4]
    assert matching_rows({}, {}, 3).tolist() == [True] * 3


def test_a_row_without_the_field_meets_only_the_negation() -> None:
    assert 2 not in found({"year": {"ge": 0}})
    assert 2 in found({"not": {"year": {"ge": 0}}})


def test_numbers_and_truth_may_come_as_text() -> None:
    assert found({"year": "2001"}) == [0]
    assert found({"year": {"gt": "2000.5"}}) == [0, 1, 3]
    assert found({"free": "true"}) == [0, 3]


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("rows", [[], [2], [4, 2, 0, 0, 3, 1]])
def test_values_taken_together_are_those_of_each_row(name: str, rows: list[int]) -> None:
    taken = COLUMNS[name].take(np.array(rows, dtype=np.int64))
    assert taken == [ROWS[row][name] for row in rows] == [COLUMNS[name][row] for row in rows]


def test_a_field_may_be_called_and() -> None:
    columns = {"and": column_from_values("string", ["a", "b", None])}
    assert matching_rows({"and": ["a"]}, columns, 3).tolist() == [True, False, False]
    assert matching_rows({"and": "b"}, columns, 3).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"sektion": "net"}, "did you mean 'section'"),
        ({"q": 1}, "no field 'q'"),
        ({"year": "soon"}, "numbers"),
        ({"year": {"ge": "soon"}}, "ends at 'soon'"),
        ({"year": {"ge": float("nan")}}, "ends at nan"),
        ({"year": {"ge": True}}, "ends at True"),
        ({"year": {"ge": None}}, "ends at None"),
        ({"year": {"above": 3}}, "'above'"),
        ({"year": {}}, "held to nothing"),
        ({"free": {"ge": True}}, "no order"),
        ({"tags": {"lt": "x"}}, "no order"),
        ({"section": {"lt": 3}}, "ends at 3"),
        ({"section": 3}, "strings"),
        ({"section": [3]}, "strings"),
        ({"section": None}, "compared with nothing"),
        ({"and": [{"section": "net"}, 3]}, "no field 'and'"),
        ({"not": "x"}, "no field 'not'"),
        ([], "no condition"),
        ("section=net", "no condition"),
    ],
)
def test_what_makes_no_sense_is_refused(where: Any, said: str) -> None:
    with pytest.raises(InvalidQuery, match=said):
        found(where)


def test_nesting_has_an_end() -> None:
    where: dict[str, Any] = {"section": "net"}
    for _ in range(40):
        where = {"not": where}
    with pytest.raises(InvalidQuery, match="32 deep"):
        found(where)
