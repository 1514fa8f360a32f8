"""How a graph file is to be read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from foundation.errors import InvalidParams
from graph.assembly import Duplicates, SelfLoops, check_policies

Format = Literal["auto", "edges", "csv", "tsv", "parquet", "matrix_market", "mat", "npz"]
OnError = Literal["stop", "skip"]
EVERY_OTHER_TYPE = "*"
TOO_LARGE = 2.0**128 - 2.0**103  # the smallest number that float32 rounds to infinity


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadParams:
    """Everything that decides what a file means: equal params on equal bytes give equal graphs.

    Attributes
    ----------
    format
        "auto" goes by the file's name, after .gz .zst .bz2; "edges" is one edge per line in columns.
    src, dst, weight, type
        A column's name or its number from 0. None means: src and dst by a well-known pair of names in the header
        (src/dst, source/target, from/to, …), else columns 0 and 1; weight by the name "weight", else 1 for every
        edge; type by the name "type" where ``type_weights`` are given, else no types.
    type_weights
        What an edge of each type weighs; it multiplies the weight column. 0 drops the type, "*" stands for every
        type not named; without "*" a type that is not named is an error.
    weighted
        False reads every edge as 1, whatever weights the input holds.
    header
        Whether the first line names the columns; None finds out.
    delimiter
        One ASCII character; " " is any run of blanks and tabs. None finds out: tab, comma, blanks.
    comment
        Lines that start so are not data; "" if there are none.
    directed, duplicates, self_loops
        As `graph.csr.CSRGraph.from_edges`.
    on_error, max_errors
        "stop" at the first line that cannot be used, or "skip" at most ``max_errors`` of them.
    """

    format: Format = "auto"
    src: str | int | None = None
    dst: str | int | None = None
    weight: str | int | None = None
    type: str | int | None = None
    type_weights: tuple[tuple[str, float], ...] | None = None
    weighted: bool = True
    header: bool | None = None
    delimiter: str | None = None
    comment: str = "#"
    directed: bool = True
    duplicates: Duplicates = "sum"
    self_loops: SelfLoops = "keep"
    on_error: OnError = "stop"
    max_errors: int = 1000

    def __post_init__(self) -> None:
        _check_word("format", self.format, get_args(Format))
        _check_word("on_error", self.on_error, get_args(OnError))
        check_policies(self.duplicates, self.self_loops)
        _check_columns(self)
        if self.type_weights is not None:
            object.__setattr__(self, "type_weights", _checked_type_weights(self.type_weights))
        sign = self.delimiter
        if sign is not None and (len(sign) != 1 or sign in '\n\r"\0' or not sign.isascii()):
            _refuse("delimiter", sign, 'one ASCII character that is no line end and no quote, or " " for blanks')
        if not self.comment.isascii() or any(sign.isspace() or sign in '"\0' for sign in self.comment):
            _refuse("comment", self.comment, 'ASCII without blanks and quotes, such as "#" or "//", or ""')
        if self.max_errors < 0:
            _refuse("max_errors", self.max_errors, "0 or more")


def _refuse(name: str, value: object, allowed: str) -> None:
    raise InvalidParams(name=name, value=value, allowed=allowed)


def _check_word(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        _refuse(name, value, ", ".join(allowed))


def _check_columns(params: ReadParams) -> None:
    given: dict[str | int, str] = {}
    for name in ("src", "dst", "weight", "type"):
        column = getattr(params, name)
        if column is None:
            continue
        if isinstance(column, bool) or not isinstance(column, str | int) or column == "":
            _refuse(name, column, "a column's name, or its number from 0")
        if isinstance(column, int) and column < 0:
            _refuse(name, column, "a column's name, or its number from 0")
        if isinstance(column, str) and params.header is False:
            _refuse(name, column, "a number, as header = false says that columns have no names")
        if column in given:
            _refuse(name, column, f"a column of its own; {given[column]} is that one already")
        given[column] = name
    if params.weight is not None and not params.weighted:
        _refuse("weight", params.weight, "none, as weighted = false leaves weights out")


def _checked_type_weights(pairs: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """The pairs as tuples, whatever sequence they came in."""
    checked = tuple((str(name), float(weight)) for name, weight in pairs)
    names = [name for name, _ in checked]
    for name, weight in checked:
        if not (math.isfinite(weight) and 0 <= weight < TOO_LARGE):
            _refuse(f"type_weights.{name}", weight, "finite, not negative, and at most 3.4e38")
        if names.count(name) > 1:
            _refuse("type_weights", name, "every type once")
    if not checked:
        _refuse("type_weights", checked, "at least one type, or none at all for equal weights")
    return checked
