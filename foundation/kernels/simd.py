"""Explicit vectors: a row of 16 n float32 sums that stays in registers while a kernel walks a list.

A kernel takes ``lanes``, which decides how it is compiled: `Registers` (n) for n vectors of 16 floats, or a float32
array of 16 n for plain loops over memory (`foundation.kernels.plain`). Both do the same IEEE operations in the same
order, so they give the same bytes: products are added with one rounding, halves are rounded to even, and sums over a
row run through a fixed tree.

Layout   rows are stored in blocks of float32, of uint16 that are the bits of float16, or of int8, addressed by the
         position ``at`` of their first element in the flat block. `GROUP` columns share a factor.
Threads  single-threaded; an array given as ``lanes`` belongs to one thread.
Limits   a row has 16 n columns, n a multiple of 4; nothing is checked.
"""

from __future__ import annotations

from typing import Any

import numba.extending
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import NativeValue, models, register_model, typeof_impl, unbox

intrinsic: Any = numba.extending.intrinsic  # its annotations know nothing of the arguments that remain

LANE = 16
GROUP = 64
LINE = 64  # bytes of a cache line
PER_GROUP = GROUP // LANE

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_FLOATS = ir.VectorType(ir.FloatType(), LANE)
_DOUBLES = ir.VectorType(ir.DoubleType(), LANE)
_ELEMENTS = {types.int8: ir.IntType(8), types.uint16: ir.IntType(16), types.float32: ir.FloatType()}


class Registers:
    """Asks a kernel to keep ``n`` vectors of 16 floats in registers; has no state."""

    def __init__(self, n: int) -> None:
        self.n = n


class RegistersType(types.Opaque):
    def __init__(self, n: int) -> None:
        self.n = n
        super().__init__(name=f"Registers({n})")


class LanesType(types.Type):
    """The n vectors themselves, inside a kernel."""

    def __init__(self, n: int) -> None:
        self.n = n
        super().__init__(name=f"Lanes({n})")


register_model(RegistersType)(models.OpaqueModel)


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: LanesType) -> None:
        super().__init__(dmm, fe_type, ir.ArrayType(_FLOATS, fe_type.n))


@typeof_impl.register(Registers)
def _typeof(value: Registers, c: Any) -> RegistersType:
    del c
    return RegistersType(value.n)


@unbox(RegistersType)
def _unbox(typ: RegistersType, obj: Any, c: Any) -> NativeValue:
    del obj
    return NativeValue(c.context.get_dummy_value())


@intrinsic
def zero_lanes(typingctx: Any, registers: Any) -> Any:
    """``registers`` -> lanes of zeros."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(ir.ArrayType(_FLOATS, signature.return_type.n), None)

    return LanesType(registers.n)(registers), generate


@intrinsic
def fma_row(typingctx: Any, lanes: Any, block: Any, at: Any, factors: Any, factor_at: Any, weight: Any) -> Any:
    """``lanes + (weight * factors[factor_at + g]) * block[at:]``, g the group of each column."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, data, first, scales, scale_first, share = arguments
        row = _address(context, builder, signature.args[1], data, first)
        scale = _address(context, builder, signature.args[3], scales, scale_first)
        for i in range(lanes.n):
            if i % PER_GROUP == 0:
                one = builder.load(builder.gep(scale, [ir.Constant(_I32, i // PER_GROUP)]))
                factor = _spread(builder, builder.fmul(one, share))
            values = _decoded(builder, row, i, signature.args[1].dtype)
            total = _fma(builder, values, factor, builder.extract_value(sums, i))
            sums = builder.insert_value(sums, total, i)
        return sums

    return lanes(lanes, block, types.int64, factors, types.int64, types.float32), generate


@intrinsic
def prefetch_row(typingctx: Any, lanes: Any, block: Any, at: Any) -> Any:
    """Ask for the cache lines of the row at ``at``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = _address(context, builder, signature.args[1], arguments[1], arguments[2])
        element = signature.args[1].dtype.bitwidth // 8
        for i in range(0, lanes.n * LANE, LINE // element):
            _prefetch(builder, builder.gep(row, [ir.Constant(_I32, i)]))
        return context.get_dummy_value()

    return types.none(lanes, block, types.int64), generate


@intrinsic
def prefetch_element(typingctx: Any, array: Any, at: Any) -> Any:
    """Ask for the cache line that holds element ``at``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _prefetch(builder, _address(context, builder, signature.args[0], *arguments))
        return context.get_dummy_value()

    return types.none(array, types.int64), generate


@intrinsic
def load_floats(typingctx: Any, registers: Any, block: Any, at: Any) -> Any:
    """Lanes from 16 n floats."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = _address(context, builder, signature.args[1], arguments[1], arguments[2])
        lanes = ir.Constant(ir.ArrayType(_FLOATS, registers.n), ir.Undefined)
        for i in range(registers.n):
            lanes = builder.insert_value(lanes, _decoded(builder, row, i, types.float32), i)
        return lanes

    return LanesType(registers.n)(registers, block, types.int64), generate


@intrinsic
def store_row(typingctx: Any, lanes: Any, block: Any, at: Any, factors: Any, factor_at: Any) -> Any:
    """``block[at:] = factors[factor_at + g] * lanes``, rounded to what the block holds."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, data, first, scales, scale_first = arguments
        stored = signature.args[1].dtype
        row = _address(context, builder, signature.args[1], data, first)
        scale = _address(context, builder, signature.args[3], scales, scale_first)
        for i in range(lanes.n):
            if i % PER_GROUP == 0:
                factor = _spread(builder, builder.load(builder.gep(scale, [ir.Constant(_I32, i // PER_GROUP)])))
            values = builder.fmul(builder.extract_value(sums, i), factor)
            builder.store(_encoded(builder, values, stored), _vector_at(builder, row, i, stored), align=1)
        return context.get_dummy_value()

    return types.none(lanes, block, types.int64, factors, types.int64), generate


@intrinsic
def group_squares(typingctx: Any, lanes: Any, squares: Any, at: Any) -> Any:
    """``squares[at + g]`` = sum of the squares of group g, in float64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out = _address(context, builder, signature.args[1], arguments[1], arguments[2])
        for g in range(lanes.n // PER_GROUP):
            total = ir.Constant(_DOUBLES, [0.0] * LANE)
            for i in range(g * PER_GROUP, (g + 1) * PER_GROUP):
                x = builder.fpext(builder.extract_value(arguments[0], i), _DOUBLES)
                total = builder.fadd(total, builder.fmul(x, x))
            one = _folded(builder, total, builder.fadd)
            builder.store(one, builder.gep(out, [ir.Constant(_I32, g)]))
        return context.get_dummy_value()

    return types.none(lanes, squares, types.int64), generate


@intrinsic
def group_largest(typingctx: Any, lanes: Any, largest: Any, at: Any) -> Any:
    """``largest[at + g]`` = greatest absolute value of group g."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out = _address(context, builder, signature.args[1], arguments[1], arguments[2])
        for g in range(lanes.n // PER_GROUP):
            top = ir.Constant(_FLOATS, [0.0] * LANE)
            for i in range(g * PER_GROUP, (g + 1) * PER_GROUP):
                x = builder.extract_value(arguments[0], i)
                top = _larger(builder, top, _call(builder, "llvm.fabs.v16f32", _FLOATS, [x]))
            one = _folded(builder, top, lambda a, b: _larger(builder, a, b))
            builder.store(one, builder.gep(out, [ir.Constant(_I32, g)]))
        return context.get_dummy_value()

    return types.none(lanes, largest, types.int64), generate


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` of float32, rounded once, on any processor."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _call(builder, "llvm.fma.f32", ir.FloatType(), list(arguments))

    return types.float32(types.float32, types.float32, types.float32), generate


@intrinsic
def float_of_bits(typingctx: Any, bits: Any) -> Any:
    """The float32 that uint32 ``bits`` stand for."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.uint32), generate


@intrinsic
def bits_of_float(typingctx: Any, value: Any) -> Any:
    """The bits of a float32, as uint32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _I32)

    return types.uint32(types.float32), generate


def _address(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    """Of element ``at`` of the flat array."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [at])


def _vector_at(builder: Any, row: Any, i: int, stored: Any) -> Any:
    place = builder.gep(row, [ir.Constant(_I32, i * LANE)])
    return builder.bitcast(place, ir.VectorType(_ELEMENTS[stored], LANE).as_pointer())


def _decoded(builder: Any, row: Any, i: int, stored: Any) -> Any:
    """The i-th 16 stored values as floats."""
    raw = builder.load(_vector_at(builder, row, i, stored), align=1)
    if stored == types.int8:
        return builder.sitofp(builder.sext(raw, ir.VectorType(_I32, LANE)), _FLOATS)
    if stored == types.uint16:
        return builder.fpext(builder.bitcast(raw, ir.VectorType(ir.HalfType(), LANE)), _FLOATS)
    return raw


def _encoded(builder: Any, values: Any, stored: Any) -> Any:
    if stored == types.int8:
        whole = _call(builder, "llvm.rint.v16f32", _FLOATS, [values])
        return builder.trunc(builder.fptosi(whole, ir.VectorType(_I32, LANE)), ir.VectorType(ir.IntType(8), LANE))
    if stored == types.uint16:
        halves = builder.fptrunc(values, ir.VectorType(ir.HalfType(), LANE))
        return builder.bitcast(halves, ir.VectorType(ir.IntType(16), LANE))
    return values


def _call(builder: Any, name: str, result: ir.Type, arguments: list[Any]) -> Any:
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    return _call(builder, "llvm.fma.v16f32", _FLOATS, [a, b, c])


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", b, a), b, a)


def _prefetch(builder: Any, place: Any) -> None:
    whole = builder.bitcast(place, ir.IntType(8).as_pointer())
    read, keep, data = (ir.Constant(_I32, value) for value in (0, 3, 1))
    _call(builder, "llvm.prefetch.p0", ir.VoidType(), [whole, read, keep, data])


def _spread(builder: Any, value: Any) -> Any:
    """A vector of one value."""
    nothing = ir.Constant(_FLOATS, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(_I32, LANE), [0] * LANE))


def _folded(builder: Any, vector: Any, combine: Any) -> Any:
    """16 values to one: the lower half with the upper half, four times."""
    size = LANE
    while size > 1:
        size //= 2
        nothing = ir.Constant(vector.type, ir.Undefined)
        lower, upper = (
            builder.shuffle_vector(
                vector, nothing, ir.Constant(ir.VectorType(_I32, size), list(range(first, first + size)))
            )
            for first in (0, size)
        )
        vector = combine(lower, upper)
    return builder.extract_element(vector, ir.Constant(_I32, 0))
