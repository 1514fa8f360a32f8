"""The matrix unit of recent Xeons (AMX): products of 16 rows of bytes with 16 or 32 columns, 64 bytes at a time.

Eight registers hold tiles of 16 rows of 64 bytes. Two of them gather sums, the others hold bytes for a moment. Sums are
whole numbers, so their order changes nothing: the bytes are those of any other way to add them up.

The operating system gives the registers to processes that ask for them; `has_matrix_unit` asks once, and whoever gets
no for an answer uses `foundation.kernels.tiles`.

Layout   bytes are rows of 32-bit words: unsigned numbers in ``rows``, signed ones in ``columns``, C-contiguous
         (n_words, lanes). ``sums`` int32 (16, lanes).
Threads  the registers are a thread's own: between `open_tiles` and `close_tiles` it must do nothing else with them.
Limits   x86-64 and Linux; whole pieces of 16 words; nothing is checked.
"""

from __future__ import annotations

import ctypes
import functools
import platform
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import binding, ir
from numba.core import types

from foundation.kernels.simd import LANE
from foundation.kernels.tile_vectors import FLOATS, call, data_of, prefetch, raised, vector_at
from foundation.kernels.vector_ir import WORDS, address, intrinsic, spread

ROWS = 16  # of a tile
_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_LEFT, _RIGHT = 2, 3  # registers of bytes; sums are in 0 and 1
_ARCH_PRCTL, _ASK, _TILE_DATA = 158, 0x1023, 18  # Linux, arch/x86/include/uapi/asm/prctl.h


@functools.cache
def has_matrix_unit() -> bool:
    """Whether this process may use it; asks the operating system for it at the first call."""
    features = binding.get_host_cpu_features()
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    if not all(features.get(name, False) for name in ("avx512f", "amx-tile", "amx-int8")):
        return False
    return int(ctypes.CDLL(None).syscall(_ARCH_PRCTL, _ASK, _TILE_DATA)) == 0


def tile_shapes() -> npt.NDArray[np.uint8]:
    """What `open_tiles` takes: eight tiles of 16 rows of 64 bytes, as the processor wants to be told."""
    shapes = np.zeros(64, dtype=np.uint8)
    shapes[0] = 1  # the only palette there is
    shapes[16:32].view(np.uint16)[:] = 64
    shapes[48:56] = ROWS
    return shapes


@intrinsic
def open_tiles(typingctx: Any, shapes: Any) -> Any:
    """Take the registers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        call(builder, "llvm.x86.ldtilecfg", ir.VoidType(), [data_of(context, builder, signature, arguments, 0)])
        return context.get_dummy_value()

    return types.none(shapes), generate


@intrinsic
def close_tiles(typingctx: Any) -> Any:
    """Give the registers back: a thread that holds them is dearer to switch."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        call(builder, "llvm.x86.tilerelease", ir.VoidType(), [])
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def clear_sums(typingctx: Any, registers: Any) -> Any:
    """Begin the sums of 16 rows with ``registers`` times 16 columns."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        for v in range(registers.n):
            call(builder, "llvm.x86.tilezero", ir.VoidType(), [_I8(v)])
        return context.get_dummy_value()

    return types.none(registers), generate


@intrinsic
def add_products(typingctx: Any, registers: Any, rows: Any, at: Any, stride: Any, columns: Any, word: Any) -> Any:
    """Add the products of 16 words of each row, ``rows[at:]`` and every ``stride`` on, with words ``word`` on.

    The rows that follow these sixteen are asked for.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, _, at, stride, _, word = arguments
        left = address(context, builder, signature.args[1], arguments[1], at)
        step = builder.mul(stride, _I64(4))
        call(builder, "llvm.x86.tileloadd64", ir.VoidType(), [_I8(_LEFT), _bytes(builder, left), step])
        lanes = registers.n * LANE
        for v in range(registers.n):
            first = builder.add(builder.mul(word, _I64(lanes)), _I64(v * LANE))
            right = _bytes(builder, address(context, builder, signature.args[4], arguments[4], first))
            call(builder, "llvm.x86.tileloadd64", ir.VoidType(), [_I8(_RIGHT + v), right, _I64(4 * lanes)])
        for v in range(registers.n):
            call(builder, "llvm.x86.tdpbusd", ir.VoidType(), [_I8(v), _I8(_LEFT), _I8(_RIGHT + v)])
        for t in range(ROWS, 2 * ROWS):
            prefetch(builder, builder.gep(left, [builder.mul(stride, _I64(t))]))
        return context.get_dummy_value()

    return types.none(registers, rows, types.int64, types.int64, columns, types.int64), generate


@intrinsic
def take_sums(typingctx: Any, registers: Any, sums: Any) -> Any:
    """Write the sums to ``sums``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = registers.n * LANE
        for v in range(registers.n):
            place = _bytes(builder, address(context, builder, signature.args[1], arguments[1], _I64(v * LANE)))
            call(builder, "llvm.x86.tilestored64", ir.VoidType(), [_I8(v), place, _I64(4 * lanes)])
        return context.get_dummy_value()

    return types.none(registers, sums), generate


@intrinsic
def raise_scaled(typingctx: Any, registers: Any, sums: Any, start: Any, scales: Any, at: Any, best: Any) -> Any:
    """``best[lane]`` becomes the largest of itself and ``(sums[t, lane] + start[lane]) * scales[at + t]``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given, begin, factors, best = (data_of(context, builder, signature, arguments, i) for i in (1, 2, 3, 5))
        scale = [spread(builder, _one(builder, factors, arguments[4], t)) for t in range(ROWS)]
        for v in range(registers.n):
            values = [builder.fmul(_total(builder, given, begin, registers.n, t, v), scale[t]) for t in range(ROWS)]
            raised(builder, best, v, values)
        return context.get_dummy_value()

    return types.none(registers, sums, start, scales, types.int64, best), generate


@intrinsic
def raise_weighted(
    typingctx: Any, registers: Any, sums: Any, start: Any, weights: Any, table: Any, places: Any, best: Any
) -> Any:
    """As `raise_scaled`: sums and their starts times ``weights[lane]``, plus a row of ``table``, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given, begin, factors, above, numbers, best = (
            data_of(context, builder, signature, arguments, i) for i in range(1, 7)
        )
        lanes = registers.n * LANE
        first = [builder.mul(_one(builder, numbers, _I64(0), t), _I64(lanes)) for t in range(ROWS)]
        for v in range(registers.n):
            factor = vector_at(builder, factors, _I64(v * LANE))
            values = []
            for t in range(ROWS):
                centre = vector_at(builder, above, builder.add(first[t], _I64(v * LANE)))
                total = _total(builder, given, begin, registers.n, t, v)
                values.append(call(builder, "llvm.fma.v16f32", FLOATS, [total, factor, centre]))
            raised(builder, best, v, values)
        return context.get_dummy_value()

    return types.none(registers, sums, start, weights, table, places, best), generate


def _bytes(builder: Any, place: Any) -> Any:
    return builder.bitcast(place, _I8.as_pointer())


def _one(builder: Any, data: Any, at: Any, i: int) -> Any:
    return builder.load(builder.gep(data, [builder.add(at, _I64(i))]))


def _total(builder: Any, sums: Any, start: Any, n_vectors: int, t: int, v: int) -> Any:
    """Sums of row ``t``, the v-th 16, as floats."""
    own = vector_at(builder, sums, _I64((t * n_vectors + v) * LANE), WORDS)
    return builder.sitofp(builder.add(own, vector_at(builder, start, _I64(v * LANE), WORDS)), FLOATS)
