"""Filters on typed fields: a condition becomes one bool per row.

A condition is what JSON can hold. ``{"section": "net"}`` asks for equality (of a list of strings: that it holds the
string); ``{"section": ["net", "web"]}`` for one of several values; ``{"year": {"ge": 2001, "lt": 2010}}`` for a range
of numbers or of strings in their order (``ge``, ``gt``, ``le``, ``lt``). Several fields must all agree; ``{"and":
[…]}``, ``{"or": […]}`` and ``{"not": …}`` combine conditions. A row without the field meets no condition on it, and
so meets its negation.
"""

from __future__ import annotations

import bisect
import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from foundation.errors import InvalidQuery
from vectors.corpus.columns import Bools, Column
from vectors.corpus.text_blob import TextBlob

_COMPARED: Final = {"ge": np.greater_equal, "gt": np.greater, "le": np.less_equal, "lt": np.less}
_NAMES: Final = {"bool": "true and false", "strings": "lists of strings"}
_DEEPEST: Final = 32  # nesting that a question may have; beyond it somebody tries what happens


def matching_rows(where: Mapping[str, Any], columns: Mapping[str, Column], n_rows: int) -> Bools:
    """Rows that meet a condition, bool (n_rows,); an empty condition is met by all.

    Raises
    ------
    InvalidQuery
        For a field that is not there, a value of another type than the field's, or what is no condition.
    """
    return _all_of(where, columns, n_rows, 0)


def _all_of(where: object, columns: Mapping[str, Column], n_rows: int, depth: int) -> Bools:
    if not isinstance(where, Mapping):
        raise _refused(f"{where!r} is no condition", 'write {"field": value}')
    if depth > _DEEPEST:
        raise _refused(f"the filter is nested more than {_DEEPEST} deep", "write it flatter")
    found = np.ones(n_rows, dtype=np.bool_)
    for name, wanted in where.items():
        found &= _one(name, wanted, columns, n_rows, depth)
    return found


def _one(name: str, wanted: object, columns: Mapping[str, Column], n_rows: int, depth: int) -> Bools:
    """A field's condition, or conditions combined."""
    if name == "not" and isinstance(wanted, Mapping):
        return ~_all_of(wanted, columns, n_rows, depth + 1)
    parts = wanted if isinstance(wanted, list | tuple) else ()
    # A list of values after these words is a condition on a field of that name.
    if name in ("and", "or") and all(isinstance(part, Mapping) for part in parts) and parts:
        combine = np.logical_and if name == "and" else np.logical_or
        found: Bools = combine.reduce([_all_of(part, columns, n_rows, depth + 1) for part in parts])
        return found
    column = _column(name, columns)
    if isinstance(wanted, Mapping):
        return _within(name, wanted, column)
    if isinstance(wanted, list | tuple):
        return _among(wanted, column)
    return column.equals(_value(name, wanted))


def _among(values: Sequence[Any], column: Column) -> Bools:
    found = np.zeros(len(column), dtype=np.bool_)
    for value in values:
        found |= column.equals(value)
    return found


def _within(name: str, bounds: Mapping[str, Any], column: Column) -> Bools:
    unknown = [bound for bound in bounds if bound not in _COMPARED]
    if unknown or not bounds:
        what = f"{name!r} is held to {unknown[0]!r}" if unknown else f"{name!r} is held to nothing"
        raise _refused(what, f"a range is made of {', '.join(_COMPARED)}")
    found = np.ones(len(column), dtype=np.bool_)
    for bound, limit in bounds.items():
        found &= _beyond(name, bound, limit, column)
    return found


def _beyond(name: str, bound: str, limit: Any, column: Column) -> Bools:
    """Rows on one side of a limit."""
    arrays = column.arrays()
    if column.kind == "number":
        number = _number(name, limit)
        return np.asarray(_COMPARED[bound](arrays["number"], number) & arrays["valid"], dtype=np.bool_)
    if column.kind != "string":
        raise _refused(
            f"{name!r} holds {_NAMES[column.kind]}, which have no order", "hold numbers or strings to a range"
        )
    if not isinstance(limit, str):
        raise _refused(f"{name!r} holds strings, its range ends at {limit!r}", "end it at a string")
    # A row holds the number of its string among the sorted ones: the limit becomes such a number.
    side = bisect.bisect_left if bound in ("ge", "lt") else bisect.bisect_right
    first, codes = side(TextBlob(arrays["blob"], arrays["blob_offsets"]), limit), arrays["string"]
    return np.asarray(codes >= first if bound in ("ge", "gt") else codes < first) & (codes >= 0)


def _number(name: str, limit: Any) -> int | float:
    """A limit of numbers, which may come as text; beyond int64 it is infinite."""
    number: int | float
    try:
        if isinstance(limit, bool) or not isinstance(limit, int | float | str):
            raise ValueError
        number = float(limit) if isinstance(limit, float) else int(limit)
    except ValueError:
        try:
            number = float(limit) if isinstance(limit, str) else np.nan
        except ValueError:
            number = np.nan
    if number != number:
        raise _refused(f"{name!r} holds numbers, its range ends at {limit!r}", "end it at a number")
    if isinstance(number, int) and not -(2**63) <= number < 2**63:
        return float("inf") if number > 0 else -float("inf")
    return number


def _column(name: str, columns: Mapping[str, Column]) -> Column:
    if name not in columns:
        near = difflib.get_close_matches(name, columns, 1) or sorted(columns)[:5]
        known = f"did you mean {near[0]!r}?" if len(near) == 1 else f"there are {', '.join(map(repr, near)) or 'none'}"
        raise _refused(f"there is no field {name!r} to filter by", known)
    return columns[name]


def _value(name: str, value: Any) -> Any:
    if value is None:
        raise _refused(f"{name!r} is compared with nothing", "give a value, or leave the field out")
    return value


def _refused(what: str, fix: str) -> InvalidQuery:
    return InvalidQuery(what=what, fix=fix)
