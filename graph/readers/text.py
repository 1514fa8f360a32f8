"""A text file of edges, one a line, piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from foundation.threads import in_order
from graph.readers.cutting import BLOCK
from graph.readers.edges import Collector, Edges
from graph.readers.lines import NotIntegersError, Rejections
from graph.readers.params import ReadParams
from graph.readers.pieces import Piece, Text, open_text
from graph.readers.places import line_of_edge


def read_text(source: str | Path, params: ReadParams, block_size: int = BLOCK, n_threads: int = 1) -> Edges:
    """Every edge of the file.

    Ids are integers when all of them are. That is known for sure at the end only, so a first string beyond the
    head of the file makes the reading start again.

    Raises
    ------
    InvalidInput
        For bytes that are no text, lines that cannot be used, and types without a weight.
    """
    text = open_text(source, params)
    if text.integers:
        try:
            return _edges(text, block_size, n_threads, integers=True)
        except NotIntegersError:
            pass
    return _edges(text, block_size, n_threads, integers=False)


def _edges(text: Text, block_size: int, n_threads: int, *, integers: bool) -> Edges:
    def parse(read: Callable[[], bytes]) -> Piece:
        return text.parse(read(), integers)

    collector = Collector(str(text.source), text.params, integers, n_threads)
    rejections = Rejections(source=str(text.source), params=text.params)
    first_line = 1
    for piece in in_order(parse, text.pieces(block_size), n_threads):
        piece.tell(rejections, first_line)
        first_line += piece.n_lines
        for batch in piece.batches:
            collector.add(batch)
    notes = (*text.layout.notes, *rejections.examples)
    return collector.finish(rejections.n, notes, lambda edge: line_of_edge(text, edge, block_size), "lines")
