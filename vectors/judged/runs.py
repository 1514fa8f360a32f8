"""Runs: what a search answered to each query, in TREC's six columns (query, ``Q0``, document, rank, score, tag)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, final

from foundation.errors import InvalidInput
from foundation.ids import parse_integer
from vectors.judged.files import bad_line, columns, text_lines

_FIX = "write query, Q0, document, rank, score, tag"


@final
class Scored(NamedTuple):
    """A document that was answered; of two the higher score is the better."""

    doc: str
    score: float


Run = dict[str, list[Scored]]
"""Documents of each query by id, best first."""


def read_run(source: str | Path) -> Run:
    """Read a file or URL.

    Documents are put in the order of their scores, equal ones in the order of their ranks, then as they come. (The
    program trec_eval ignores ranks and puts equal scores in falling order of document ids.)

    Raises
    ------
    InvalidInput
        Names the file and the line when it cannot be read, a line has not six columns, a rank is no integer, a score no
        finite number, or a document comes twice for a query; when there is no line.
    """
    found: dict[str, list[tuple[float, int, str]]] = {}
    seen: set[tuple[str, str]] = set()
    for number, text in text_lines(source):
        cells = columns(text)
        if len(cells) != 6 or not all(cells[:5]):
            raise bad_line(source, number, f"this has {len(cells)} columns", _FIX)
        query, doc, rank, score = cells[0], cells[2], parse_integer(cells[3]), _number(cells[4])
        if rank is None:
            raise bad_line(source, number, f"the rank {cells[3]!r} is no integer", _FIX)
        if score is None:
            raise bad_line(source, number, f"the score {cells[4]!r} is no finite number", _FIX)
        if (query, doc) in seen:
            what = f"document {doc!r} comes a second time for query {query!r}"
            raise bad_line(source, number, what, "answer with each document once")
        seen.add((query, doc))
        found.setdefault(query, []).append((-score, rank, doc))
    if not found:
        raise InvalidInput(source=str(source), what="it holds no answer", fix=_FIX)
    return {
        query: [Scored(doc, -score) for score, _, doc in sorted(answers, key=lambda answer: answer[:2])]
        for query, answers in found.items()
    }


def run_lines(run: Mapping[str, Sequence[Scored]], tag: str) -> Iterator[str]:
    """Lines of a run file, which `read_run` reads back exactly.

    Raises
    ------
    InvalidInput
        When an id or the tag is empty or holds a blank, which the format cannot say, or a score is not finite.
    """
    _check_words(tag, run)
    for query, answers in run.items():
        _check_words(query, (answer.doc for answer in answers))
        for rank, (doc, score) in enumerate(answers, start=1):
            if not math.isfinite(score):
                what = f"the score of {doc!r} for query {query!r} is {score}"
                raise InvalidInput(source="run", what=what, fix="pass finite scores")
            yield f"{query} Q0 {doc} {rank} {score!r} {tag}\n"


def write_run(path: Path, run: Mapping[str, Sequence[Scored]], tag: str = "purlieu") -> None:
    """Write a run file whole; raises as `run_lines`, or when the file cannot be written."""
    text = "".join(run_lines(run, tag))
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise InvalidInput(source=str(path), what=what, fix="name a file in a folder you may write to") from error


def _check_words(first: str, rest: Iterable[str]) -> None:
    for word in (first, *rest):
        if not word or word.split() != [word]:
            what = f"{word!r} cannot stand in a run file, whose columns are parted by blanks"
            raise InvalidInput(source="run", what=what, fix="use ids without blanks")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
