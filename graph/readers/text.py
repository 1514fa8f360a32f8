"""A text file of edges, one a line, block by block."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InvalidInput
from foundation.ids import parse_integer
from graph.readers.blocks import count_lines, parse_block
from graph.readers.cutting import BLOCK, blocks
from graph.readers.edges import Collector, Edges
from graph.readers.layout import Layout, find_layout
from graph.readers.lines import NotIntegersError, Rejections, parse_lines
from graph.readers.params import ReadParams

_HEAD = 1 << 13


def read_text(source: str | Path, params: ReadParams, block_size: int = BLOCK) -> Edges:
    """Every edge of the file.

    Ids are integers when all of them are. That is known for sure at the end only, so a first string beyond the
    head of the file makes the reading start again.

    Raises
    ------
    InvalidInput
        For bytes that are no text, lines that cannot be used, and types without a weight.
    """
    stream = blocks(source, block_size)
    first = next(stream, None)
    if first is None:
        raise InvalidInput(source=str(source), what="it is empty", fix="write one edge a line: src, dst")
    layout = find_layout(first, params, str(source))
    text = _Text(source, params, layout, block_size)
    if _head_is_integers(first, layout, params):
        try:
            return text.edges(itertools.chain((first,), stream), integers=True)
        except NotIntegersError:
            return text.edges(blocks(source, block_size), integers=False)
    return text.edges(itertools.chain((first,), stream), integers=False)


def _head_is_integers(first: bytes, layout: Layout, params: ReadParams) -> bool:
    head = without_header(first[: first.rfind(b"\n", 0, _HEAD) + 1], layout)
    batch = parse_lines(head, 1, layout, params, False, Rejections(source="", params=params, stops=False))
    return all(parse_integer(text) is not None for ends in (batch.src, batch.dst) for text in ends)


@dataclass(frozen=True, slots=True)
class _Text:
    """A file whose layout is known."""

    source: str | Path
    params: ReadParams
    layout: Layout
    block_size: int

    def edges(self, stream: Iterable[bytes], *, integers: bool) -> Edges:
        name = str(self.source)
        collector = Collector(name, self.params, integers)
        rejections = Rejections(source=name, params=self.params)
        for block, first_line in self._numbered(stream):
            for batch in parse_block(block, first_line, self.layout, self.params, integers, rejections):
                collector.add(batch)
        notes = (*self.layout.notes, *rejections.examples)
        return collector.finish(rejections.n, notes, self._line_of, "lines")

    def _numbered(self, stream: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
        """Blocks without the header, each with the number of its first line."""
        first_line = 1
        for block in stream:
            yield without_header(block, self.layout) if first_line == 1 else block, first_line
            first_line += count_lines(block)

    def _line_of(self, edge: int) -> int | None:
        """Line of an edge that counts. The file is read again: nobody keeps the lines for a rare message."""
        lenient = Rejections(source="", params=self.params, stops=False)
        n_before = 0
        for block, first_line in self._numbered(blocks(self.source, self.block_size)):
            batches = parse_block(block, first_line, self.layout, self.params, False, lenient)
            n_here = sum(batch.src.len() for batch in batches)
            if edge < n_before + n_here:
                lines = parse_lines(block, first_line, self.layout, self.params, False, lenient).lines
                return None if lines is None else int(lines[edge - n_before])
            n_before += n_here
        return None


def without_header(block: bytes, layout: Layout) -> bytes:
    """The first block with its header turned into a comment, so that lines keep their numbers."""
    if layout.header_line == 0:
        return block
    start = 0
    for _ in range(layout.header_line - 1):
        start = block.index(b"\n", start) + 1
    return block[:start] + layout.comment.encode() + block[block.index(b"\n", start) :]
