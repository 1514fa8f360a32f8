"""Where an array stays below another one, 64 places at a time.

Places are few in a long scan: a mask per 64 of them costs a handful of vector instructions, and only its set bits are
visited. Comparisons are exact, so that no processor gives other masks.

Layout   two flat arrays of one type, float32 or float64; bit i of a mask is the place ``at + i``.
Threads  no shared state.
Limits   64 places from ``at`` on must exist; nothing is checked. A NaN is not below anything.
"""

from __future__ import annotations

from typing import Any

import numba.extending
from llvmlite import ir
from numba.core import cgutils, types

intrinsic: Any = numba.extending.intrinsic  # its annotations know nothing of the arguments that remain

PLACES = 64

_I64 = ir.IntType(64)
_ELEMENTS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}


@intrinsic
def below(typingctx: Any, values: Any, limits: Any, at: Any) -> Any:
    """uint64 whose bit i says ``values[at + i] < limits[at + i]``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args[:2]
        left, right = (
            builder.load(_vector_at(context, builder, kind, array, arguments[2]), align=1)
            for kind, array in zip(kinds, arguments[:2], strict=True)
        )
        return builder.bitcast(builder.fcmp_ordered("<", left, right), _I64)

    return types.uint64(values, limits, types.int64), generate


@intrinsic
def first_bit(typingctx: Any, mask: Any) -> Any:
    """Number of the lowest set bit of a uint64 that is not 0, as int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_I64, [_I64, ir.IntType(1)])
        count = cgutils.get_or_insert_function(builder.module, kind, "llvm.cttz.i64")
        return builder.call(count, [arguments[0], ir.Constant(ir.IntType(1), 1)])

    return types.int64(types.uint64), generate


def _vector_at(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """Address of `PLACES` elements."""
    first = builder.gep(context.make_array(kind)(context, builder, array).data, [at])
    return builder.bitcast(first, ir.VectorType(_ELEMENTS[kind.dtype], PLACES).as_pointer())
