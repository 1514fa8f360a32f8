"""Where in a text an edge stands. The file is read again: nobody keeps the lines for a rare message."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from graph.readers.batches import Batch
from graph.readers.blocks import count_lines, parse_block
from graph.readers.cutting import BLOCK
from graph.readers.lines import Rejections, parse_lines
from graph.readers.pieces import Text


def line_of_edge(text: Text, edge: int, block_size: int = BLOCK) -> int | None:
    """Line of an edge, counted from 0 among those that count."""
    lenient = Rejections(source="", params=text.params, stops=False)
    n_before = 0
    for block, first_line in _numbered(text, block_size):
        batches = parse_block(block, first_line, text.layout, text.params, False, lenient)
        n_here = sum(len(batch.src) for batch in batches)
        if edge < n_before + n_here:
            lines = parse_lines(block, first_line, text.layout, text.params, False, lenient).lines
            return None if lines is None else int(lines[edge - n_before])
        n_before += n_here
    return None


def line_of_loop(text: Text, integers: bool) -> tuple[int, str | int]:
    """Line and node of the first edge from a node to itself that weighs something; there must be one."""
    line, batch, edge = _nth(text, integers, None, 0)
    return line, batch.src[edge]


def line_of_repeat(text: Text, integers: bool, ends: tuple[str | int, str | int]) -> int:
    """Line of the second edge between these ends that weighs something; there must be two."""
    return _nth(text, integers, ends, 1)[0]


def _nth(text: Text, integers: bool, ends: tuple[str | int, str | int] | None, nth: int) -> tuple[int, Batch, int]:
    lenient = Rejections(source="", params=text.params, stops=False)
    for block, first_line in _numbered(text, BLOCK):
        batches = parse_block(block, first_line, text.layout, text.params, integers, lenient)
        n_here = sum(int(np.count_nonzero(_matches(batch, ends, text.params.directed))) for batch in batches)
        if nth < n_here:
            exact = parse_lines(block, first_line, text.layout, text.params, integers, lenient)
            edge = int(np.flatnonzero(_matches(exact, ends, text.params.directed))[nth])
            assert exact.lines is not None
            return int(exact.lines[edge]), exact, edge
        nth -= n_here
    raise AssertionError(f"{text.source} has changed while it was read")


def _matches(batch: Batch, ends: tuple[str | int, str | int] | None, directed: bool) -> npt.NDArray[np.bool_]:
    """Edges that weigh something and run between ``ends``, or where there are none from a node to itself."""
    src, dst = batch.src, batch.dst
    if ends is None:
        found = src == dst
    else:
        found = (src == ends[0]) & (dst == ends[1])
        if not directed:
            found |= (src == ends[1]) & (dst == ends[0])
    matched: npt.NDArray[np.bool_] = np.asarray(found)
    return matched if batch.weights is None else matched & (batch.weights != 0)


def _numbered(text: Text, block_size: int) -> Iterator[tuple[bytes, int]]:
    """Blocks of the whole text, each with the number of its first line."""
    first_line = 1
    for block in text.stream(block_size):
        yield block, first_line
        first_line += count_lines(block)
