"""Blocks of lines to edges, millions at a time.

Integers are read by a compiled loop (`graph.readers.integers`), all else by polars. Either is only believed where the
block holds nothing unusual. What polars cannot read plainly is cut in half until the unusual lines stand in small
pieces, and `graph.readers.lines` reads those: a bad line costs a little, names itself, and the readers need to agree
only on plain lines.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from graph.readers.batches import Batch, make_batch
from graph.readers.integers import has_plain_lines, parse_integers
from graph.readers.layout import BLANKS, Layout
from graph.readers.lines import Rejecting, parse_lines
from graph.readers.params import TOO_LARGE, ReadParams

_SMALL = 1 << 16
_TABS_TO_BLANKS = bytes.maketrans(b"\t", b" ")


def parse_block(
    block: bytes, first_line: int, layout: Layout, params: ReadParams, integers: bool, rejections: Rejecting
) -> Iterator[Batch]:
    """As `parse_lines`, in one or more batches."""
    if integers and has_plain_lines(layout) and block.endswith(b"\n"):

        def other(piece: bytes, line: int) -> Iterator[Batch]:
            return _parse_columns(piece, line, layout, params, integers, rejections)

        return parse_integers(block, first_line, layout, other)
    return _parse_columns(block, first_line, layout, params, integers, rejections)


def _parse_columns(
    block: bytes, first_line: int, layout: Layout, params: ReadParams, integers: bool, rejections: Rejecting
) -> Iterator[Batch]:
    batch = _parse_plain(block, layout, params, integers)
    if batch is not None:
        yield batch
        return
    middle = block.rfind(b"\n", 0, len(block) // 2) + 1
    if len(block) <= _SMALL or middle == 0:
        yield parse_lines(block, first_line, layout, params, integers, rejections)
        return
    first, second = block[:middle], block[middle:]
    yield from _parse_columns(first, first_line, layout, params, integers, rejections)
    yield from _parse_columns(second, first_line + count_lines(first), layout, params, integers, rejections)


def count_lines(block: bytes) -> int:
    """Newlines in the block; `bytes.count` takes ten times as long."""
    return int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")))


def _parse_plain(block: bytes, layout: Layout, params: ReadParams, integers: bool) -> Batch | None:
    """The edges of a block without surprises, or None."""
    text = _tidied(block, layout)
    if text is None:
        return None
    batch = _parse_tidied(text, layout, params, integers)
    if batch is None and b"\n\n" in text:
        while b"\n\n" in text:
            text = text.replace(b"\n\n", b"\n")
        batch = _parse_tidied(text, layout, params, integers)
    return batch


def _parse_tidied(text: bytes, layout: Layout, params: ReadParams, integers: bool) -> Batch | None:
    has_quotes = layout.quoted and b'"' in text
    roles = {column: (name, dtype) for column, name, dtype in _roles(layout, integers)}
    schema = dict(roles.get(column, (f"unused {column}", pl.String())) for column in range(layout.n_columns))
    try:
        # All columns: polars overlooks lines that are too long when it is told to read only some.
        frame = pl.read_csv(
            text,
            has_header=False,
            schema=schema,
            separator=layout.delimiter,
            comment_prefix=layout.comment or None,
            quote_char='"' if has_quotes else None,
            missing_columns="insert",
        )
    except pl.exceptions.PolarsError:
        return None
    frame = frame.select(name for name, _ in roles.values())
    if has_quotes and frame.height != _count_data_lines(text, layout.comment.encode()):
        return None  # a quoted field ran over the end of its line
    if has_quotes or any(blank in text for blank in (b" ", b"\t") if blank != layout.delimiter.encode()):
        frame = frame.with_columns(pl.col(pl.String).str.strip_chars(BLANKS))
    texts = [series for series in frame if series.dtype == pl.String]
    if any(series.null_count() for series in frame) or any((series.str.len_bytes() == 0).any() for series in texts):
        return None
    if "weight" in frame.columns and not frame["weight"].is_between(0, TOO_LARGE, closed="left").all():
        return None
    batch = make_batch(frame, params, frame.height)
    return batch if batch.weights is None or np.isfinite(batch.weights).all() else None


def _count_data_lines(text: bytes, comment: bytes) -> int:
    n_comments = text.count(b"\n" + comment) + text.startswith(comment) if comment and comment in text else 0
    return count_lines(text) - n_comments


def _roles(layout: Layout, integers: bool) -> list[tuple[int, str, pl.DataType]]:
    """Column, name and type of every column that is read."""
    id_type: pl.DataType = pl.Int64() if integers else pl.String()
    columns = layout.columns
    roles: list[tuple[int, str, pl.DataType]] = [(columns.src, "src", id_type), (columns.dst, "dst", id_type)]
    if columns.weight is not None:
        roles.append((columns.weight, "weight", pl.Float64()))
    if columns.type is not None:
        roles.append((columns.type, "type", pl.String()))
    return roles


def _tidied(block: bytes, layout: Layout) -> bytes | None:
    """The block without carriage returns and runs of blanks; None where comments may hide behind blanks."""
    text = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    if b"\r" in text:
        return None
    if layout.delimiter == " ":
        text = text.translate(_TABS_TO_BLANKS) if b"\t" in text else text
        while b"  " in text:
            text = text.replace(b"  ", b" ")
        return text.replace(b"\n ", b"\n").replace(b" \n", b"\n").lstrip(b" \n")
    blanks = (b" ",) if layout.delimiter == "\t" else (b" ", b"\t")
    if any(blank in text and (text.startswith(blank) or b"\n" + blank in text) for blank in blanks):
        return None
    return text.lstrip(b"\n")
