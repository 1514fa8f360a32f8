"""Explicit vectors of float64 or float32: one row of n columns in registers, n known when a kernel is compiled.

A kernel takes ``columns``, a `Columns`, which only says how many there are and of which kind. Every operation is one of
IEEE arithmetic per column, rounded for itself, so a column's bytes depend neither on n nor on what stands in the other
columns; the compiler makes of a row what the processor has, so no other version is needed.

Layout   a row lies in an array of its kind by the position ``at`` of its first element in the flat array.
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

_LINE = 64  # bytes
_I32 = ir.IntType(32)


class Columns:
    """Asks a kernel to work on ``n`` columns at once, of float32 if ``single``; has no state."""

    def __init__(self, n: int, *, single: bool = False) -> None:
        self.n = n
        self.single = single


class ColumnsType(types.Opaque):
    def __init__(self, n: int, single: bool) -> None:
        self.n = n
        self.single = single
        super().__init__(name=f"Columns({n}, {single})")


class RowType(types.Type):
    """n numbers of one kind, inside a kernel."""

    def __init__(self, n: int, single: bool) -> None:
        self.n = n
        self.single = single
        super().__init__(name=f"Row({n}, {single})")


register_model(ColumnsType)(models.OpaqueModel)


@register_model(RowType)
class _RowModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: RowType) -> None:
        super().__init__(dmm, fe_type, _vector(fe_type))


@typeof_impl.register(Columns)
def _typeof(value: Columns, c: Any) -> ColumnsType:
    del c
    return ColumnsType(value.n, value.single)


@unbox(ColumnsType)
def _unbox(typ: ColumnsType, obj: Any, c: Any) -> NativeValue:
    del obj
    return NativeValue(c.context.get_dummy_value())


@intrinsic
def zeros(typingctx: Any, columns: Any) -> Any:
    """A row of zeros."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(_vector(columns), None)

    return RowType(columns.n, columns.single)(columns), generate


@intrinsic
def load(typingctx: Any, columns: Any, block: Any, at: Any) -> Any:
    """The row at ``at``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_place(context, builder, signature, arguments, columns), align=_size(columns))

    return RowType(columns.n, columns.single)(columns, block, types.int64), generate


@intrinsic
def store(typingctx: Any, row: Any, block: Any, at: Any) -> Any:
    """``block[at:] = row``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[0], _place(context, builder, signature, arguments, row), align=_size(row))
        return context.get_dummy_value()

    return types.none(row, block, types.int64), generate


@intrinsic
def fetch(typingctx: Any, columns: Any, block: Any, at: Any) -> Any:
    """Ask for the cache lines of the row at ``at``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _address(context, builder, signature, arguments)
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), _I32, _I32, _I32])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        for i in range(0, columns.n, _LINE // _size(columns)):
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
    """``row * factor``, a number of the row's kind."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        nothing = ir.Constant(_vector(row), ir.Undefined)
        one = builder.insert_element(nothing, arguments[1], ir.Constant(_I32, 0))
        same = ir.Constant(ir.VectorType(_I32, row.n), [0] * row.n)
        return builder.fmul(arguments[0], builder.shuffle_vector(one, nothing, same))

    return row(row, types.float32 if row.single else types.float64), generate


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
        kind = ir.FunctionType(_vector(a), [_vector(a)])
        size = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fabs.v{a.n}f{8 * _size(a)}")
        return builder.call(size, [builder.fsub(*arguments)])

    return a(a, b), generate


@intrinsic
def widened(typingctx: Any, row: Any) -> Any:
    """A row of float32 as float64."""
    wide = RowType(row.n, False)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fpext(arguments[0], _vector(wide))

    return wide(row), generate


@intrinsic
def narrowed(typingctx: Any, row: Any) -> Any:
    """A row of float64 rounded to float32."""
    narrow = RowType(row.n, True)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fptrunc(arguments[0], _vector(narrow))

    return narrow(row), generate


@intrinsic
def any_reaches(typingctx: Any, a: Any, b: Any) -> Any:
    """Whether ``a >= b`` in some column."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        which = builder.fcmp_ordered(">=", *arguments)
        bits = builder.bitcast(which, ir.IntType(a.n))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(a.n), 0))

    return types.boolean(a, b), generate


def _vector(row: Any) -> ir.VectorType:
    return ir.VectorType(ir.FloatType() if row.single else ir.DoubleType(), row.n)


def _size(row: Any) -> int:
    """Bytes of a number."""
    return 4 if row.single else 8


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Of element ``at`` of the flat array; both are the last arguments."""
    array = context.make_array(signature.args[1])(context, builder, arguments[1])
    return builder.gep(array.data, [arguments[2]])


def _place(context: Any, builder: Any, signature: Any, arguments: Any, row: Any) -> Any:
    return builder.bitcast(_address(context, builder, signature, arguments), _vector(row).as_pointer())
