"""Cells and values of tokens to fixed dimensional encodings.

Layout   see `vectors.kernels.fde_tokens` for cells and values. A full encoding is (n_repetitions, 2**k_sim, width),
         flat; a row of ``out`` (C-contiguous float32, or uint16 that are the bits of float16) is that, or its sketch,
         and then the sums of the tokens' tails.
Threads  single-threaded over a range of documents, one writer per row of ``out``; ``lanes`` and ``room`` belong to
         one thread; tokens add up in order.
Limits   fewer than 2**24 tokens in a document; accumulates in float32.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.lines import add_line, spread_nearest, write_mean
from vectors.kernels.fde_tokens import Lanes, Plan, TokenRoom, place_tokens

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

GROUP_TOKENS = 96  # short documents are hashed together up to so many tokens
MAX_TOKENS = 1 << 24
_STEP = np.int32(MAX_TOKENS)  # above any token's index: one differing bit outweighs every index
_FAR = np.int32(32 * MAX_TOKENS)  # more bits than there are
_ONE = np.float32(1.0)


class Finish(NamedTuple):
    """What becomes of the cells.

    Attributes
    ----------
    mean, fill : cells hold means, not sums; empty ones their nearest token
    slots, signs : int64 and float32 (full_dim,): coordinate c is added to ``slots[c]`` times ``signs[c]``; or empty
    n_sketched : numbers of the sketch; 0 without one
    tail_scale : of the sums of the tokens' tails
    """

    mean: bool
    fill: bool
    slots: Int64s
    signs: Float32s
    n_sketched: int
    tail_scale: np.float32


class Room(NamedTuple):
    """Scratch of one thread: cells and values of some tokens, and what one repetition of a document needs.

    The lines of the cells, zero between repetitions, lie in ``values`` behind the tokens' rows, from ``block_at`` on.
    ``sources``, ``divisors`` and ``inverses`` say of every cell where its line is, what to divide it by, and 1 / that.
    """

    tokens: TokenRoom
    cells: Int32s
    values: Float32s
    block_at: int
    counts: Int32s
    keys: Int32s
    sources: Int64s
    divisors: Float32s
    inverses: Float32s
    means: Float32s
    row: Float32s
    plain: Float32s


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
    block = room.values.reshape(-1)[room.block_at : room.block_at + (n_cells + 1) * width]
    for r in range(plan.n_repetitions):
        _add_up(first, n, r, plan, finish, lanes, room)
        _find_sources(first, r, plan, finish, room)
        if finish.n_sketched:
            _write_cells(plan, lanes, room, room.means, 0)
            at = r * n_cells * width
            for cell in range(n_cells):
                if room.counts[cell] == 0 and not finish.fill:
                    continue
                for j in range(width):
                    c = at + cell * width + j
                    room.row[finish.slots[c]] += finish.signs[c] * room.means[cell * width + j]
        else:
            _write_cells(plan, lanes, room, out, base + r * n_cells * width)
        block[:] = np.float32(0.0)
    if finish.n_sketched:
        write_mean(room.plain, finish.n_sketched, out, base, room.row, 0, _ONE, _ONE)


@numba.njit(nogil=True, cache=True)
def _values_at(r: int, plan: Plan, room: Room) -> int:
    """Where the values of repetition ``r`` begin in a token's row: one that holds all, or the same for all."""
    return r * plan.width if room.values.shape[1] >= plan.n_repetitions * plan.width else 0


@numba.njit(nogil=True, cache=True)
def _add_up(first: int, n: int, r: int, plan: Plan, finish: Finish, lanes: Lanes, room: Room) -> None:
    """Sums and sizes of the cells of repetition ``r``; with filling, the nearest token of every cell."""
    width, stride, at = plan.width, room.values.shape[1], _values_at(r, plan, room)
    counts, keys, cells = room.counts, room.keys, room.cells
    counts[:] = 0
    for i in range(first, first + n):
        cell = np.uint32(cells[i, r])  # unsigned: numba then leaves out its test for negative indices
        counts[cell] += 1
        add_line(lanes.line, width, room.values, room.block_at + np.int64(cell) * width, i * stride + at)
    if finish.fill:
        keys[:] = _FAR
        for i in range(n - 1, -1, -1):
            keys[np.uint32(cells[first + i, r])] = np.int32(i)
        spread_nearest(lanes.cells, keys, plan.k_sim, _STEP)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _find_sources(first: int, r: int, plan: Plan, finish: Finish, room: Room) -> None:
    """Where the line of every cell is, and what to divide it by: without branches, which would be guesses."""
    stride, at = room.values.shape[1], first * room.values.shape[1] + _values_at(r, plan, room)
    sources, divisors, inverses, counts, keys = room.sources, room.divisors, room.inverses, room.counts, room.keys
    mean, fill = np.int32(finish.mean), np.int64(finish.fill)
    for cell in range(np.uint32(1) << np.uint32(plan.k_sim)):
        is_filled = np.int64(counts[cell] == 0) & fill
        own, nearest = room.block_at + np.int64(cell) * plan.width, np.int64(keys[cell] & (_STEP - 1)) * stride + at
        sources[cell] = own + is_filled * (nearest - own)
        divisors[cell] = np.float32(max(np.int32(1), counts[cell] * mean))
        inverses[cell] = _ONE / divisors[cell]


@numba.njit(nogil=True, cache=True)
def _write_cells(plan: Plan, lanes: Lanes, room: Room, target: npt.NDArray[Any], to: int) -> None:
    """Sums, or means, or what fills them, of all cells of a repetition."""
    for cell in range(np.uint32(1) << np.uint32(plan.k_sim)):
        start = to + np.int64(cell) * plan.width
        count, inverse = room.divisors[cell], room.inverses[cell]
        write_mean(lanes.line, plan.width, target, start, room.values, room.sources[cell], count, inverse)


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
