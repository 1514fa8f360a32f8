"""Lines of text to edges, one at a time: slow, exact, and the definition of the format.

`graph.readers.blocks` reads millions of lines at once and hands a piece to this file when anything in it is unusual;
both must then mean the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, final

import numpy as np
import polars as pl

from foundation.errors import InvalidInput
from foundation.ids import parse_integer
from graph.readers.batches import Batch, make_batch, type_factor
from graph.readers.layout import Layout, LineError, parse_weight
from graph.readers.params import TOO_LARGE, ReadParams

N_EXAMPLES = 5


class Rejecting(Protocol):
    """Whoever is told of lines that cannot be used."""

    def add(self, place: int | str, error: LineError) -> None: ...


class NotIntegersError(Exception):
    """An id that is no int64: all ids of this source are strings."""


@dataclass(slots=True)
class Rejections:
    """Lines that could not be used: raises at the first one, or beyond the allowed number, unless told not to."""

    source: str
    params: ReadParams
    stops: bool = True
    n: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, place: int | str, error: LineError) -> None:
        """``place`` is the number of a line, or words for where lines mean nothing."""
        self.n += 1
        if not self.stops:
            return
        line, where, what = (place, f"line {place}", error.what) if isinstance(place, int) else (None, place, "")
        what = what or f"{place}: {error.what}"
        if self.params.on_error == "stop":
            fix = f"{error.fix}; or set on_error = skip"
            raise InvalidInput(source=self.source, what=what, fix=fix, line=line)
        if self.n > self.params.max_errors:
            what = f"{what}; it is rejection {self.n}, more than max_errors = {self.params.max_errors}"
            raise InvalidInput(source=self.source, what=what, fix=f"{error.fix}; or raise max_errors", line=line)
        if len(self.examples) < N_EXAMPLES:
            self.examples.append(f"{where} rejected: {error.what}")


class TooManyError(Exception):
    """Enough lines of a piece are bad to end the reading, whatever stands before it."""


@final
@dataclass(slots=True)
class Noted:
    """Rejections of a piece of a source whose lines are numbered from 0, until it is known what stands before it.

    Raises `TooManyError` beyond ``most``: nobody will ask for more.
    """

    most: int
    entries: list[tuple[int, LineError]] = field(default_factory=list)

    @classmethod
    def under(cls, params: ReadParams) -> Noted:
        return cls(0 if params.on_error == "stop" else params.max_errors)

    def add(self, place: int | str, error: LineError) -> None:
        self.entries.append((int(place), error))
        if len(self.entries) > self.most:
            raise TooManyError


def parse_lines(
    block: bytes, first_line: int, layout: Layout, params: ReadParams, integers: bool, rejections: Rejecting
) -> Batch:
    """Edges of ``block``, whose first line is number ``first_line`` of the file.

    Raises
    ------
    NotIntegersError
        When ``integers`` are wanted and the id of an edge that counts is none.
    InvalidInput
        For a line that cannot be used, as ``rejections`` decide.
    """
    src: list[str] = []
    dst: list[str] = []
    weights: list[float] = []
    types: list[str] = []
    lines: list[int] = []
    n_lines = 0
    for number, raw in enumerate(block.split(b"\n"), start=first_line):
        text = raw.removesuffix(b"\r").decode("utf-8", "surrogateescape")
        if not layout.is_data(text):
            continue
        n_lines += 1
        try:
            ends, weight, kind = _parse_line(text, layout, params)
        except LineError as error:
            rejections.add(number, error)
            continue
        src.append(ends[0])
        dst.append(ends[1])
        weights.append(weight)
        types.append(kind)
        lines.append(number)
    frame = pl.DataFrame({"src": pl.Series(src, dtype=pl.String), "dst": pl.Series(dst, dtype=pl.String)})
    if layout.columns.weight is not None:
        frame = frame.with_columns(pl.Series("weight", weights, dtype=pl.Float64))
    if layout.columns.type is not None:
        frame = frame.with_columns(pl.Series("type", types, dtype=pl.String))
    batch = make_batch(frame, params, n_lines, np.array(lines, dtype=np.int64))
    return _as_integers(batch) if integers else batch


def _parse_line(text: str, layout: Layout, params: ReadParams) -> tuple[tuple[str, str], float, str]:
    """Both ends, weight and type of a line; raises `LineError`."""
    fields = layout.fields(text)
    while len(fields) > layout.n_columns and not fields[-1]:
        fields.pop()
    columns = layout.columns
    if len(fields) == 1 and layout.n_columns > 1:
        raise LineError(f"one column, {text[:60]!r}", "an edge has two: give it its other end")
    if len(fields) > layout.n_columns:
        what = f"{len(fields)} columns where the first line has {layout.n_columns}"
        raise LineError(what, "quote or remove what is too many")
    src, dst = (_needed(fields, column, role) for column, role in ((columns.src, "src"), (columns.dst, "dst")))
    weight = 1.0
    if columns.weight is not None:
        weight = _usable_weight(_needed(fields, columns.weight, "weight"))
    kind = "" if columns.type is None else _needed(fields, columns.type, "type")
    factor = type_factor(params, kind)
    if factor is not None and weight * factor >= TOO_LARGE:
        raise LineError(f"weight {weight:g} times {factor:g} is larger than float32 holds", "scale the weights down")
    return (src, dst), weight, kind


def _needed(fields: list[str], column: int, role: str) -> str:
    if column >= len(fields) or not fields[column]:
        raise LineError(f"no {role} in column {column}", "fill it in, or remove the line")
    text = fields[column]
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            shown = text.encode("utf-8", "surrogateescape")
            raise LineError(f"{role} {shown!r} is not UTF-8", "convert the file: iconv -f LATIN1 -t UTF-8") from error
    return text


def _usable_weight(text: str) -> float:
    weight = parse_weight(text)
    if weight is None:
        raise LineError(f"weight {text[:60]!r} is not a number", "write a number, or name the column that has weights")
    if not 0 <= weight < TOO_LARGE:
        raise LineError(f"weight {text[:60]}", "weights are finite, not negative, and at most 3.4e38")
    return weight


def _as_integers(batch: Batch) -> Batch:
    columns = []
    for series in (batch.src, batch.dst):
        values = [parse_integer(text) for text in series]
        if None in values:
            raise NotIntegersError
        columns.append(pl.Series(values, dtype=pl.Int64))
    return Batch(
        src=columns[0],
        dst=columns[1],
        weights=batch.weights,
        n_lines=batch.n_lines,
        n_dropped=batch.n_dropped,
        types=batch.types,
        lines=batch.lines,
    )
