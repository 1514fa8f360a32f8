"""Sums over a pair of float32 rows in float64: of products, and of squared differences.

Each is four sums, of every fourth value, and (first + second) + (third + fourth) of them at the end; values behind the
last four go to the first. The four are one vector, which every processor runs in the instructions it has, with the
same roundings.

Layout   rows lie in C-contiguous float32 arrays of any shape and are addressed by their first element.
Threads  no shared state.
Limits   nothing is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba.extending
from llvmlite import ir
from numba.core import cgutils, types

intrinsic: Any = numba.extending.intrinsic  # its annotations know nothing of the arguments that remain

_SUMS = 4
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_FLOATS, _DOUBLES = ir.VectorType(ir.FloatType(), _SUMS), ir.VectorType(ir.DoubleType(), _SUMS)


@intrinsic
def sum_of_products(typingctx: Any, a: Any, a_at: Any, b: Any, b_at: Any, n: Any) -> Any:
    """float64: ``a[a_at + d] * b[b_at + d]`` summed over d < n."""
    return types.float64(a, types.int64, b, types.int64, types.int64), _summing(lambda _, x, y: (x, y))


@intrinsic
def sum_of_squares(typingctx: Any, a: Any, a_at: Any, b: Any, b_at: Any, n: Any) -> Any:
    """float64: ``(a[a_at + d] - b[b_at + d])²`` summed over d < n."""

    def factors(builder: Any, x: Any, y: Any) -> tuple[Any, Any]:
        difference = builder.fsub(x, y)
        return difference, difference

    return types.float64(a, types.int64, b, types.int64, types.int64), _summing(factors)


def _summing(factors: Callable[[Any, Any, Any], tuple[Any, Any]]) -> Any:
    """Code that sums the products of what ``factors`` makes of two values, or of two vectors of them."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right = (
            builder.gep(context.make_array(signature.args[i])(context, builder, arguments[i]).data, [arguments[i + 1]])
            for i in (0, 2)
        )
        n = arguments[4]

        def product(at: Any, kind: Any, wide: Any) -> Any:
            x, y = (
                builder.fpext(builder.load(builder.bitcast(builder.gep(row, [at]), kind.as_pointer()), align=4), wide)
                for row in (left, right)
            )
            return builder.fmul(*factors(builder, x, y))

        sums = cgutils.alloca_once_value(builder, ir.Constant(_DOUBLES, [0.0] * _SUMS))
        with cgutils.for_range(builder, builder.lshr(n, ir.Constant(_I64, 2))) as loop:
            at = builder.shl(loop.index, ir.Constant(_I64, 2))
            builder.store(builder.fadd(builder.load(sums), product(at, _FLOATS, _DOUBLES)), sums)
        four = builder.load(sums)
        first, second, third, fourth = (builder.extract_element(four, ir.Constant(_I32, i)) for i in range(_SUMS))
        rest = cgutils.alloca_once_value(builder, first)
        whole = builder.and_(n, ir.Constant(_I64, -_SUMS))
        with cgutils.for_range(builder, builder.sub(n, whole)) as loop:
            behind = product(builder.add(whole, loop.index), ir.FloatType(), ir.DoubleType())
            builder.store(builder.fadd(builder.load(rest), behind), rest)
        return builder.fadd(builder.fadd(builder.load(rest), second), builder.fadd(third, fourth))

    return generate
