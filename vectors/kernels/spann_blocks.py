"""Explicit vectors over blocks of 16 coded vectors, and over rows of floats.

The layout is that of `vectors.kernels.spann_codes`. What is written here is LLVM's own vector code, which every
processor runs in the instructions it has. Sums of codes are integers and the few operations on floats have a fixed
order, so no processor gives other bytes.

Layout   ``data`` is a file of blocks as int8, ``numbers`` the same memory as float32; ``at`` a byte, a multiple of 4.
         Rows of floats are addressed by their first element in a flat array.
Threads  no shared state.
Limits   a product of codes times the number of them must fit int32 (the caller scales the query); nothing is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba.extending
from llvmlite import ir
from numba.core import cgutils, types

intrinsic: Any = numba.extending.intrinsic  # its annotations know nothing of the arguments that remain

LANES = 16  # vectors of a block
PAIR_BYTES = 2 * LANES  # two values of each
HEAD_BYTES = 3 * 4 * LANES  # int32 ids, float32 constants, float32 steps
_LOG_CHAINS = 2
_CHAINS = 1 << _LOG_CHAINS  # sums under way at a time: an addition takes some cycles to be there for the next

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_SUMS = ir.VectorType(_I32, LANES)
_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_PRODUCTS = ir.VectorType(_I32, PAIR_BYTES)
_EVEN, _ODD = (ir.Constant(_SUMS, list(range(first, PAIR_BYTES, 2))) for first in (0, 1))
_ALL_FIRST = ir.Constant(_SUMS, [0] * LANES)


@intrinsic
def scan_block(
    typingctx: Any, data: Any, at: Any, query: Any, n_pairs: Any, base: Any, scale: Any, limit: Any, out: Any
) -> Any:
    """``out[l] = (base + constants[l]) - (steps[l] * scale) * (codes[l] . query)``; bit l says ``out[l] < limit``.

    ``query`` is int16 (2 n_pairs,), ``out`` float32 (16,), the result int64.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block, first, asked, pairs, start, factor, below, result = arguments
        place = builder.gep(context.make_array(signature.args[0])(context, builder, block).data, [first])
        words = context.make_array(signature.args[2])(context, builder, asked).data
        words = builder.bitcast(words, _I32.as_pointer())
        codes = builder.gep(place, [ir.Constant(_I64, HEAD_BYTES)])
        chains = [cgutils.alloca_once_value(builder, ir.Constant(_SUMS, [0] * LANES)) for _ in range(_CHAINS)]

        def add_pair(pair: Any, sums: Any) -> None:
            here = builder.gep(codes, [builder.mul(pair, ir.Constant(_I64, PAIR_BYTES))])
            raw = builder.load(builder.bitcast(here, ir.VectorType(_I8, PAIR_BYTES).as_pointer()), align=1)
            both = builder.load(builder.gep(words, [pair]), align=2)
            factors = builder.bitcast(_spread(builder, both, _SUMS), ir.VectorType(_I16, PAIR_BYTES))
            # Multiplied as int32 before neighbours are added: LLVM knows that as one instruction (vpmaddwd).
            products = builder.mul(builder.sext(raw, _PRODUCTS), builder.sext(factors, _PRODUCTS))
            even, odd = (_picked(builder, products, where) for where in (_EVEN, _ODD))
            builder.store(builder.add(builder.load(sums), builder.add(even, odd)), sums)

        with cgutils.for_range(builder, builder.lshr(pairs, ir.Constant(_I64, _LOG_CHAINS))) as loop:
            first_pair = builder.shl(loop.index, ir.Constant(_I64, _LOG_CHAINS))
            for i, sums in enumerate(chains):
                add_pair(builder.add(first_pair, ir.Constant(_I64, i)), sums)
        with cgutils.for_range(builder, builder.and_(pairs, ir.Constant(_I64, _CHAINS - 1))) as loop:
            add_pair(builder.add(builder.and_(pairs, ir.Constant(_I64, -_CHAINS)), loop.index), chains[0])
        whole_sum = builder.load(chains[0])
        for sums in chains[1:]:
            whole_sum = builder.add(whole_sum, builder.load(sums))
        dots = builder.sitofp(whole_sum, _FLOATS)
        constants, steps = (
            builder.load(
                builder.bitcast(builder.gep(place, [ir.Constant(_I64, 4 * LANES * i)]), _FLOATS.as_pointer()), align=1
            )
            for i in (1, 2)
        )
        whole = builder.fadd(_spread(builder, start, _FLOATS), constants)
        share = builder.fmul(builder.fmul(steps, _spread(builder, factor, _FLOATS)), dots)
        distances = builder.fsub(whole, share)
        target = context.make_array(signature.args[7])(context, builder, result).data
        builder.store(distances, builder.bitcast(target, _FLOATS.as_pointer()), align=1)
        mask = builder.fcmp_ordered("<", distances, _spread(builder, below, _FLOATS))
        return builder.zext(builder.bitcast(mask, _I16), _I64)

    f32 = types.float32
    return types.int64(data, types.int64, query, types.int64, f32, f32, f32, out), generate


@intrinsic
def squared_distance(typingctx: Any, a: Any, a_at: Any, b: Any, b_at: Any, n_lanes: Any) -> Any:
    """Squared distance of two float32 rows of 16 ``n_lanes`` values: 16 sums, folded by halves."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right = (
            builder.gep(context.make_array(signature.args[i])(context, builder, arguments[i]).data, [arguments[i + 1]])
            for i in (0, 2)
        )
        sums = cgutils.alloca_once_value(builder, ir.Constant(_FLOATS, [0.0] * LANES))
        with cgutils.for_range(builder, arguments[4]) as loop:
            at = builder.mul(loop.index, ir.Constant(loop.index.type, LANES))
            x, y = (
                builder.load(builder.bitcast(builder.gep(row, [at]), _FLOATS.as_pointer()), align=4)
                for row in (left, right)
            )
            difference = builder.fsub(x, y)
            builder.store(builder.fadd(builder.load(sums), builder.fmul(difference, difference)), sums)
        return _folded(builder, builder.load(sums), builder.fadd)

    return types.float32(a, types.int64, b, types.int64, types.int64), generate


@intrinsic
def lanes_equal(typingctx: Any, ids: Any, at: Any, id: Any) -> Any:
    """int64 whose bit l says ``ids[at + l] == id``, for 16 int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.gep(context.make_array(signature.args[0])(context, builder, arguments[0]).data, [arguments[1]])
        here = builder.load(builder.bitcast(place, _SUMS.as_pointer()), align=4)
        mask = builder.icmp_signed("==", here, _spread(builder, arguments[2], _SUMS))
        return builder.zext(builder.bitcast(mask, _I16), _I64)

    return types.int64(ids, types.int64, types.int32), generate


@intrinsic
def largest_difference(typingctx: Any, a: Any, b: Any, n_lanes: Any) -> Any:
    """Greatest absolute difference of two float32 rows of 16 ``n_lanes`` values; they are not NaN."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = [context.make_array(signature.args[i])(context, builder, arguments[i]).data for i in (0, 1)]
        zeros = ir.Constant(_FLOATS, [0.0] * LANES)
        most = cgutils.alloca_once_value(builder, zeros)
        with cgutils.for_range(builder, arguments[2]) as loop:
            at = builder.mul(loop.index, ir.Constant(loop.index.type, LANES))
            x, y = (
                builder.load(builder.bitcast(builder.gep(row, [at]), _FLOATS.as_pointer()), align=4) for row in rows
            )
            difference = builder.fsub(x, y)
            size = builder.select(
                builder.fcmp_ordered("<", difference, zeros), builder.fsub(zeros, difference), difference
            )
            builder.store(_larger(builder, builder.load(most), size), most)
        return _folded(builder, builder.load(most), lambda x, y: _larger(builder, x, y))

    return types.float32(a, b, types.int64), generate


@intrinsic
def prefetch_block(typingctx: Any, data: Any, at: Any, n_bytes: Any) -> Any:
    """Ask for the first ``n_bytes`` bytes from ``at`` on, a cache line at a time."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.gep(context.make_array(signature.args[0])(context, builder, arguments[0]).data, [arguments[1]])
        kind = ir.FunctionType(ir.VoidType(), [place.type, _I32, _I32, _I32])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        lines = builder.lshr(builder.add(arguments[2], ir.Constant(_I64, 63)), ir.Constant(_I64, 6))
        with cgutils.for_range(builder, lines) as loop:
            line = builder.gep(place, [builder.mul(loop.index, ir.Constant(loop.index.type, 64))])
            builder.call(fetch, [line, *(ir.Constant(_I32, value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.none(data, types.int64, types.int64), generate


def _picked(builder: Any, values: Any, where: Any) -> Any:
    """Every other value."""
    return builder.shuffle_vector(values, ir.Constant(values.type, ir.Undefined), where)


def _spread(builder: Any, value: Any, kind: Any) -> Any:
    """A vector of one value."""
    nothing = ir.Constant(kind, ir.Undefined)
    return builder.shuffle_vector(builder.insert_element(nothing, value, ir.Constant(_I32, 0)), nothing, _ALL_FIRST)


def _larger(builder: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", x, y), y, x)


def _folded(builder: Any, vector: Any, combine: Callable[[Any, Any], Any]) -> Any:
    """16 values to one: the lower half with the upper half, four times."""
    size = LANES
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
