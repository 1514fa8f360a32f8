"""Token vectors to cells and projected values: the random map of fixed dimensional encodings.

Layout   a `Plan` holds the map. Products with hyperplanes are laid bit by bit: that of bit b of repetition r is number
         b · n_repetitions + r. ``cells`` int32 (n, n_repetitions or a few more): the prefix XOR of the bits, first most
         significant; 2**k_sim for a row that is in none. ``values`` float32 (n, stride), repetition after repetition.
Threads  single-threaded; ``lanes`` and ``room`` belong to one thread; a row's result depends on it and the plan alone.
Limits   float32, every product summed in the order of the dimensions; nothing is checked.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.lines import number_cells
from foundation.kernels.panels import multiply_rows, settle_signs
from foundation.kernels.rotations import turn_row
from foundation.kernels.simd import Registers

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]


class Plan(NamedTuple):
    """The map, and how it is worked out. Arrays of a way not taken are empty.

    Attributes
    ----------
    head : numbers of a row that are hashed; the rest is left alone
    width, rows, columns : numbers of a projected row; shape of the matrix whose columns are transformed
    normals : float32 (n_repetitions * k_sim, head); ``normal_panels`` the same by columns, (n, head, PANEL)
    doubt : a product that is smaller than this times the row's length may owe its sign to rounding
    panels : float32 (n, head, PANEL), the projections; ``exact``: their products with float32 are
    rotation, bit_signs, column_signs : float32 (size,), (n * size,), (groups, rows * columns)
    """

    n_repetitions: int
    k_sim: int
    head: int
    width: int
    rows: int
    columns: int
    normals: Float32s
    normal_panels: Float32s
    doubt: float
    panels: Float32s
    exact: bool
    rotation: Float32s
    bit_signs: Float32s
    column_signs: Float32s


class Lanes(NamedTuple):
    """How kernels are compiled: `Registers`, or float32 arrays for plain loops, of a thread's own.

    Attributes
    ----------
    whole, columns : of a rotated row, of a row of its matrix
    tile_rows, tile_columns, one : of products; 1
    line, cells : of a projected row, of the cells of a repetition
    """

    whole: Registers | Float32s
    columns: Registers | Float32s
    tile_rows: Registers | Float32s
    tile_columns: Registers | Float32s
    one: Registers | Float32s
    line: Registers | Float32s
    cells: Registers | Float32s


class TokenRoom(NamedTuple):
    """Scratch of one thread: products (n, stride), a padded row and a rotated one."""

    products: Float32s
    padded: Float32s
    rotated: Float32s


@numba.njit(nogil=True, cache=True)
def place_tokens(
    rows: Float32s, first: int, n: int, plan: Plan, lanes: Lanes, room: TokenRoom, cells: Int32s, values: Float32s
) -> None:
    """Cells and values of the ``n`` rows from ``first`` on. Without a projection the values are the rows' heads."""
    tile = lanes.tile_rows, lanes.tile_columns, lanes.one
    if plan.normals.size:
        multiply_rows(*tile, rows, first, n, plan.normal_panels, True, room.products)
        settle_signs(lanes.tile_rows, rows, first, n, plan.normals, plan.doubt, room.products)
    if plan.panels.size:
        multiply_rows(*tile, rows, first, n, plan.panels, plan.exact, values)
    elif not plan.column_signs.size:
        for i in range(n):
            for d in range(plan.head):
                values[i, d] = rows[first + i, d]
    if plan.rotation.size:
        _transform(rows, first, n, plan, lanes, room, values)
    for i in range(n):
        at = i * room.products.shape[1]
        number_cells(lanes.one, plan.k_sim, plan.n_repetitions, room.products, at, cells, i * cells.shape[1])
    if rows.shape[1] > plan.head:
        _empty_heads(rows, first, n, plan, cells)


@numba.njit(nogil=True, cache=True)
def fill_tables(
    rows: Float32s,
    start: int,
    stop: int,
    plan: Plan,
    lanes: Lanes,
    room: TokenRoom,
    cells: Int32s,
    values: Float32s,
) -> None:
    """`place_tokens` of rows ``start`` to ``stop`` into their rows of ``cells`` and ``values``."""
    step = room.products.shape[0]
    for first in range(start, stop, step):
        n = min(step, stop - first)
        place_tokens(rows, first, n, plan, lanes, room, cells[first : first + n], values[first : first + n])


@numba.njit(nogil=True, cache=True)
def _transform(rows: Float32s, first: int, n: int, plan: Plan, lanes: Lanes, room: TokenRoom, values: Float32s) -> None:
    """Rotate every row; its products are a second rotation, its values transforms of the columns of a matrix of it."""
    size, head, width = plan.rotation.size, plan.head, rows.shape[1]
    shape = plan.rows, plan.columns, size
    rotation, again, columns = plan.rotation, plan.bit_signs, plan.column_signs
    products, padded, rotated, to_whole, to_columns = (
        room.products,
        room.padded,
        room.rotated,
        lanes.whole,
        lanes.columns,
    )
    for i in range(n):
        to, value_to = i * products.shape[1], i * values.shape[1]
        if head == size:
            at = (first + i) * width
            turn_row(
                to_whole, to_columns, shape, rows, at, rotation, again, products, to, columns, values, value_to, rotated
            )
            continue
        padded[:head] = rows[first + i, :head]
        turn_row(
            to_whole, to_columns, shape, padded, 0, rotation, again, products, to, columns, values, value_to, rotated
        )


@numba.njit(nogil=True, cache=True)
def _empty_heads(rows: Float32s, first: int, n: int, plan: Plan, cells: Int32s) -> None:
    """Take rows out of all cells whose head is zero."""
    for i in range(n):
        is_hashed = False
        for d in range(plan.head):
            is_hashed = is_hashed or rows[first + i, d] != np.float32(0.0)
        if not is_hashed:
            cells[i, :] = np.int32(1) << np.int32(plan.k_sim)
