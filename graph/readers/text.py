"""A text file of edges, one a line, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from foundation.errors import InvalidInput
from foundation.ids import parse_integer
from graph.readers.blocks import parse_block
from graph.readers.edges import Collector, Edges
from graph.readers.layout import Layout, find_layout
from graph.readers.lines import NotIntegersError, Rejections, parse_lines
from graph.readers.params import ReadParams
from graph.readers.sources import BLOCK, blocks

_HEAD = 1 << 16


def read_text(source: str | Path, params: ReadParams, block_size: int = BLOCK) -> Edges:
    """Every edge of the file.

    Ids are integers when all of them are. That is known for sure at the end only, so a first string beyond the
    head of the file makes the reading start again.

    Raises
    ------
    InvalidInput
        For bytes that are no text, lines that cannot be used, and types without a weight.
    """
    first = next(blocks(source, block_size), None)
    if first is None:
        raise InvalidInput(source=str(source), what="it is empty", fix="write one edge a line: src, dst")
    layout = find_layout(first, params, str(source))
    if _head_is_integers(first, layout, params):
        try:
            return _read(source, layout, params, block_size, integers=True)
        except NotIntegersError:
            pass
    return _read(source, layout, params, block_size, integers=False)


def _head_is_integers(first: bytes, layout: Layout, params: ReadParams) -> bool:
    head = first[: first.rfind(b"\n", 0, _HEAD) + 1]
    lenient = Rejections(source="", params=params, stops=False)
    batch = parse_lines(head, 1, layout, params, False, lenient)
    return all(parse_integer(text) is not None for ends in (batch.src, batch.dst) for text in ends)


def _read(source: str | Path, layout: Layout, params: ReadParams, block_size: int, *, integers: bool) -> Edges:
    collector = Collector(str(source), params, integers)
    rejections = Rejections(source=str(source), params=params)
    for block, first_line in _numbered(source, block_size):
        for batch in parse_block(block, first_line, layout, params, integers, rejections):
            collector.add(batch)

    def line_of(edge: int) -> int | None:
        return _line_of(edge, source, layout, params, block_size)

    return collector.finish(rejections.n, (*layout.notes, *rejections.examples), line_of, "lines")


def _numbered(source: str | Path, block_size: int) -> Iterator[tuple[bytes, int]]:
    """Blocks, each with the number of its first line."""
    first_line = 1
    for block in blocks(source, block_size):
        yield block, first_line
        first_line += block.count(b"\n")


def _line_of(edge: int, source: str | Path, layout: Layout, params: ReadParams, block_size: int) -> int | None:
    """Line of an edge that counts: the file is read again, as nobody keeps lines for the rare message."""
    lenient = Rejections(source=str(source), params=params, stops=False)
    n_before = 0
    for block, first_line in _numbered(source, block_size):
        n_here = sum(batch.src.len() for batch in parse_block(block, first_line, layout, params, False, lenient))
        if edge < n_before + n_here:
            lines = parse_lines(block, first_line, layout, params, False, lenient).lines
            return None if lines is None else int(lines[edge - n_before])
        n_before += n_here
    return None
