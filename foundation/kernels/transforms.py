"""Signed Hadamard transforms of rows of 16 n floats, in registers or in memory.

A kernel takes ``lanes``, which decides how it is compiled, as in `foundation.kernels.rows`: `Registers` (n) for n
vectors of 16 floats, or any float32 array for plain loops over memory. Both do the same additions in the same order,
so they give the same bytes. The transform is not normalised: it multiplies lengths by the root of its size.

Layout   arrays are C-contiguous float32, addressed by the position of an element in their flat memory; source and
         target do not overlap.
Threads  single-threaded; no shared state.
Limits   sizes are powers of two; nothing is checked.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import overload

from foundation.kernels.simd import LANE, RegistersType
from foundation.kernels.vector_ir import FLOATS, address, fused, intrinsic, load, permuted, store


def rotate(lanes: Any, size: int, source: Any, at: int, signs: Any, sign_at: int, target: Any, to: int) -> None:
    """``target[to:] = H (signs[sign_at:] * source[at:])``, H of ``size`` rows; ``lanes`` holds as many."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def rotate_columns(
    lanes: Any, width: Any, shape: Any, source: Any, signs: Any, sign_at: int, target: Any, to: int
) -> None:
    """``target[to:]`` = the transforms of all columns of ``signs[sign_at:] * source``, seen as a matrix.

    ``shape`` is (rows, columns, numbers in ``source``); what the matrix has beyond ``source`` is zero. In registers
    ``width`` has the vectors of a row and ``source`` fills the matrix.
    """
    raise NotImplementedError  # only compiled code has this: see its overload below


@intrinsic
def rotate_lanes(
    typingctx: Any, lanes: Any, source: Any, at: Any, signs: Any, sign_at: Any, target: Any, to: Any
) -> Any:
    """`rotate` in registers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = _signed(context, builder, signature.args[1:5], arguments[1:5], lanes.n)
        flip = 1
        while flip < LANE:
            values = [butterfly_inside(builder, value, flip) for value in values]
            flip *= 2
        values = butterflies(builder, values, 1)
        _keep(context, builder, signature.args[5], arguments[5], arguments[6], values)
        return context.get_dummy_value()

    return types.none(lanes, source, types.int64, signs, types.int64, target, types.int64), generate


@intrinsic
def rotate_column_lanes(
    typingctx: Any, lanes: Any, width: Any, source: Any, signs: Any, sign_at: Any, target: Any, to: Any
) -> Any:
    """`rotate_columns` in registers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(ir.IntType(64), 0)
        kinds = [signature.args[2], types.int64, signature.args[3]]
        values = _signed(context, builder, kinds, [arguments[2], zero, arguments[3], arguments[4]], lanes.n)
        _keep(context, builder, signature.args[5], arguments[5], arguments[6], butterflies(builder, values, width.n))
        return context.get_dummy_value()

    return types.none(lanes, width, source, signs, types.int64, target, types.int64), generate


@overload(rotate, strict=False, jit_options={"forceinline": True})
def _rotate(lanes: Any, size: Any, source: Any, at: Any, signs: Any, sign_at: Any, target: Any, to: Any) -> Any:
    if isinstance(lanes, RegistersType):
        return lambda lanes, size, source, at, signs, sign_at, target, to: rotate_lanes(
            lanes, source, at, signs, sign_at, target, to
        )

    def plain(lanes: Any, size: Any, source: Any, at: Any, signs: Any, sign_at: Any, target: Any, to: Any) -> None:
        given, factors = source.reshape(-1), signs.reshape(-1)
        values = target.reshape(-1)[to : to + size]
        for i in range(size):
            values[i] = factors[sign_at + i] * given[at + i]
        step = 1
        while step < size:
            for first in range(0, size, 2 * step):
                for i in range(first, first + step):
                    a, b = values[i], values[i + step]
                    values[i], values[i + step] = a + b, a - b
            step *= 2

    return plain


@overload(rotate_columns, strict=False, jit_options={"forceinline": True})
def _rotate_columns(
    lanes: Any, width: Any, shape: Any, source: Any, signs: Any, sign_at: Any, target: Any, to: Any
) -> Any:
    if isinstance(lanes, RegistersType) and isinstance(width, RegistersType):
        return lambda lanes, width, shape, source, signs, sign_at, target, to: rotate_column_lanes(
            lanes, width, source, signs, sign_at, target, to
        )

    def plain(lanes: Any, width: Any, shape: Any, source: Any, signs: Any, sign_at: Any, target: Any, to: Any) -> None:
        n_rows, n_columns, n_given = shape
        given, factors = source.reshape(-1), signs.reshape(-1)
        values = target.reshape(-1)[to : to + n_rows * n_columns]
        values[:] = 0.0
        for i in range(n_given):
            values[i] = factors[sign_at + i] * given[i]
        step = n_columns
        while step < n_rows * n_columns:
            for first in range(0, n_rows * n_columns, 2 * step):
                for i in range(first, first + step):
                    a, b = values[i], values[i + step]
                    values[i], values[i + step] = a + b, a - b
            step *= 2

    return plain


def _signed(context: Any, builder: Any, kinds: Any, arguments: Any, n: int) -> list[Any]:
    """``source[at:] * signs[sign_at:]``."""
    source = address(context, builder, kinds[0], arguments[0], arguments[1])
    signs = address(context, builder, kinds[2], arguments[2], arguments[3])
    return [builder.fmul(load(builder, signs, i), load(builder, source, i)) for i in range(n)]


def butterfly_inside(builder: Any, value: Any, flip: int) -> Any:
    """Lanes l and l ^ flip become their sum and their difference; adding a product with ±1 rounds as a sum does."""
    signs = ir.Constant(FLOATS, [-1.0 if lane & flip else 1.0 for lane in range(LANE)])
    return fused(builder, signs, value, permuted(builder, value, flip))


def butterflies(builder: Any, values: list[Any], step: int) -> list[Any]:
    """Transform across vectors, those ``step`` apart first."""
    values = list(values)
    while step < len(values):
        for first in range(0, len(values), 2 * step):
            for i in range(first, first + step):
                a, b = values[i], values[i + step]
                values[i], values[i + step] = builder.fadd(a, b), builder.fsub(a, b)
        step *= 2
    return values


def _keep(context: Any, builder: Any, kind: Any, array: Any, to: Any, values: list[Any]) -> None:
    target = address(context, builder, kind, array, to)
    for i, value in enumerate(values):
        store(builder, value, target, i)
