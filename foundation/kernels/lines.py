"""Cells of tokens and their lines of 16 n floats: number them, add one to another, find the nearest.

A kernel takes ``lanes``, which decides how it is compiled, as in `foundation.kernels.rows`: `Registers` (n) for n
vectors, or any float32 array for plain loops over memory. Both do the same IEEE operations, so they give the same
bytes.

Layout   arrays are C-contiguous and addressed by the position of an element in their flat memory.
Threads  single-threaded; no shared state.
Limits   nothing is checked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import overload

from foundation.kernels.simd import LANE, RegistersType
from foundation.kernels.vector_ir import (
    FLOATS,
    I32,
    WORDS,
    address,
    intrinsic,
    load,
    permuted,
    spread,
    store,
)
from foundation.kernels.words import WordsType, store_words


def number_cells(lanes: Any, n_bits: int, n: int, products: Any, at: int, cells: Any, to: int) -> None:
    """``cells[to : to + n]`` (int32): prefix XORs of the signs of products, the first most significant.

    Bit b of cell i is set where ``products[at + b * n + i]`` is above zero. In registers up to 15 further products are
    read and cells written.
    """
    raise NotImplementedError  # only compiled code has this: see its overload below


def add_line(lanes: Any, size: int, block: Any, at: Any, start: Any) -> None:
    """``block[at : at + size] += block[start:]``, which do not overlap."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def spread_nearest(lanes: Any, keys: Any, n_bits: int, step: Any) -> None:
    """``keys[c]`` (int32) becomes the least ``keys[o] + step * (bits in which c and o differ)`` over all cells o.

    Cells are numbered by the prefix XOR of their bits: those that differ in bit b differ in bits 0 ... b of the number.
    """
    raise NotImplementedError  # only compiled code has this: see its overload below


@intrinsic
def no_words(typingctx: Any, lanes: Any) -> Any:
    """16 words of 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(ir.ArrayType(WORDS, 1), None)

    return WordsType(1)(lanes), generate


@intrinsic
def push_signs(typingctx: Any, words: Any, products: Any, at: Any) -> Any:
    """Words shifted by one bit, the new one set where the product's and the last one's differ."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = address(context, builder, signature.args[1], arguments[1], arguments[2])
        zero, one = ir.Constant(FLOATS, None), spread(builder, ir.Constant(I32, 1), WORDS)
        code = builder.extract_value(arguments[0], 0)
        is_odd = builder.icmp_unsigned("!=", builder.and_(code, one), ir.Constant(WORDS, None))
        is_set = builder.xor(builder.fcmp_ordered(">", load(builder, place, 0), zero), is_odd)
        doubled = builder.add(code, code)
        code = builder.select(is_set, builder.or_(doubled, one), doubled)
        return builder.insert_value(arguments[0], code, 0)

    return words(words, products, types.int64), generate


@intrinsic
def add_line_lanes(typingctx: Any, lanes: Any, block: Any, at: Any, start: Any) -> Any:
    """`add_line` in registers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = address(context, builder, signature.args[1], arguments[1], arguments[2])
        source = address(context, builder, signature.args[1], arguments[1], arguments[3])
        for i in range(lanes.n):
            store(builder, builder.fadd(load(builder, target, i), load(builder, source, i)), target, i)
        return context.get_dummy_value()

    return types.none(lanes, block, types.int64, types.int64), generate


@intrinsic
def spread_nearest_lanes(typingctx: Any, lanes: Any, keys: Any, step: Any) -> Any:
    """`spread_nearest` in registers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = address(context, builder, signature.args[1], arguments[1], ir.Constant(ir.IntType(64), 0))
        cells = [load(builder, place, i, WORDS) for i in range(lanes.n)]
        further = spread(builder, arguments[2], WORDS)
        flip = 1
        while flip < lanes.n * LANE:
            others = [
                builder.add(permuted(builder, cells[i ^ (flip // LANE)], flip % LANE), further) for i in range(lanes.n)
            ]
            cells = [
                builder.select(builder.icmp_signed("<", other, cell), other, cell)
                for cell, other in zip(cells, others, strict=True)
            ]
            flip = 2 * flip + 1
        for i, cell in enumerate(cells):
            store(builder, cell, place, i)
        return context.get_dummy_value()

    return types.none(lanes, keys, types.int32), generate


@overload(number_cells, strict=False, jit_options={"forceinline": True})
def _number_cells(lanes: Any, n_bits: Any, n: Any, products: Any, at: Any, cells: Any, to: Any) -> Any:
    if isinstance(lanes, RegistersType):

        def wide(lanes: Any, n_bits: Any, n: Any, products: Any, at: Any, cells: Any, to: Any) -> None:
            for first in range(0, n, LANE):
                words = no_words(lanes)
                for bit in range(n_bits):
                    words = push_signs(words, products, at + bit * n + first)
                store_words(words, cells, to + first)

        return wide

    def plain(lanes: Any, n_bits: Any, n: Any, products: Any, at: Any, cells: Any, to: Any) -> None:
        values, numbers = products.reshape(-1), cells.reshape(-1)[to : to + n]
        numbers[:] = 0
        for bit in range(n_bits):
            for i in range(n):
                sign = np.int32(values[at + bit * n + i] > np.float32(0.0))
                numbers[i] = (numbers[i] << np.int32(1)) | (sign ^ (numbers[i] & np.int32(1)))

    return plain


@overload(add_line, strict=False, jit_options={"forceinline": True})
def _add_line(lanes: Any, size: Any, block: Any, at: Any, start: Any) -> Any:
    if isinstance(lanes, RegistersType):
        return lambda lanes, size, block, at, start: add_line_lanes(lanes, block, at, start)

    def plain(lanes: Any, size: Any, block: Any, at: Any, start: Any) -> None:
        flat = block.reshape(-1)
        target, source = flat[at : at + size], flat[start : start + size]
        for j in range(size):
            target[j] += source[j]

    return plain


@overload(spread_nearest, strict=False, jit_options={"forceinline": True})
def _spread_nearest(lanes: Any, keys: Any, n_bits: Any, step: Any) -> Any:
    if isinstance(lanes, RegistersType):
        return lambda lanes, keys, n_bits, step: spread_nearest_lanes(lanes, keys, step)

    def plain(lanes: Any, keys: Any, n_bits: Any, step: Any) -> None:
        for bit in range(n_bits):
            flip = (2 << bit) - 1
            for cell in range(1 << n_bits):
                other = cell ^ flip
                if cell < other:
                    low, high = keys[cell], keys[other]
                    keys[cell] = min(low, high + step)
                    keys[other] = min(high, low + step)

    return plain
