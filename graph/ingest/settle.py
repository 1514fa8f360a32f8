"""What the counts of all chunks say together: errors by the line they stand in, and the report.

Chunks do not know which lines stand before them. Only here does it show which bad line is the first of the file, and
whether there were too many; the chunk is then read again to say so as reading the whole file at once would.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from foundation.errors import InvalidInput
from foundation.ids import Ids
from graph.assembly import looped, repeated, too_large
from graph.ingest.chunk import Counts
from graph.ingest.rows import Arc, RowBlock
from graph.readers.blocks import parse_block
from graph.readers.edges import Tally
from graph.readers.lines import N_EXAMPLES, Rejections
from graph.readers.pieces import Text
from graph.readers.places import line_of_loop, line_of_repeat
from graph.report import GraphReport


def settle(text: Text, chunks: Sequence[Counts], size: int) -> GraphReport:
    """The report of all lines, without duplicates; ``size`` is that of the chunks, in bytes.

    Raises
    ------
    InvalidInput
        For the first line that the policy on errors does not allow, types without a weight, self-loops where they
        are forbidden, or when no edge is left.
    """
    source, params = str(text.source), text.params
    tally, examples = Tally(source, params), list[str]()
    n_rejected, first_line = 0, 1
    most = 0 if params.on_error == "stop" else params.max_errors
    for number, counts in enumerate(chunks):
        if n_rejected + counts.n_rejected > most:
            _reject(text, number, size, first_line, n_rejected)
        examples += [f"line {first_line + line} rejected: {what}" for line, what in counts.rejected]
        n_rejected += counts.n_rejected
        first_line += counts.n_text_lines
        tally.add(counts.n_lines, counts.n_dropped, counts.types)
    tally.check(n_rejected, "lines")
    integers = all(counts.integers for counts in chunks)
    n_loops = sum(counts.n_self_loops for counts in chunks)
    if n_loops and params.self_loops == "error":
        line, node = line_of_loop(text, integers)
        raise _placed(looped(n_loops, repr(node)), text, line)
    return GraphReport(
        n_lines=tally.n_lines,
        n_rejected=n_rejected,
        n_dropped_types=tally.n_dropped,
        n_zero_weight=sum(counts.n_zero_weight for counts in chunks),
        n_self_loops=n_loops,
        type_counts=tally.type_counts(),
        notes=(*text.layout.notes, *examples[:N_EXAMPLES], *tally.notes(integers)),
    )


def settle_duplicates(text: Text, report: GraphReport, blocks: Iterable[RowBlock], ids: Ids) -> GraphReport:
    """The report with the duplicates of all rows; raises `InvalidInput` for what the policy on them does not allow."""
    n_duplicates = sum(block.n_duplicates for block in blocks)
    if n_duplicates and text.params.duplicates == "error":
        row, column = next(block.repeated for block in blocks if block.repeated is not None)
        line = line_of_repeat(text, "ids are integers" in report.notes, (ids[row], ids[column]))
        raise _placed(repeated(n_duplicates, _named(ids, (row, column))), text, line)
    overflow = next((block.too_large for block in blocks if block.too_large is not None), None)
    if overflow is not None:
        raise _placed(too_large(_named(ids, overflow)), text, None)
    return replace(report, n_duplicates=n_duplicates)


def _named(ids: Ids, arc: Arc) -> str:
    return f"{ids[arc[0]]!r} → {ids[arc[1]]!r}"


def _placed(error: InvalidInput, text: Text, line: int | None) -> InvalidInput:
    return InvalidInput(source=str(text.source), what=error.what, fix=error.fix, line=line)


def _reject(text: Text, number: int, size: int, first_line: int, n_before: int) -> None:
    """Read a chunk that has too many bad lines as if it were reached from the beginning: this raises."""
    rejections = Rejections(source=str(text.source), params=text.params, n=n_before)
    lines = text.nth(number, size)
    for _ in parse_block(lines, first_line, text.layout, text.params, False, rejections):
        pass
    raise AssertionError(f"{text.source} has changed while it was read")
