"""A text file of edges, one a line, piece by piece."""

from __future__ import annotations

from graph.readers.cutting import BLOCK
from graph.readers.edges import Collector, Edges
from graph.readers.lines import NotIntegersError, Rejections
from graph.readers.pieces import Text
from graph.readers.places import line_of_edge


def read_text(text: Text, block_size: int = BLOCK) -> Edges:
    """Every edge of the file, in one table of ids: `graph.ingest` makes the same graph of a large one, in pieces.

    Ids are integers when all of them are. That is known for sure at the end only, so a first string beyond the
    head of the file makes the reading start again.

    Raises
    ------
    InvalidInput
        For bytes that are no text, lines that cannot be used, and types without a weight.
    """
    if text.integers:
        try:
            return _edges(text, block_size, integers=True)
        except NotIntegersError:
            pass
    return _edges(text, block_size, integers=False)


def _edges(text: Text, block_size: int, *, integers: bool) -> Edges:
    collector = Collector(str(text.source), text.params, integers)
    rejections = Rejections(source=str(text.source), params=text.params)
    first_line = 1
    for read in text.pieces(block_size):
        piece = text.parse(read(), integers)
        piece.tell(rejections, first_line)
        first_line += piece.n_lines
        for batch in piece.batches:
            collector.add(batch)
    notes = (*text.layout.notes, *rejections.examples)
    return collector.finish(rejections.n, notes, lambda edge: line_of_edge(text, edge, block_size), "lines")
