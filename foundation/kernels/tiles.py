"""Products of rows with a matrix, a tile of some rows and columns in registers at a time.

Layout   rows and targets are C-contiguous float32, addressed by the position of an element in their flat memory; the
         matrix comes as panels of 16 n columns, each C-contiguous (depth, 16 n).
Threads  single-threaded; no shared state.
Limits   every element is summed from 0 in the order of the depth, whatever tile it is in; nothing is checked.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from foundation.kernels.simd import LanesType
from foundation.kernels.vector_ir import FLOATS, address, fused, intrinsic, load, spread, store


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
    return _adder(
        sums, rows, columns, source, panel, lambda builder, a, b, c: builder.fadd(c, builder.fmul(a, b))
    )


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
