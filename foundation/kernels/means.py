"""Means of lines of 16 n floats, written as float32 or float16, through the caches or past them.

A kernel takes ``lanes``, which decides how it is compiled, as in `foundation.kernels.rows`: `Registers` (n) for n
vectors, or any float32 array for plain loops over memory. Both do the same IEEE operations, so they give the same
bytes.

Layout   arrays are C-contiguous and addressed by the position of an element in their flat memory. Targets are float32,
         or uint16 that are the bits of float16.
Threads  single-threaded; no shared state.
Limits   nothing is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import overload

from foundation.kernels import simd
from foundation.kernels.rows import half_of
from foundation.kernels.simd import LANE, RegistersType
from foundation.kernels.vector_ir import (
    FLOATS,
    HALVES,
    SHORTS,
    address,
    fused,
    intrinsic,
    load,
    spread,
    store,
    stream,
)


def write_mean(lanes: Any, size: int, out: Any, to: Any, block: Any, at: Any, count: Any, inverse: Any) -> None:
    """``out[to : to + size] = block[at:] / count``; ``inverse`` is ``1 / count``, rounded.

    Quotients are correctly rounded while ``count`` is below 2**20 (Markstein 1990), and exact for a count of 1.
    """
    raise NotImplementedError  # only compiled code has this: see its overload below


def stream_mean(lanes: Any, size: Any, out: Any, to: Any, block: Any, at: Any, count: Any, inverse: Any) -> None:
    """As `write_mean`, past the caches where there are registers: for large results, not read soon.

    Lines must then start at a multiple of their vectors' size; `finish_streams` comes after the last.
    """
    raise NotImplementedError  # only compiled code has this: see its overload below


def _means(put: Callable[..., None]) -> Any:
    """`write_mean` in registers, its lines given to ``put``."""

    def means(typingctx: Any, lanes: Any, out: Any, to: Any, block: Any, at: Any, count: Any, inverse: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _, target, to, sums, at, count, inverse = arguments
            place = address(context, builder, signature.args[1], target, to)
            source = address(context, builder, signature.args[3], sums, at)
            divisor, factor, one = spread(builder, count), spread(builder, inverse), ir.Constant(FLOATS, [1.0] * LANE)
            is_mean, negative = builder.fcmp_ordered(">", divisor, one), builder.fneg(divisor)
            lines = []
            for i in range(lanes.n):
                value = load(builder, source, i)
                near = builder.fmul(value, factor)
                rest = fused(builder, near, negative, value)
                lines.append(builder.select(is_mean, fused(builder, rest, factor, near), value))
            for i, value in enumerate(lines):
                if signature.args[1].dtype == types.uint16:
                    value = builder.bitcast(builder.fptrunc(value, HALVES), SHORTS)
                put(builder, value, place, i)
            return context.get_dummy_value()

        whole, single = types.int64, types.float32
        return types.none(lanes, out, whole, block, whole, single, single), generate

    return means


write_mean_lanes, stream_mean_lanes = intrinsic(_means(store)), intrinsic(_means(stream))


@intrinsic
def finish_streams(typingctx: Any) -> Any:
    """What was streamed is there for other threads."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.none(), generate


@numba.njit(nogil=True, cache=True)
def _as_float(value: Any) -> np.float32:
    return np.float32(value)


@overload(stream_mean, strict=False, jit_options={"forceinline": True})
def _stream_mean(lanes: Any, size: Any, out: Any, to: Any, block: Any, at: Any, count: Any, inverse: Any) -> Any:
    if isinstance(lanes, RegistersType):
        return lambda lanes, size, out, to, block, at, count, inverse: stream_mean_lanes(
            lanes, out, to, block, at, count, inverse
        )
    return lambda lanes, size, out, to, block, at, count, inverse: write_mean(
        lanes, size, out, to, block, at, count, inverse
    )


@overload(write_mean, strict=False, jit_options={"forceinline": True})
def _write_mean(lanes: Any, size: Any, out: Any, to: Any, block: Any, at: Any, count: Any, inverse: Any) -> Any:
    if isinstance(lanes, RegistersType):
        return lambda lanes, size, out, to, block, at, count, inverse: write_mean_lanes(
            lanes, out, to, block, at, count, inverse
        )
    encode = half_of if out.dtype == types.uint16 else _as_float

    def plain(lanes: Any, size: Any, out: Any, to: Any, block: Any, at: Any, count: Any, inverse: Any) -> None:
        target, source = out.reshape(-1)[to : to + size], block.reshape(-1)[at : at + size]
        if count > np.float32(1.0):
            for j in range(size):
                near = np.float32(source[j] * inverse)
                target[j] = encode(simd.fma(simd.fma(near, -count, source[j]), inverse, near))
        else:
            for j in range(size):
                target[j] = encode(source[j])

    return plain
