"""Blocks of lines whose ids are integers: a compiled loop reads what is plain, another reader what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from graph.kernels.parsing import parse_edges
from graph.readers.batches import Batch
from graph.readers.layout import Layout

_DELIMITERS = "\t ,;|:"
_PIECE = 1 << 16

Other = Callable[[bytes, int], Iterator[Batch]]


def has_plain_lines(layout: Layout) -> bool:
    """Whether the compiled loop knows this kind of line; types of edges it does not."""
    return layout.columns.type is None and layout.delimiter in _DELIMITERS


def parse_integers(block: bytes, first_line: int, layout: Layout, other: Other) -> Iterator[Batch]:
    """Edges of ``block``, in order.

    ``other(piece, first_line)`` reads what begins with a line that is not plain: 64 KB, and twice as much every time
    that the line after is none either, so that a file full of them is read at the other's speed.
    """
    data = np.frombuffer(block, dtype=np.uint8)
    n_most = _count_lines(data)
    columns, comment = layout.columns, np.array(list(layout.comment.encode()), dtype=np.uint8)
    weight = -1 if columns.weight is None else columns.weight
    src, dst = np.empty(n_most, dtype=np.int64), np.empty(n_most, dtype=np.int64)
    weights = np.empty(n_most if weight >= 0 else 0)
    at, patience = 0, _PIECE
    while at < len(block):
        n, n_lines, at = parse_edges(
            data,
            at,
            len(block),
            ord(layout.delimiter),
            comment,
            layout.n_columns,
            columns.src,
            columns.dst,
            weight,
            src,
            dst,
            weights,
        )
        first_line += n_lines
        if n:
            yield _batch(src[:n], dst[:n], weights[:n] if weight >= 0 else None)
            src, dst, weights, patience = src[n:], dst[n:], weights[n:], _PIECE
        if at < len(block):
            end = block.find(b"\n", min(at + patience, len(block)) - 1) + 1
            yield from other(block[at:end], first_line)
            first_line += _count_lines(data[at:end])
            at, patience = end, 2 * patience


def _count_lines(data: npt.NDArray[np.uint8]) -> int:
    return int(np.count_nonzero(data == ord("\n")))


def _batch(src: npt.NDArray[np.int64], dst: npt.NDArray[np.int64], weights: npt.NDArray[np.float64] | None) -> Batch:
    rounded = None
    if weights is not None:
        with np.errstate(under="ignore"):
            rounded = weights.astype(np.float32)
    return Batch(src=src, dst=dst, weights=rounded, n_lines=src.size)
