"""Queries with ids: BEIR's JSON lines, or two columns of id and text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foundation.errors import InvalidInput
from foundation.sources import plain_suffix
from vectors.corpus.files import Unreadable, json_records
from vectors.judged.files import bad_line, text_lines


def read_queries(source: str | Path) -> dict[str, str]:
    """Text of each query by id, in the order of the file.

    ``.tsv`` and ``.txt`` are lines of id, tab, text; everything else is JSON lines with ``_id`` (or ``id``, or
    ``query_id``) and ``text`` (or ``query``).

    Raises
    ------
    InvalidInput
        Names the file and the line when it cannot be read, a query has no id or no text, or an id comes again; when
        there is no query.
    """
    queries: dict[str, str] = {}
    lines: dict[str, int] = {}
    records = _columns(source) if plain_suffix(source) in (".tsv", ".txt") else _objects(source)
    for number, id, text in records:
        if id in lines:
            what = f"id {id!r} was already used in line {lines[id]}"
            raise bad_line(source, number, what, "give every query its own id")
        if not text or text.isspace():
            raise bad_line(source, number, f"query {id!r} has no text", "write its text or leave it out")
        queries[id], lines[id] = text, number
    if not queries:
        raise InvalidInput(source=str(source), what="it holds no query", fix="write one query a line")
    return queries


def _columns(source: str | Path) -> Iterator[tuple[int, str, str]]:
    for number, line in text_lines(source):
        id, tab, text = line.partition("\t")
        if not tab or not id.strip():
            raise bad_line(source, number, "this is not an id, a tab, and a text", "write the three, or JSON lines")
        yield number, id.strip(), text.strip()


def _objects(source: str | Path) -> Iterator[tuple[int, str, str]]:
    for number, record in json_records(source):
        if isinstance(record, Unreadable):
            raise bad_line(source, number, record.what, record.fix)
        id, text = _first(record, "_id", "id", "query_id"), _first(record, "text", "query")
        if not isinstance(id, str | int) or isinstance(id, bool) or id == "":
            raise bad_line(source, number, f"the id is {id!r}", "give every query a string or an integer as '_id'")
        if not isinstance(text, str):
            raise bad_line(source, number, f"the text is {text!r:.60}", "give every query a string as 'text'")
        yield number, str(id), text


def _first(record: dict[str, Any], *names: str) -> Any:
    return next((record[name] for name in names if record.get(name) is not None), None)
