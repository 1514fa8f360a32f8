"""A text of edges in pieces of whole lines, each parsed by itself: what several threads or workers share.

A plain local file is cut at fixed offsets, moved to the next line; anything compressed or far away comes as the blocks
of one stream. What a piece means does not depend on where it was cut.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, final

from foundation.errors import InvalidInput
from foundation.ids import parse_integer
from foundation.sources import plain_size
from foundation.threads import even_ranges
from graph.readers.batches import Batch
from graph.readers.blocks import count_lines, parse_block
from graph.readers.cutting import BLOCK, LONGEST_LINE, blocks, without_mark
from graph.readers.layout import Layout, LineError, find_layout
from graph.readers.lines import Noted, Rejections, TooManyError, parse_lines
from graph.readers.params import ReadParams

_HEAD = 1 << 13
_BEGINNING = 1 << 21
_STEP = 1 << 16


@final
@dataclass(frozen=True, slots=True)
class Piece:
    """What was found in some lines: ``rejected`` holds their numbers, counted from 0, in ascending order."""

    batches: list[Batch]
    n_lines: int
    rejected: list[tuple[int, LineError]]

    def tell(self, rejections: Rejections, first_line: int) -> None:
        """Tell of the rejected lines by their numbers in the file; raises as `Rejections.add`."""
        for line, error in self.rejected:
            rejections.add(first_line + line, error)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text of edges whose layout is known.

    ``n_bytes`` is the size of a plain local file, else None; ``integers`` says whether all ids in its head are.
    """

    source: str | Path
    params: ReadParams
    layout: Layout
    n_bytes: int | None
    integers: bool

    def ranges(self, size: int) -> list[tuple[int, int]]:
        """Ranges of a plain file's bytes, to be read with `piece`."""
        assert self.n_bytes is not None
        return even_ranges(self.n_bytes, size)

    def piece(self, start: int, stop: int) -> bytes:
        """The lines of a plain local file that begin at bytes [start, stop), the last one with its newline.

        Raises
        ------
        InvalidInput
            When it cannot be read any more, or a line does not end.
        """
        try:
            with Path(self.source).open("rb", buffering=0) as file:
                start, stop = self._line_start(file, start), self._line_start(file, stop)
                text = os.pread(file.fileno(), max(0, stop - start), start)
        except OSError as error:
            what = f"cannot be read ({error.strerror})"
            raise InvalidInput(source=str(self.source), what=what, fix="fetch or write the file again") from error
        text = text if text.endswith(b"\n") or not text else text + b"\n"
        return self._first(text) if start == 0 and text else text

    def _line_start(self, file: BinaryIO, at: int) -> int:
        """Where the first line begins that does not begin before ``at``."""
        assert self.n_bytes is not None
        if at == 0 or at >= self.n_bytes:
            return min(at, self.n_bytes)
        position = at - 1
        while step := os.pread(file.fileno(), _STEP, position):
            if (newline := step.find(b"\n")) >= 0:
                return position + newline + 1
            position += len(step)
            if position - at > LONGEST_LINE:
                what = f"a line is longer than {LONGEST_LINE >> 20} MB"
                fix = "is it text? set format, or end its lines with newlines"
                raise InvalidInput(source=str(self.source), what=what, fix=fix)
        return self.n_bytes

    def _first(self, text: bytes) -> bytes:
        return without_header(without_mark(text, self.source), self.layout)

    def stream(self, size: int) -> Iterator[bytes]:
        """The whole text in blocks of about ``size`` bytes, wherever it is stored."""
        for number, block in enumerate(blocks(self.source, size)):
            yield without_header(block, self.layout) if number == 0 else block

    def pieces(self, size: int) -> Iterable[Callable[[], bytes]]:
        """The whole text in pieces that several threads may take."""
        if self.n_bytes is not None:
            return (partial(self.piece, *span) for span in self.ranges(size))
        return (partial(bytes, block) for block in self.stream(size))

    def nth(self, number: int, size: int) -> bytes:
        """One of `pieces`, by its number from 0."""
        return next(itertools.islice(self.pieces(size), number, None))()

    def parse(self, text: bytes, integers: bool) -> Piece:
        """Every edge of some lines.

        Raises
        ------
        NotIntegersError
            When ``integers`` are wanted and an id is none.
        """
        noted, batches = Noted.under(self.params), list[Batch]()
        try:
            batches.extend(parse_block(text, 0, self.layout, self.params, integers, noted))
        except TooManyError:
            batches.clear()
        return Piece(batches, count_lines(text), noted.entries)


def open_text(source: str | Path, params: ReadParams) -> Text:
    """Look at the beginning of the text.

    Raises
    ------
    InvalidInput
        When there is no data, the text has no sensible layout, or it cannot be opened.
    """
    n_bytes = plain_size(source)
    first = _beginning(source, _BEGINNING)
    try:
        layout = find_layout(first, params, str(source))
    except InvalidInput:  # it may begin with megabytes of comments
        first = _beginning(source, BLOCK)
        layout = find_layout(first, params, str(source))
    integers = _head_is_integers(first, layout, params)
    return Text(source=source, params=params, layout=layout, n_bytes=n_bytes, integers=integers)


def _beginning(source: str | Path, size: int) -> bytes:
    first = next(blocks(source, size), None)
    if first is None:
        raise InvalidInput(source=str(source), what="it is empty", fix="write one edge a line: src, dst")
    return first


def _head_is_integers(first: bytes, layout: Layout, params: ReadParams) -> bool:
    lines = without_header(first, layout)
    head = lines[: lines.rfind(b"\n", 0, _HEAD) + 1]
    batch = parse_lines(head, 1, layout, params, False, Rejections(source="", params=params, stops=False))
    return all(parse_integer(text) is not None for ends in (batch.src, batch.dst) for text in ends)


def without_header(block: bytes, layout: Layout) -> bytes:
    """The first block with its header turned into a comment, so that lines keep their numbers."""
    if layout.header_line == 0:
        return block
    start = 0
    for _ in range(layout.header_line - 1):
        start = block.index(b"\n", start) + 1
    return block[:start] + layout.comment.encode() + block[block.index(b"\n", start) :]
