"""A step of the walk over rows in narrow storage: sparse matrix times stored block, into stored block.

Layout   CSR over nodes. A block is C-contiguous, a row per slot, float32, uint16 (bits of float16) or int8, its width a
         multiple of `GROUP`; ``factors`` and ``scales`` are float32 and ``squares`` float64, (rows, width / GROUP).
         ``slots`` and ``places`` (int32 or int64) give a node's row, -1 where it has none. ``weights`` may be empty,
         which means 1 everywhere.
Threads  single-threaded loops over the nodes [start, stop), one writer per row: bytes depend neither on the ranges nor
         on which columns are done together, nor on ``lanes`` (see `foundation.kernels.rows`).
Limits   ids lie in [0, n_nodes): the caller has checked. Sums are float32 in storage order of the arcs.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.rows import add_row, fetch_row, pack_row, read_floats, write_row, zeros
from foundation.kernels.simd import GROUP, prefetch_element

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_AHEAD = 16  # arcs between asking for a row and using it; 8 and 32 measured the same or slower

_SOON = 8  # the same in rows
_FILLED = 256  # arcs looked through at a time


@numba.njit(nogil=True, cache=True)
def gather_rows(
    indptr: Int64s,
    indices: npt.NDArray[Any],
    weights: Float32s,
    inverse: Float64s,
    slots: npt.NDArray[Any],
    block: npt.NDArray[Any],
    factors: Float32s,
    places: npt.NDArray[Any],
    out: npt.NDArray[Any],
    scales: Float32s,
    squares: Float64s,
    column: int,
    start: int,
    stop: int,
    base: int,
    lanes: Any,
    n_columns: int,
) -> None:
    """Columns [column, column + n_columns) of ``sum over arcs u -> j of weight * factors[j] * block[j]``, packed.

    Node u writes row ``places[u]`` of ``out``, or ``u - base`` when ``base`` is not negative; ``slots`` are rows of
    ``block``. A weight is multiplied by ``inverse[u]`` first.
    """
    width, n_groups = block.shape[1], factors.shape[1]
    group, first = column // GROUP, indptr[start]
    room = np.empty(n_columns // GROUP, dtype=np.float32)
    ends = np.empty(indptr[stop] - first, dtype=slots.dtype)  # a look-up inside the loop below would stall it
    for arc in range(ends.size):
        ends[arc] = slots[indices[first + arc]]
    for node in range(start, stop):
        if places[node] < 0:
            continue
        sums = zeros(lanes)
        for arc in range(indptr[node], indptr[node + 1]):
            if arc - first + _AHEAD < ends.size:
                soon = np.int64(ends[arc - first + _AHEAD])
                fetch_row(sums, block, soon * width + column)
                prefetch_element(factors, soon * n_groups + group)
            slot = np.int64(ends[arc - first])
            weight = np.float32(weights[arc] * inverse[node]) if weights.size > 0 else np.float32(1.0)
            sums = add_row(sums, block, slot * width + column, factors, slot * n_groups + group, weight)
        row = np.int64(places[node]) if base < 0 else np.int64(node - base)
        pack_row(sums, out, row, group, scales, squares, room)


@numba.njit(nogil=True, cache=True)
def gather_signs(
    indptr: Int64s,
    indices: npt.NDArray[Any],
    weights: Float32s,
    inverse: Float64s,
    starts: npt.NDArray[np.uint32],
    signs: npt.NDArray[np.uint16],
    values: Float32s,
    first: int,
    places: npt.NDArray[Any],
    out: npt.NDArray[Any],
    scales: Float32s,
    squares: Float64s,
    start: int,
    stop: int,
    base: int,
    lanes: Any,
) -> None:
    """`gather_rows` from a matrix of few signs: row j holds ``±values[j]`` at each entry of ``signs[starts[j]:]``.

    An entry is column << 1 | negative; columns [first, first + width of ``out``) count. ``lanes`` are of `GROUP`
    columns.
    """
    width, n_groups = out.shape[1], scales.shape[1]
    room = np.empty(1, dtype=np.float32)
    row_sums = np.empty(width, dtype=np.float32)
    filled = np.empty(_FILLED, dtype=np.int64)
    for node in range(start, stop):
        if places[node] < 0:
            continue
        row_sums[:] = np.float32(0.0)
        arc, end = np.int64(indptr[node]), np.int64(indptr[node + 1])
        while arc < end:
            n = np.int64(
                0
            )  # most lists are empty, which no branch can foresee: arcs to the others are picked out first
            for at in range(arc, min(end, arc + _FILLED)):
                neighbour = np.int64(indices[at])
                filled[n] = at
                n += np.int64(starts[neighbour] != starts[neighbour + 1])
            arc = np.int64(min(end, arc + _FILLED))
            for i in range(n):
                at = filled[i]
                neighbour = np.int64(indices[at])
                value = values[neighbour]
                if weights.size > 0:
                    value *= np.float32(weights[at] * inverse[node])
                for entry in range(np.int64(starts[neighbour]), np.int64(starts[neighbour + 1])):
                    place = np.int64(signs[entry] >> np.uint16(1)) - first
                    if 0 <= place < width:
                        row_sums[place] += value * np.float32(1 - 2 * np.int32(signs[entry] & np.uint16(1)))
        row = np.int64(places[node]) if base < 0 else np.int64(node - base)
        for group in range(n_groups):
            sums = read_floats(lanes, row_sums, group * GROUP)
            pack_row(sums, out, row, group, scales, squares, room)


@numba.njit(nogil=True, cache=True)
def pack_rows(
    dense: Float32s,
    out: npt.NDArray[Any],
    scales: Float32s,
    squares: Float64s,
    start: int,
    stop: int,
    lanes: Any,
) -> None:
    """Rows of floats, of the width of ``out``, to the same rows of a stored block."""
    width, n_groups = out.shape[1], scales.shape[1]
    room = np.empty(1, dtype=np.float32)
    for row in range(start, stop):
        for group in range(n_groups):
            sums = read_floats(lanes, dense, row * width + group * GROUP)
            pack_row(sums, out, row, group, scales, squares, room)


@numba.njit(nogil=True, cache=True)
def add_stored(
    block: npt.NDArray[Any],
    places: npt.NDArray[Any],
    factors: Float32s,
    out: Float32s,
    first: int,
    start: int,
    stop: int,
    base: int,
    lanes: Any,
) -> None:
    """``out[u - start, first + c] += factors[row] * block[row, c]``; nodes without a place are left alone.

    ``out`` holds the rows [start, stop), its columns beyond ``first`` are those of the block, fewer when the last group
    is padded. The row is the node's place, or ``u - base``. ``lanes`` are of `GROUP` columns.
    """
    width, n_groups = block.shape[1], factors.shape[1]
    n_columns = min(width, out.shape[1] - first)
    one = np.ones(1, dtype=np.float32)
    room = np.zeros(GROUP, dtype=np.float32)
    for node in range(start, stop):
        if places[node] < 0:
            continue
        row = np.int64(places[node]) if base < 0 else np.int64(node - base)
        if base < 0 and node + _SOON < stop and places[node + _SOON] >= 0:
            for column in range(0, width, GROUP // block.itemsize):
                prefetch_element(block, np.int64(places[node + _SOON]) * width + column)
        for group in range(n_groups):
            column = group * GROUP
            n = min(GROUP, n_columns - column)
            if n == GROUP:
                at = (node - start) * out.shape[1] + first + column
                sums = read_floats(lanes, out, at)
                sums = add_row(sums, block, row * width + column, factors, row * n_groups + group, np.float32(1.0))
                write_row(sums, out, at, one, 0)
            else:
                total = out[node - start]
                room[:n] = total[first + column : first + column + n]
                sums = read_floats(lanes, room, 0)
                sums = add_row(sums, block, row * width + column, factors, row * n_groups + group, np.float32(1.0))
                write_row(sums, room, 0, one, 0)
                total[first + column : first + column + n] = room[:n]
