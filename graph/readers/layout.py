"""What the columns of a text file are: delimiter, header, and which column is what.

Found by looking at the first lines of data, at most 100 of the first megabyte.
"""

from __future__ import annotations

import csv
import difflib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from foundation.errors import InvalidInput
from foundation.ids import parse_integer
from graph.readers.params import ReadParams

PAIRS = (
    ("src", "dst"),
    ("source", "target"),
    ("source", "destination"),
    ("from", "to"),
    ("from_node", "to_node"),
    ("fromnodeid", "tonodeid"),
    ("node1", "node2"),
    ("node_1", "node_2"),
    ("u", "v"),
)
BLANKS = " \t"
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_SAMPLE_BYTES, _SAMPLE_LINES = 1 << 20, 100


class LineError(Exception):
    """A line that cannot be used: what is wrong, and what to do."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Numbers of the columns that are read, from 0."""

    src: int
    dst: int
    weight: int | None
    type: int | None

    def all(self) -> tuple[int, ...]:
        return tuple(column for column in (self.src, self.dst, self.weight, self.type) if column is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a line becomes fields; ``delimiter`` " " is any run of blanks and tabs, ``header_line`` 0 is no header."""

    delimiter: str
    quoted: bool
    comment: str
    n_columns: int
    header_line: int
    columns: Columns
    notes: tuple[str, ...]

    def is_data(self, line: str) -> bool:
        return _is_data(line, self.delimiter, self.comment)

    def fields(self, line: str) -> list[str]:
        """The fields of a line, without blanks around them. Raises `LineError` where quotes do not match."""
        return split_fields(line, self.delimiter, self.quoted)


def parse_weight(text: str) -> float | None:
    """A number in decimal notation, NaN and infinities included; None for anything else."""
    return float(text) if _NUMBER.fullmatch(text) or _NOT_FINITE.fullmatch(text) else None


def split_fields(line: str, delimiter: str, quoted: bool) -> list[str]:
    if delimiter == " ":
        return [field for field in line.replace("\t", " ").split(" ") if field]
    if quoted and '"' in line:
        try:
            fields = next(csv.reader([line], delimiter=delimiter, strict=True))
        except csv.Error as error:
            raise LineError(f"its quotes do not match ({error})", "close them; a field ends on its line") from error
    else:
        fields = line.split(delimiter)
    return [field.strip(BLANKS) for field in fields]


def find_layout(block: bytes, params: ReadParams, source: str) -> Layout:
    """Look at the first lines of the text.

    Raises
    ------
    InvalidInput
        When there is no data at all, a line of one column where two are needed, or a column that is not there.
    """
    comment = params.comment
    start = block[: block.rfind(b"\n", 0, _SAMPLE_BYTES) + 1]
    sample = list(itertools.islice(_data_lines(start, params.delimiter, comment), _SAMPLE_LINES))
    if not sample:
        # The first megabyte may hold nothing but comments.
        sample = list(itertools.islice(_data_lines(block, params.delimiter, comment), 1))
    if not sample:
        raise InvalidInput(source=source, what="it holds no edges", fix="write one edge a line: src, dst")
    _refuse_strange_comment(sample[0], params, source)
    delimiter = params.delimiter or _find_delimiter(sample[0][1], params.format)
    quoted = params.format == "csv" or delimiter not in BLANKS
    table = [(line, fields) for line, text in sample if (fields := _fields_or_none(text, delimiter, quoted))]
    wide = [(line, fields) for line, fields in table if len(fields) > 1]
    if not wide or (params.on_error == "stop" and wide[0][0] != table[0][0]):
        line, text = sample[0]
        fix = "an edge has two: set delimiter to what separates them"
        raise InvalidInput(source=source, what=f"one column, {text[:60]!r}", fix=fix, line=line)
    line, first = wide[0]
    has_header = params.header
    if has_header is None:
        has_header = _is_header(first, [fields for _, fields in wide[1:]], params)
    columns = name_columns(first if has_header else None, len(first), params, source, line)
    names = {" ": "blanks", "\t": "tabs"}
    notes = [f"columns are separated by {names.get(delimiter, repr(delimiter))}"]
    if has_header:
        notes.append(f"line {line} is a header")
    elif params.header is None:
        notes.append("no header: the first line is data")
    return Layout(
        delimiter=delimiter,
        quoted=quoted,
        comment=comment,
        n_columns=len(first),
        header_line=line if has_header else 0,
        columns=columns,
        notes=(*notes, describe(columns, first if has_header else None)),
    )


def name_columns(
    names: Sequence[str] | None, n_columns: int, params: ReadParams, source: str, line: int | None = None
) -> Columns:
    """Numbers of the columns asked for, or of the usual ones. Raises `InvalidInput` for one that is not there."""

    def number(asked: str | int) -> int:
        if isinstance(asked, int):
            if asked < n_columns:
                return asked
            fix = f"there are {n_columns}, numbered from 0"
            raise InvalidInput(source=source, what=f"no column {asked}", fix=fix, line=line)
        if names is not None and asked in names:
            return names.index(asked)
        there = sorted(names or (), key=lambda name: _distance(name, asked))
        fix = f"its columns are {', '.join(there)}" if there else "it has no header: number the columns from 0"
        raise InvalidInput(source=source, what=f"no column {asked!r}", fix=fix, line=line)

    lower = [name.lower() for name in names or ()]
    usual = next((pair for pair in PAIRS if pair[0] in lower and pair[1] in lower), None)
    default_src, default_dst = (lower.index(usual[0]), lower.index(usual[1])) if usual else (0, 1)
    src = default_src if params.src is None else number(params.src)
    dst = default_dst if params.dst is None else number(params.dst)
    weight = None if params.weight is None else number(params.weight)
    type_ = None if params.type is None else number(params.type)
    if weight is None and params.weighted and "weight" in lower:
        weight = lower.index("weight")
    if type_ is None and params.type_weights is not None:
        if "type" not in lower:
            fix = "set type to the column that holds it"
            raise InvalidInput(source=source, what="type_weights are given, and no column 'type'", fix=fix, line=line)
        type_ = lower.index("type")
    found = Columns(src=src, dst=dst, weight=weight, type=type_)
    if len(set(found.all())) < len(found.all()):
        what = f"one column would be read as two: {describe(found, names)}"
        raise InvalidInput(source=source, what=what, fix="set src and dst, weight and type", line=line)
    return found


def _distance(name: str, asked: str) -> float:
    return 1 - difflib.SequenceMatcher(None, name.lower(), asked.lower()).ratio()


def describe(columns: Columns, names: Sequence[str] | None) -> str:
    """The columns read, for people."""
    parts = []
    for role in ("src", "dst", "weight", "type"):
        number = getattr(columns, role)
        if number is not None:
            parts.append(f"{role} is column {number}" + (f" {names[number]!r}" if names is not None else ""))
    return ", ".join(parts)


def _is_data(line: str, delimiter: str | None, comment: str) -> bool:
    begin = line.lstrip(BLANKS if delimiter != "\t" else " ")
    return bool(line.strip(BLANKS)) and not (comment and begin.startswith(comment))


def _data_lines(text: bytes, delimiter: str | None, comment: str) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(text.split(b"\n"), start=1):
        line = raw.removesuffix(b"\r").decode("utf-8", "replace")
        if _is_data(line, delimiter, comment):
            yield number, line


def _find_delimiter(line: str, format: str) -> str:
    if format == "tsv":
        return "\t"
    candidates = ",\t;" if format == "csv" else "\t,;"
    fallback = "," if format == "csv" else " "
    return next((candidate for candidate in candidates if candidate in line.strip(BLANKS)), fallback)


def _refuse_strange_comment(first: tuple[int, str], params: ReadParams, source: str) -> None:
    line, text = first
    mark = next((mark for mark in ("%", "//", "--") if text.startswith(mark)), None)
    if mark is not None and params.header is None:
        fix = f"set comment = {mark!r} if it is one, or else say whether there is a header"
        raise InvalidInput(source=source, what=f"a comment, it seems: {text[:60]!r}", fix=fix, line=line)


def _fields_or_none(text: str, delimiter: str, quoted: bool) -> list[str] | None:
    try:
        return split_fields(text, delimiter, quoted)
    except LineError:
        return None


def _is_header(first: list[str], others: list[list[str]], params: ReadParams) -> bool:
    """Whether the first line names columns: known names, names asked for, or text above numbers."""
    asked = [params.src, params.dst, params.weight, params.type]
    if any(isinstance(column, str) for column in asked):
        return True
    lower = [name.lower() for name in first]
    if any(src in lower and dst in lower for src, dst in PAIRS):
        return True

    def is_number(fields: list[str], column: int) -> bool:
        return column < len(fields) and parse_weight(fields[column]) is not None

    def is_integer(fields: list[str], column: int) -> bool:
        return column < len(fields) and parse_integer(fields[column]) is not None

    ends = [column if isinstance(column, int) else default for column, default in ((params.src, 0), (params.dst, 1))]
    if not others:
        return False
    if all(is_integer(fields, column) for fields in others for column in ends):
        return not any(is_number(first, column) for column in ends)
    beside = set(range(len(first))) - set(ends)
    return any(
        not is_number(first, column) and all(is_number(fields, column) for fields in others) for column in beside
    )
