"""Explicit vectors of float64: one row of n columns in registers, n known when a kernel is compiled.

A kernel takes ``columns``, a `Columns`, which only says how many there are. Every operation is one of IEEE float64 per
column, rounded for itself, so a column's bytes depend neither on n nor on what stands in the other columns; the
compiler makes of a row what the processor has, so no other version is needed.

Layout   a row lies in a float64 array by the position ``at`` of its first element in the flat array.
Threads  none.
Limits   nothing is checked.
"""

from __future__ import annotations

from typing import Any

import numba.extending
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import NativeValue, models, register_model, typeof_impl, unbox

intrinsic: Any = numba.extending.intrinsic  # its annotations know nothing of the arguments that remain

_LINE = 8  # float64 in a cache line
_I32 = ir.IntType(32)


class Columns:
    """Asks a kernel to work on ``n`` columns at once; has no state."""

    def __init__(self, n: int) -> None:
        self.n = n


class ColumnsType(types.Opaque):
    def __init__(self, n: int) -> None:
        self.n = n
        super().__init__(name=f"Columns({n})")


class RowType(types.Type):
    """n float64, inside a kernel."""

    def __init__(self, n: int) -> None:
        self.n = n
        super().__init__(name=f"Row({n})")


register_model(ColumnsType)(models.OpaqueModel)


@register_model(RowType)
class _RowModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: RowType) -> None:
        super().__init__(dmm, fe_type, _vector(fe_type.n))


@typeof_impl.register(Columns)
def _typeof(value: Columns, c: Any) -> ColumnsType:
    del c
    return ColumnsType(value.n)


@unbox(ColumnsType)
def _unbox(typ: ColumnsType, obj: Any, c: Any) -> NativeValue:
    del obj
    return NativeValue(c.context.get_dummy_value())


@intrinsic
def zeros(typingctx: Any, columns: Any) -> Any:
    """A row of zeros."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(_vector(columns.n), None)

    return RowType(columns.n)(columns), generate


@intrinsic
def load(typingctx: Any, columns: Any, block: Any, at: Any) -> Any:
    """The row at ``at``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_place(context, builder, signature, arguments, columns.n), align=8)

    return RowType(columns.n)(columns, block, types.int64), generate


@intrinsic
def store(typingctx: Any, row: Any, block: Any, at: Any) -> Any:
    """``block[at:] = row``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[0], _place(context, builder, signature, arguments, row.n), align=8)
        return context.get_dummy_value()

    return types.none(row, block, types.int64), generate


@intrinsic
def fetch(typingctx: Any, columns: Any, block: Any, at: Any) -> Any:
    """Ask for the cache lines of the row at ``at``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _address(context, builder, signature, arguments)
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), _I32, _I32, _I32])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        for i in range(0, columns.n, _LINE):
            line = builder.bitcast(builder.gep(place, [ir.Constant(_I32, i)]), ir.IntType(8).as_pointer())
            builder.call(prefetch, [line, *(ir.Constant(_I32, value) for value in (0, 3, 1))])  # read, keep, data
        return context.get_dummy_value()

    return types.none(columns, block, types.int64), generate


@intrinsic
def plus(typingctx: Any, a: Any, b: Any) -> Any:
    """``a + b``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments)

    return a(a, b), generate


@intrinsic
def times(typingctx: Any, row: Any, factor: Any) -> Any:
    """``row * factor``, a float64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        nothing = ir.Constant(_vector(row.n), ir.Undefined)
        one = builder.insert_element(nothing, arguments[1], ir.Constant(_I32, 0))
        same = ir.Constant(ir.VectorType(_I32, row.n), [0] * row.n)
        return builder.fmul(arguments[0], builder.shuffle_vector(one, nothing, same))

    return row(row, types.float64), generate


@intrinsic
def product(typingctx: Any, a: Any, b: Any) -> Any:
    """``a * b``, column by column."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fmul(*arguments)

    return a(a, b), generate


@intrinsic
def distance(typingctx: Any, a: Any, b: Any) -> Any:
    """``|a - b|``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_vector(a.n), [_vector(a.n)])
        size = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fabs.v{a.n}f64")
        return builder.call(size, [builder.fsub(*arguments)])

    return a(a, b), generate


def _vector(n: int) -> ir.VectorType:
    return ir.VectorType(ir.DoubleType(), n)


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Of element ``at`` of the flat array; both are the last arguments."""
    array = context.make_array(signature.args[1])(context, builder, arguments[1])
    return builder.gep(array.data, [arguments[2]])


def _place(context: Any, builder: Any, signature: Any, arguments: Any, n: int) -> Any:
    return builder.bitcast(_address(context, builder, signature, arguments), _vector(n).as_pointer())
