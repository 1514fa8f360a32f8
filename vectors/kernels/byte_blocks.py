"""Explicit vectors over rows of bytes: 16 at a time, as they lie behind each other in an inverted list, or one.

What is written here is LLVM's own vector code, which every processor runs in the instructions it has. Products are
summed as integers and the two operations on floats have a fixed order, so no processor gives other bytes.

Layout   a row is ``stride`` bytes from the one before; lists are told by their address, since FAISS keeps each where it
         likes. A row is read in chunks of 32 bytes, the last of which ends with the row and may overlap the one before.
Threads  no shared state.
Limits   rows have at least 32 bytes; 128 times the sum of the query's words must fit int32; nothing is checked, and the
         caller keeps the memory alive.
"""

from __future__ import annotations

from typing import Any

import numba.extending
from llvmlite import ir
from numba.core import cgutils, types

intrinsic: Any = numba.extending.intrinsic  # its annotations know nothing of the arguments that remain

ROWS = 16  # of a block
CHUNK = 32  # bytes

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_BYTES, _WORDS = ir.VectorType(_I8, CHUNK), ir.VectorType(_I16, CHUNK)
_PRODUCTS = ir.VectorType(_I32, CHUNK)
_SUMS, _FLOATS = ir.VectorType(_I32, ROWS), ir.VectorType(ir.FloatType(), ROWS)
_EVEN, _ODD = (ir.Constant(_SUMS, list(range(first, CHUNK, 2))) for first in (0, 1))
# Each level of the tree adds two vectors into one that holds sums of both: numbers 0 to 15 are of the first vector, 16
# to 31 of the second. The first two stay within quarters of a vector, which is what processors shuffle cheaply.
_TREE = (
    ([4 * j + i for j in range(4) for i in (0, 16, 1, 17)], [4 * j + i for j in range(4) for i in (2, 18, 3, 19)]),
    ([4 * j + i for j in range(4) for i in (0, 1, 16, 17)], [4 * j + i for j in range(4) for i in (2, 3, 18, 19)]),
    ([4 * j + i for j in (0, 2, 4, 6) for i in range(4)], [4 * j + i for j in (1, 3, 5, 7) for i in range(4)]),
    ([4 * j + i for j in (0, 2, 4, 6) for i in range(4)], [4 * j + i for j in (1, 3, 5, 7) for i in range(4)]),
)


@intrinsic
def estimate_rows(
    typingctx: Any,
    address: Any,
    stride: Any,
    words: Any,
    last: Any,
    constants: Any,
    first: Any,
    factor: Any,
    limit: Any,
    out: Any,
) -> Any:
    """``out[l] = constants[first + l] - factor * ((row l - 128) . words)``; bit l says ``out[l] <= limit``.

    Row l begins at ``address + l * stride``. ``words`` is int16 (32 n_chunks,), chunk by chunk, zero
    for bytes that the chunk before has covered; ``last`` is where the last chunk begins in a row. ``out`` is float32
    (16,), the result int64.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place, step, asked, end, numbers, at, share, below, result = arguments
        given = context.make_array(signature.args[2])(context, builder, asked)
        chunks = builder.lshr(cgutils.unpack_tuple(builder, given.shape, 1)[0], ir.Constant(_I64, 5))
        query = builder.bitcast(given.data, _WORDS.as_pointer())
        base = builder.inttoptr(place, _I8.as_pointer())
        rows = [builder.gep(base, [builder.mul(step, ir.Constant(_I64, row))]) for row in range(ROWS)]
        sums = [cgutils.alloca_once_value(builder, ir.Constant(_SUMS, [0] * ROWS)) for _ in range(ROWS)]
        with cgutils.for_range(builder, chunks) as loop:
            here = builder.mul(loop.index, ir.Constant(loop.index.type, CHUNK))
            here = builder.select(builder.icmp_signed(">", here, end), end, here)
            factors = builder.load(builder.gep(query, [loop.index]), align=2)
            wide = builder.sext(factors, _PRODUCTS)
            for row, total in zip(rows, sums, strict=True):
                raw = builder.load(builder.bitcast(builder.gep(row, [here]), _BYTES.as_pointer()), align=1)
                # As signed bytes: pairs of products of signed words are one instruction.
                signed = builder.xor(raw, ir.Constant(_BYTES, [0x80] * CHUNK))
                values = builder.sext(signed, _WORDS)
                products = builder.mul(builder.sext(values, _PRODUCTS), wide)
                pairs = builder.add(_picked(builder, products, _EVEN), _picked(builder, products, _ODD))
                builder.store(builder.add(builder.load(total), pairs), total)
        dots = builder.sitofp(_added(builder, [builder.load(total) for total in sums]), _FLOATS)
        own = builder.gep(context.make_array(signature.args[4])(context, builder, numbers).data, [at])
        held = builder.load(builder.bitcast(own, _FLOATS.as_pointer()), align=4)
        estimates = builder.fsub(held, builder.fmul(_spread(builder, share), dots))
        target = context.make_array(signature.args[8])(context, builder, result).data
        builder.store(estimates, builder.bitcast(target, _FLOATS.as_pointer()), align=4)
        mask = builder.fcmp_ordered("<=", estimates, _spread(builder, below))
        return builder.zext(builder.bitcast(mask, _I16), _I64)

    i64, f32 = types.int64, types.float32
    return i64(i64, i64, words, i64, constants, i64, f32, f32, out), generate


@intrinsic
def squared_chunks(typingctx: Any, codes: Any, at: Any, words: Any, word_at: Any, n_chunks: Any) -> Any:
    """Sum of ``(codes[at + i] - words[word_at + i])²`` over 32 ``n_chunks`` places; uint8, int16, int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _chunk_sum(context, builder, signature, arguments, lambda x, y: (builder.sub(x, y),) * 2)

    return types.int32(codes, types.int64, words, types.int64, types.int64), generate


@intrinsic
def dot_chunks(typingctx: Any, codes: Any, at: Any, words: Any, word_at: Any, n_chunks: Any) -> Any:
    """Sum of ``codes[at + i] * words[word_at + i]`` over 32 ``n_chunks`` places; uint8, int16, int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _chunk_sum(context, builder, signature, arguments, lambda x, y: (x, y))

    return types.int32(codes, types.int64, words, types.int64, types.int64), generate


@intrinsic
def number_at(typingctx: Any, address: Any, nth: Any) -> Any:
    """The ``nth`` int64 from ``address`` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], _I64.as_pointer())
        return builder.load(builder.gep(place, [arguments[1]]), align=1)

    return types.int64(types.int64, types.int64), generate


def _chunk_sum(context: Any, builder: Any, signature: Any, arguments: Any, factors_of: Any) -> Any:
    """Sum of the products of what ``factors_of`` makes of 32 bytes and 32 words, as int16, chunk after chunk."""
    kinds, (codes, at, words, word_at, n_chunks) = signature.args, arguments
    row = builder.gep(context.make_array(kinds[0])(context, builder, codes).data, [at])
    query = builder.gep(context.make_array(kinds[2])(context, builder, words).data, [word_at])
    sums = cgutils.alloca_once_value(builder, ir.Constant(_SUMS, [0] * ROWS))
    with cgutils.for_range(builder, n_chunks) as loop:
        here = builder.mul(loop.index, ir.Constant(loop.index.type, CHUNK))
        raw = builder.load(builder.bitcast(builder.gep(row, [here]), _BYTES.as_pointer()), align=1)
        word = builder.load(builder.bitcast(builder.gep(query, [here]), _WORDS.as_pointer()), align=2)
        x, y = factors_of(builder.zext(raw, _WORDS), word)
        products = builder.mul(builder.sext(x, _PRODUCTS), builder.sext(y, _PRODUCTS))
        pairs = builder.add(_picked(builder, products, _EVEN), _picked(builder, products, _ODD))
        builder.store(builder.add(builder.load(sums), pairs), sums)
    total = builder.load(sums)
    for half in (8, 4, 2, 1):
        other = ir.Constant(_SUMS, [(lane + half) % ROWS for lane in range(ROWS)])
        total = builder.add(total, _picked(builder, total, other))
    return builder.extract_element(total, ir.Constant(_I32, 0))


def _added(builder: Any, sums: list[Any]) -> Any:
    """16 vectors of 16 numbers to one: number l is the sum of the l-th vector."""
    for lower, upper in _TREE:
        low, high = (ir.Constant(_SUMS, places) for places in (lower, upper))
        sums = [
            builder.add(builder.shuffle_vector(a, b, low), builder.shuffle_vector(a, b, high))
            for a, b in zip(sums[::2], sums[1::2], strict=True)
        ]
    return sums[0]


def _picked(builder: Any, values: Any, where: Any) -> Any:
    """The numbers at some places."""
    return builder.shuffle_vector(values, ir.Constant(values.type, ir.Undefined), where)


def _spread(builder: Any, value: Any) -> Any:
    """A vector of one float."""
    nothing = ir.Constant(_FLOATS, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(_SUMS, [0] * ROWS))
