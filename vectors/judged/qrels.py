"""Relevance judgements: which documents answer which query, and how well.

Two formats: BEIR's three columns under a header (``query-id corpus-id score``), and TREC's four (query, iteration,
document, grade). Which one a file is in is told by its lines.
"""

from __future__ import annotations

from pathlib import Path

from foundation.errors import InvalidInput
from foundation.ids import parse_integer
from vectors.judged.files import bad_line, columns, text_lines

Qrels = dict[str, dict[str, int]]
"""Grade of each judged document of each query, both by id. 1 and more is relevant, the more the better."""

_GRADE_NAMES = ("score", "grade", "relevance", "label")  # the third word of a header; BEIR's is "score"
_FIX = "write query, document, grade (BEIR), or query, 0, document, grade (TREC)"


def read_qrels(source: str | Path) -> Qrels:
    """Read a file or URL of judgements, in the order of the file.

    A query whose documents are all graded 0 or less is kept: it is judged, and nothing answers it.

    Raises
    ------
    InvalidInput
        Names the file and the line when it cannot be read, a line has another number of columns than the first or is
        no judgement, a document is graded twice for a query, or there is no judgement.
    """
    qrels: Qrels = {}
    width = 0
    for number, text in text_lines(source):
        cells = columns(text)
        if not width:
            width = len(cells)
            if width not in (3, 4):
                raise bad_line(source, number, f"this has {width} columns", _FIX)
            if width == 3 and cells[2].lower() in _GRADE_NAMES:
                continue
        if len(cells) != width or not all(cells):
            what = f"this has {sum(map(bool, cells))} columns, the first line has {width}"
            raise bad_line(source, number, what, _FIX)
        query, doc, grade = cells[0], cells[-2], parse_integer(cells[-1])
        if grade is None:
            raise bad_line(source, number, f"the grade {cells[-1]!r} is no integer", _FIX)
        grades = qrels.setdefault(query, {})
        if doc in grades:
            what = f"document {doc!r} is graded a second time for query {query!r}"
            raise bad_line(source, number, what, "leave one judgement of each")
        grades[doc] = grade
    if not qrels:
        raise InvalidInput(source=str(source), what="it holds no judgement", fix=_FIX)
    return qrels
