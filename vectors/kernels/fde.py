"""Cells and values of tokens to fixed dimensional encodings.

Layout   see `vectors.kernels.fde_tokens` for cells and values. A full encoding is (n_repetitions, 2**k_sim, width),
         flat; a row of ``out`` (C-contiguous float32, or uint16 that are the bits of float16) is that, or its sketch,
         and then the sums of the tokens' tails.
Threads  single-threaded over a range of documents, one writer per row of ``out``; ``lanes`` and ``room`` belong to
         one thread; tokens add up in order.
Limits   fewer than 2**24 tokens in a document; accumulates in float32.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.lines import add_line, spread_nearest
from foundation.kernels.means import finish_streams, stream_mean, write_mean
from vectors.kernels.fde_room import Finish, Room
from vectors.kernels.fde_tokens import Lanes, Plan, place_tokens

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

GROUP_TOKENS = 96  # short documents are hashed together up to so many tokens
MAX_TOKENS = 1 << 24
_STEP = np.int32(MAX_TOKENS)  # above any token's index: one differing bit outweighs every index
_FAR = np.int32(32 * MAX_TOKENS)  # more bits than there are
_ONE = np.float32(1.0)


@numba.njit(nogil=True, cache=True)
def encode_rows(
    offsets: Int64s, rows: Float32s, plan: Plan, finish: Finish, lanes: Lanes, room: Room, out: npt.NDArray[Any]
) -> None:
    """Encodings of documents whose tokens are ``rows[offsets[doc]:offsets[doc + 1]]``."""
    doc, n_docs = 0, offsets.size - 1
    while doc < n_docs:
        last = doc + 1
        while last < n_docs and offsets[last + 1] - offsets[doc] <= GROUP_TOKENS:
            last += 1
        begin, n = offsets[doc], offsets[last] - offsets[doc]
        place_tokens(rows, begin, n, plan, lanes, room.tokens, room.cells, room.values)
        for one in range(doc, last):
            first, size = offsets[one] - begin, offsets[one + 1] - offsets[one]
            _write_document(first, size, plan, finish, lanes, room, out, one)
            if rows.shape[1] > plan.head:
                for i in range(size):
                    _add_tail(rows, offsets[one] + i, plan.head, i == 0, room.row)
                _write_tail(rows.shape[1] - plan.head, size, finish, room, out, one)
        doc = last
    finish_streams()


@numba.njit(nogil=True, cache=True)
def encode_codes(
    offsets: Int64s,
    codes: Int32s,
    rows: Float32s,
    cells: Int32s,
    values: Float32s,
    plan: Plan,
    finish: Finish,
    lanes: Lanes,
    room: Room,
    out: npt.NDArray[Any],
) -> None:
    """Encodings of documents whose tokens are rows ``codes[offsets[doc]:offsets[doc + 1]]`` of three tables."""
    for doc in range(offsets.size - 1):
        begin, size = offsets[doc], offsets[doc + 1] - offsets[doc]
        for i in range(size):
            code = np.uint32(codes[begin + i])  # unsigned: numba then leaves out its test for negative indices
            for r in range(cells.shape[1]):
                room.cells[i, r] = cells[code, r]
            for j in range(values.shape[1]):
                room.values[i, j] = values[code, j]
        _write_document(0, size, plan, finish, lanes, room, out, doc)
        if rows.shape[1] > plan.head:
            for i in range(size):
                _add_tail(rows, np.int64(codes[begin + i]), plan.head, i == 0, room.row)
            _write_tail(rows.shape[1] - plan.head, size, finish, room, out, doc)
    finish_streams()


@numba.njit(nogil=True, cache=True)
def _write_document(
    first: int, n: int, plan: Plan, finish: Finish, lanes: Lanes, room: Room, out: npt.NDArray[Any], doc: int
) -> None:
    """The row of a document whose tokens are ``n`` from ``first`` on in the room, but for its tail."""
    n_cells, width, base = 1 << plan.k_sim, plan.width, doc * out.shape[1]
    full = plan.n_repetitions * n_cells * width
    n_hashed = 0
    for i in range(first, first + n):
        n_hashed += room.cells[i, 0] < n_cells
    if finish.n_sketched or n_hashed == 0:
        room.row[:] = np.float32(0.0)
    if n_hashed == 0:
        for at in range(0, finish.n_sketched or full, room.row.size):
            size = min(room.row.size, (finish.n_sketched or full) - at)
            write_mean(room.plain, size, out, base + at, room.row, 0, _ONE, _ONE)
        return
    block = room.values.reshape(-1)[room.block_at :]
    for begin in range(0, plan.n_repetitions, room.n_at_once):
        end = min(begin + room.n_at_once, plan.n_repetitions)
        _add_up(first, n, begin, end, plan, lanes, room)
        for r in range(begin, end):
            if finish.fill:
                _find_nearest(first, n, r, plan, lanes, room)
            _find_sources(first, r, r - begin, plan, finish, room)
            if finish.n_sketched:
                _write_cells(plan, lanes, False, room, room.means, 0)
                _sketch(r, r - begin, plan, finish, room)
            else:
                _write_cells(plan, lanes, finish.streams, room, out, base + r * n_cells * width)
        block[: (end - begin) * (n_cells + 1) * width] = np.float32(0.0)
    if finish.n_sketched:
        write_mean(room.plain, finish.n_sketched, out, base, room.row, 0, _ONE, _ONE)


@numba.njit(nogil=True, cache=True)
def _values_at(r: int, plan: Plan, room: Room) -> int:
    """Where the values of repetition ``r`` begin in a token's row: one that holds all, or the same for all."""
    return r * plan.width if room.values.shape[1] >= plan.n_repetitions * plan.width else 0


@numba.njit(nogil=True, cache=True, inline="always")
def _add_up(first: int, n: int, begin: int, end: int, plan: Plan, lanes: Lanes, room: Room) -> None:
    """Sums and sizes of the cells of repetitions ``begin`` to ``end``.

    Token by token: one repetition alone would wait for its last sum to be written wherever a cell comes twice in a row.
    """
    width, line, block_at, n_lines = plan.width, lanes.line, room.block_at, (1 << plan.k_sim) + 1
    counts, cells, values = room.counts, room.cells, room.values
    counts[: (end - begin) * n_lines] = 0
    for i in range(first, first + n):
        at = i * values.shape[1]
        for r in range(begin, end):
            # unsigned: numba then leaves out its test for negative indices
            cell = np.uint64((r - begin) * n_lines + np.int64(cells[i, r]))
            counts[cell] += np.int32(1)
            add_line(line, width, values, block_at + np.int64(cell) * width, at + _values_at(r, plan, room))


@numba.njit(nogil=True, cache=True, inline="always")
def _find_nearest(first: int, n: int, r: int, plan: Plan, lanes: Lanes, room: Room) -> None:
    """The nearest token of every cell of repetition ``r``."""
    keys, cells = room.keys, room.cells
    keys[:] = _FAR
    for i in range(n - 1, -1, -1):
        keys[np.uint32(cells[first + i, r])] = np.int32(i)
    spread_nearest(lanes.cells, keys, plan.k_sim, _STEP)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _find_sources(first: int, r: int, place: int, plan: Plan, finish: Finish, room: Room) -> None:
    """Where the line of every cell is, and what to divide it by: without branches, which would be guesses."""
    stride, at = room.values.shape[1], first * room.values.shape[1] + _values_at(r, plan, room)
    sources, divisors, inverses, counts, keys = room.sources, room.divisors, room.inverses, room.counts, room.keys
    mean, fill, own = np.int32(finish.mean), np.int64(finish.fill), place * ((1 << plan.k_sim) + 1)
    for cell in range(np.uint32(1) << np.uint32(plan.k_sim)):
        count = counts[own + cell]
        is_filled = np.int64(count == 0) & fill
        line, nearest = (
            room.block_at + (own + np.int64(cell)) * plan.width,
            np.int64(keys[cell] & (_STEP - 1)) * stride + at,
        )
        sources[cell] = line + is_filled * (nearest - line)
        divisors[cell] = np.float32(max(np.int32(1), count * mean))
        inverses[cell] = _ONE / divisors[cell]


@numba.njit(nogil=True, cache=True)
def _write_cells(plan: Plan, lanes: Lanes, streams: bool, room: Room, target: npt.NDArray[Any], to: int) -> None:
    """Sums, or means, or what fills them, of all cells of a repetition."""
    width, line, values, sources = plan.width, lanes.line, room.values, room.sources
    divisors, inverses, n_cells = room.divisors, room.inverses, np.uint32(1) << np.uint32(plan.k_sim)
    if streams:
        for cell in range(n_cells):
            start = to + np.int64(cell) * width
            stream_mean(line, width, target, start, values, sources[cell], divisors[cell], inverses[cell])
    else:
        for cell in range(n_cells):
            start = to + np.int64(cell) * width
            write_mean(line, width, target, start, values, sources[cell], divisors[cell], inverses[cell])


@numba.njit(nogil=True, cache=True)
def _sketch(r: int, place: int, plan: Plan, finish: Finish, room: Room) -> None:
    """Add the means of repetition ``r`` to their slots."""
    n_cells, width = 1 << plan.k_sim, plan.width
    for cell in range(n_cells):
        if room.counts[place * (n_cells + 1) + cell] == 0 and not finish.fill:
            continue
        at = (r * n_cells + cell) * width
        for j in range(width):
            room.row[finish.slots[at + j]] += finish.signs[at + j] * room.means[cell * width + j]


@numba.njit(nogil=True, cache=True)
def _add_tail(rows: Float32s, row: Any, head: int, is_first: bool, total: Float32s) -> None:
    if is_first:
        total[:] = np.float32(0.0)
    for j in range(rows.shape[1] - head):
        total[j] += rows[row, head + j]


@numba.njit(nogil=True, cache=True)
def _write_tail(n_columns: int, n: int, finish: Finish, room: Room, out: npt.NDArray[Any], doc: int) -> None:
    if n == 0:
        room.row[:] = np.float32(0.0)
    for j in range(n_columns):
        room.row[j] *= finish.tail_scale
    to = (doc + 1) * out.shape[1] - n_columns
    write_mean(room.plain, n_columns, out, to, room.row, 0, _ONE, _ONE)
