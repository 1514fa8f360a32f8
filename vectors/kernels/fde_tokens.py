"""Token vectors to cells and projected values: the random map of fixed dimensional encodings.

Layout   a `Plan` holds the map. Products with hyperplanes are laid bit by bit: that of bit b of repetition r is number
         b · n_repetitions + r. ``cells`` int32 (n, n_repetitions or a few more): the prefix XOR of the bits, first most
         significant; 2**k_sim for a row that is in none. ``values`` float32 (n, stride), repetition after repetition.
Threads  single-threaded; ``lanes`` and ``room`` belong to one thread; a row's result depends on the row and the plan alone.
Limits   float32, every product summed in the order of the dimensions; nothing is checked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba.extending import overload

from foundation.kernels.lines import number_cells
from foundation.kernels.simd import Registers, RegistersType
from foundation.kernels.tiles import add_products, add_rounded_products, store_tile, zero_tile
from foundation.kernels.transforms import rotate, rotate_columns

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]

PANEL = 64  # columns of a panel: four vectors


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
    if plan.normals.size:
        _multiply(lanes, rows, first, n, plan.normal_panels, True, room.products)
        _settle(lanes.tile_rows, rows, first, n, plan, room.products)
    if plan.panels.size:
        _multiply(lanes, rows, first, n, plan.panels, plan.exact, values)
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
def _transform(
    rows: Float32s, first: int, n: int, plan: Plan, lanes: Lanes, room: TokenRoom, values: Float32s
) -> None:
    """Rotate every row; its products are a second rotation, its values transforms of the columns of a matrix of it."""
    size, group = plan.rotation.size, max(1, plan.rows * plan.columns)
    shape = plan.rows, plan.columns, size
    padded, rotated, products = room.padded, room.rotated, room.products
    for i in range(n):
        for d in range(plan.head):
            padded[d] = rows[first + i, d]
        rotate(lanes.whole, size, padded, 0, plan.rotation, 0, rotated, 0)
        for at in range(0, plan.bit_signs.size, size):
            rotate(lanes.whole, size, rotated, 0, plan.bit_signs, at, products, i * products.shape[1] + at)
        for at in range(0, plan.column_signs.size, group):
            to = i * values.shape[1] + at
            rotate_columns(lanes.whole, lanes.columns, shape, rotated, plan.column_signs, at, values, to)


@numba.njit(nogil=True, cache=True)
def _empty_heads(rows: Float32s, first: int, n: int, plan: Plan, cells: Int32s) -> None:
    """Take rows out of all cells whose head is zero."""
    for i in range(n):
        is_hashed = False
        for d in range(plan.head):
            is_hashed = is_hashed or rows[first + i, d] != np.float32(0.0)
        if not is_hashed:
            cells[i, :] = np.int32(1) << np.int32(plan.k_sim)


def _multiply(lanes: Any, rows: Any, first: int, n: int, panels: Any, exact: bool, target: Any) -> None:
    """``target[:n] = rows[first : first + n] @ panels``; ``exact``: products need no rounding before they are added."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def _settle(marker: Any, rows: Any, first: int, n: int, plan: Any, products: Any) -> None:
    """Work out again, product by product rounded, what is so small that its sign may depend on that."""
    raise NotImplementedError  # only compiled code has this: see its overload below


@overload(_multiply, strict=False)
def _multiply_overload(lanes: Any, rows: Any, first: Any, n: Any, panels: Any, exact: Any, target: Any) -> Any:
    height = lanes.types[2]
    if isinstance(height, RegistersType):
        return _tiles(height.n)

    def plain(lanes: Any, rows: Any, first: Any, n: Any, panels: Any, exact: Any, target: Any) -> None:
        for p in range(panels.shape[0]):
            for i in range(n):
                row, sums = rows[first + i], target[i, p * PANEL : (p + 1) * PANEL]
                sums[:] = np.float32(0.0)
                for d in range(panels.shape[1]):
                    line = panels[p, d]
                    for j in range(PANEL):
                        sums[j] += row[d] * line[j]

    return plain


def _tiles(height: int) -> Any:
    """`_multiply` by tiles of ``height`` rows; the last one overlaps the one before."""

    def multiply(lanes: Any, rows: Any, first: Any, n: Any, panels: Any, exact: Any, target: Any) -> None:
        for p in range(panels.shape[0]):
            for start in range(0, n, height if n >= height else 1):
                i = start if n < height else min(start, n - height)
                if n < height and exact:
                    _tile(lanes.one, lanes.tile_columns, rows, first + i, panels, p, target, i)
                elif n < height:
                    _rounded_tile(lanes.one, lanes.tile_columns, rows, first + i, panels, p, target, i)
                elif exact:
                    _tile(lanes.tile_rows, lanes.tile_columns, rows, first + i, panels, p, target, i)
                else:
                    _rounded_tile(lanes.tile_rows, lanes.tile_columns, rows, first + i, panels, p, target, i)

    return multiply


@numba.njit(nogil=True, cache=True)
def _tile(height: Any, breadth: Any, rows: Float32s, first: int, panels: Float32s, p: int, target: Any, to: int) -> None:
    """One tile of the product with panel ``p``; products are not rounded."""
    depth, stride, at = panels.shape[1], rows.shape[1], first * rows.shape[1]
    panel_at = p * depth * PANEL
    sums = zero_tile(height, breadth)
    for d in range(depth):
        sums = add_products(sums, height, breadth, rows, at + d, stride, panels, panel_at + d * PANEL)
    store_tile(sums, height, breadth, target, to * target.shape[1] + p * PANEL, target.shape[1])


@numba.njit(nogil=True, cache=True)
def _rounded_tile(
    height: Any, breadth: Any, rows: Float32s, first: int, panels: Float32s, p: int, target: Any, to: int
) -> None:
    """`_tile` with every product rounded before it is added."""
    depth, stride, at = panels.shape[1], rows.shape[1], first * rows.shape[1]
    panel_at = p * depth * PANEL
    sums = zero_tile(height, breadth)
    for d in range(depth):
        sums = add_rounded_products(sums, height, breadth, rows, at + d, stride, panels, panel_at + d * PANEL)
    store_tile(sums, height, breadth, target, to * target.shape[1] + p * PANEL, target.shape[1])


@overload(_settle, strict=False)
def _settle_overload(marker: Any, rows: Any, first: Any, n: Any, plan: Any, products: Any) -> Any:
    if not isinstance(marker, RegistersType):
        return lambda marker, rows, first, n, plan, products: None

    def settle(marker: Any, rows: Any, first: Any, n: Any, plan: Any, products: Any) -> None:
        for i in range(n):
            product = products[i, : plan.normals.shape[0]]
            least = np.float32(plan.doubt * _length(rows, first + i, plan.head) + 1e-40)
            n_doubtful = 0
            for j in range(product.size):
                n_doubtful += not abs(product[j]) > least
            if n_doubtful:
                _recompute(rows, first + i, plan.normals, least, product)

    return settle


@numba.njit(nogil=True, cache=True)
def _length(rows: Float32s, row: int, head: int) -> float:
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    i = 0
    while i + 4 <= head:
        a += np.float64(rows[row, i]) ** 2
        b += np.float64(rows[row, i + 1]) ** 2
        c += np.float64(rows[row, i + 2]) ** 2
        d += np.float64(rows[row, i + 3]) ** 2
        i += 4
    while i < head:
        a += np.float64(rows[row, i]) ** 2
        i += 1
    return float(np.sqrt(a + b + c + d))


@numba.njit(nogil=True, cache=True)
def _recompute(rows: Float32s, row: int, normals: Float32s, least: np.float32, product: Float32s) -> None:
    for j in range(product.size):
        if not abs(product[j]) > least:
            total = np.float32(0.0)
            for d in range(normals.shape[1]):
                total += rows[row, d] * normals[j, d]
            product[j] = total
