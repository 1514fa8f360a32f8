"""Products of rows with a matrix, a tile of some rows and columns in registers at a time.

Layout   rows and targets are C-contiguous float32, addressed by the position of an element in their flat memory; the
         matrix comes as panels of 16 n columns, each C-contiguous (depth, 16 n).
Threads  single-threaded; no shared state.
Limits   every element is summed from 0 in the order of the depth, whatever tile it is in; nothing is checked.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.extending import overload

from foundation.kernels.simd import LanesType, RegistersType
from foundation.kernels.vector_ir import FLOATS, address, fused, intrinsic, load, spread, store

Float32s = npt.NDArray[np.float32]

PANEL = 64  # columns of a panel: four vectors
_UNDERFLOW = 1e-40  # more than the products of a row can lose by being too small for a float32


@intrinsic
def zero_tile(typingctx: Any, rows: Any, columns: Any) -> Any:
    """Sums of 0 for ``rows`` by ``columns`` vectors, both `Registers`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(ir.ArrayType(FLOATS, signature.return_type.n), None)

    return LanesType(rows.n * columns.n)(rows, columns), generate


@intrinsic
def add_products(
    typingctx: Any, sums: Any, rows: Any, columns: Any, source: Any, at: Any, stride: Any, panel: Any, panel_at: Any
) -> Any:
    """``sums[i] += source[at + i * stride] * panel[panel_at:]``, products not rounded."""
    return _adder(sums, rows, columns, source, panel, fused)


@intrinsic
def add_rounded_products(
    typingctx: Any, sums: Any, rows: Any, columns: Any, source: Any, at: Any, stride: Any, panel: Any, panel_at: Any
) -> Any:
    """`add_products` with every product rounded before it is added."""
    return _adder(sums, rows, columns, source, panel, lambda builder, a, b, c: builder.fadd(c, builder.fmul(a, b)))


@intrinsic
def store_tile(typingctx: Any, sums: Any, rows: Any, columns: Any, target: Any, to: Any, stride: Any) -> Any:
    """``target[to + i * stride:] = sums[i]``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = address(context, builder, signature.args[3], arguments[3], arguments[4])
        for i in range(rows.n):
            for j in range(columns.n):
                store(builder, builder.extract_value(arguments[0], i * columns.n + j), place, j)
            place = builder.gep(place, [arguments[5]])
        return context.get_dummy_value()

    return types.none(sums, rows, columns, target, types.int64, types.int64), generate


def multiply_rows(
    height: Any, breadth: Any, one: Any, rows: Any, first: int, n: int, panels: Any, exact: bool, target: Any
) -> None:
    """``target[:n] = rows[first : first + n] @ panels``, panels (count, depth, PANEL); rows may be wider than that.

    Compiled for `Registers`, as many rows and vectors of columns as a tile has and 1, or for any arrays: plain loops.
    ``exact`` says that products need no rounding, and the two agree; otherwise they do as every product is rounded.
    """
    raise NotImplementedError  # only compiled code has this: see its overload below


def settle_signs(height: Any, rows: Any, first: int, n: int, normals: Any, doubt: float, products: Any) -> None:
    """Work out again, every product rounded, what is so small that its sign may depend on that.

    ``products[:n]`` are those of the rows from ``first`` on with ``normals`` (count, depth), fused by `multiply_rows`;
    ``doubt`` times a row's length bounds what rounding can change. Plain loops have rounded already.
    """
    raise NotImplementedError  # only compiled code has this: see its overload below


@overload(multiply_rows, strict=False)
def _multiply_rows(
    height: Any, breadth: Any, one: Any, rows: Any, first: Any, n: Any, panels: Any, exact: Any, target: Any
) -> Any:
    if isinstance(height, RegistersType):
        return _by_tiles(height.n)

    def plain(
        height: Any, breadth: Any, one: Any, rows: Any, first: Any, n: Any, panels: Any, exact: Any, target: Any
    ) -> None:
        for p in range(panels.shape[0]):
            for i in range(n):
                row, sums = rows[first + i], target[i, p * PANEL : (p + 1) * PANEL]
                sums[:] = np.float32(0.0)
                for d in range(panels.shape[1]):
                    line = panels[p, d]
                    for j in range(PANEL):
                        sums[j] += row[d] * line[j]

    return plain


def _by_tiles(n_rows: int) -> Any:
    """`multiply_rows` by tiles of ``n_rows``; the last one overlaps the one before."""

    def multiply(
        height: Any, breadth: Any, one: Any, rows: Any, first: Any, n: Any, panels: Any, exact: Any, target: Any
    ) -> None:
        for p in range(panels.shape[0]):
            for start in range(0, n, n_rows if n >= n_rows else 1):
                i = start if n < n_rows else min(start, n - n_rows)
                if n < n_rows and exact:
                    _tile(one, breadth, rows, first + i, panels, p, target, i)
                elif n < n_rows:
                    _rounded_tile(one, breadth, rows, first + i, panels, p, target, i)
                elif exact:
                    _tile(height, breadth, rows, first + i, panels, p, target, i)
                else:
                    _rounded_tile(height, breadth, rows, first + i, panels, p, target, i)

    return multiply


@overload(settle_signs, strict=False)
def _settle_signs(height: Any, rows: Any, first: Any, n: Any, normals: Any, doubt: Any, products: Any) -> Any:
    if not isinstance(height, RegistersType):
        return lambda height, rows, first, n, normals, doubt, products: None

    def settle(height: Any, rows: Any, first: Any, n: Any, normals: Any, doubt: Any, products: Any) -> None:
        for i in range(n):
            product = products[i, : normals.shape[0]]
            least = np.float32(doubt * _length(rows, first + i, normals.shape[1]) + _UNDERFLOW)
            n_doubtful = 0
            for j in range(product.size):
                n_doubtful += not abs(product[j]) > least
            if n_doubtful:
                _recompute(rows, first + i, normals, least, product)

    return settle


@numba.njit(nogil=True, cache=True)
def _tile(
    height: Any, breadth: Any, rows: Float32s, first: int, panels: Float32s, p: int, target: Any, to: int
) -> None:
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


def _adder(sums: Any, rows: Any, columns: Any, source: Any, panel: Any, add: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tile, _, _, given, at, stride, matrix, matrix_at = arguments
        place = address(context, builder, signature.args[3], given, at)
        line = address(context, builder, signature.args[6], matrix, matrix_at)
        factors = [load(builder, line, j) for j in range(columns.n)]
        for i in range(rows.n):
            one = spread(builder, builder.load(place))
            for j in range(columns.n):
                n = i * columns.n + j
                tile = builder.insert_value(tile, add(builder, one, factors[j], builder.extract_value(tile, n)), n)
            place = builder.gep(place, [stride])
        return tile

    return sums(sums, rows, columns, source, types.int64, types.int64, panel, types.int64), generate
