"""One row through several signed Hadamard transforms: rotated once, and what comes out transformed again and again.

`turn_row` does what calls of `rotate` and `rotate_columns` (`foundation.kernels.transforms`) do, and gives their bytes.
In registers the rotated row stays there for all that follows.

Layout   as in `foundation.kernels.transforms`.
Threads  single-threaded; ``room`` belongs to one thread.
Limits   sizes are powers of two; nothing is checked.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import overload

from foundation.kernels.simd import LANE, LanesType, RegistersType
from foundation.kernels.transforms import butterflies, butterfly_inside, rotate, rotate_columns
from foundation.kernels.vector_ir import FLOATS, address, intrinsic, load, store


def turn_row(
    lanes: Any,
    width: Any,
    shape: Any,
    row: Any,
    at: int,
    signs: Any,
    again: Any,
    products: Any,
    to: int,
    columns: Any,
    values: Any,
    value_to: int,
    room: Any,
) -> None:
    """y = H (``signs`` * ``row[at:]``); ``products[to:]`` and ``values[value_to:]`` are transforms of y.

    ``products``: of y times each piece of the signs ``again``. ``values``: of the columns of y times each piece of
    ``columns``, y seen as a matrix. ``lanes``, ``width`` and ``shape`` are those of `rotate_columns`; ``room`` has the
    size of y.
    """
    raise NotImplementedError  # only compiled code has this: see its overload below


@intrinsic
def load_signed(typingctx: Any, lanes: Any, source: Any, at: Any, signs: Any, sign_at: Any) -> Any:
    """``signs[sign_at:] * source[at:]``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given = address(context, builder, signature.args[1], arguments[1], arguments[2])
        factors = address(context, builder, signature.args[3], arguments[3], arguments[4])
        return _packed(
            builder, [builder.fmul(load(builder, factors, i), load(builder, given, i)) for i in range(lanes.n)]
        )

    return LanesType(lanes.n)(lanes, source, types.int64, signs, types.int64), generate


@intrinsic
def flip_signs(typingctx: Any, lanes: Any, signs: Any, sign_at: Any) -> Any:
    """``lanes * signs[sign_at:]``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        factors = address(context, builder, signature.args[1], arguments[1], arguments[2])
        values = _unpacked(builder, arguments[0], lanes.n)
        return _packed(builder, [builder.fmul(load(builder, factors, i), value) for i, value in enumerate(values)])

    return lanes(lanes, signs, types.int64), generate


@intrinsic
def transform(typingctx: Any, lanes: Any) -> Any:
    """The transform of the row in ``lanes``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = _unpacked(builder, arguments[0], lanes.n)
        flip = 1
        while flip < LANE:
            values = [butterfly_inside(builder, value, flip) for value in values]
            flip *= 2
        return _packed(builder, butterflies(builder, values, 1))

    return lanes(lanes), generate


@intrinsic
def transform_columns(typingctx: Any, lanes: Any, width: Any) -> Any:
    """The transforms of the columns of the matrix in ``lanes``, whose rows are ``width`` vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _packed(builder, butterflies(builder, _unpacked(builder, arguments[0], lanes.n), width.n))

    return lanes(lanes, width), generate


@intrinsic
def keep_lanes(typingctx: Any, lanes: Any, target: Any, to: Any) -> Any:
    """``target[to:] = lanes``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = address(context, builder, signature.args[1], arguments[1], arguments[2])
        for i, value in enumerate(_unpacked(builder, arguments[0], lanes.n)):
            store(builder, value, place, i)
        return context.get_dummy_value()

    return types.none(lanes, target, types.int64), generate


@overload(turn_row, strict=False, jit_options={"forceinline": True})
def _turn_row(
    lanes: Any,
    width: Any,
    shape: Any,
    row: Any,
    at: Any,
    signs: Any,
    again: Any,
    products: Any,
    to: Any,
    columns: Any,
    values: Any,
    value_to: Any,
    room: Any,
) -> Any:
    if isinstance(lanes, RegistersType) and isinstance(width, RegistersType):
        size = lanes.n * LANE

        def wide(
            lanes: Any,
            width: Any,
            shape: Any,
            row: Any,
            at: Any,
            signs: Any,
            again: Any,
            products: Any,
            to: Any,
            columns: Any,
            values: Any,
            value_to: Any,
            room: Any,
        ) -> None:
            rotated = transform(load_signed(lanes, row, at, signs, 0))
            for piece in range(0, again.size, size):
                keep_lanes(transform(flip_signs(rotated, again, piece)), products, to + piece)
            for piece in range(0, columns.size, size):
                keep_lanes(transform_columns(flip_signs(rotated, columns, piece), width), values, value_to + piece)

        return wide

    def plain(
        lanes: Any,
        width: Any,
        shape: Any,
        row: Any,
        at: Any,
        signs: Any,
        again: Any,
        products: Any,
        to: Any,
        columns: Any,
        values: Any,
        value_to: Any,
        room: Any,
    ) -> None:
        size = signs.size
        rotate(lanes, size, row, at, signs, 0, room, 0)
        for piece in range(0, again.size, size):
            rotate(lanes, size, room, 0, again, piece, products, to + piece)
        for piece in range(0, columns.size, max(1, shape[0] * shape[1])):
            rotate_columns(lanes, width, shape, room, columns, piece, values, value_to + piece)

    return plain


def _packed(builder: Any, values: list[Any]) -> Any:
    lanes = ir.Constant(ir.ArrayType(FLOATS, len(values)), ir.Undefined)
    for i, value in enumerate(values):
        lanes = builder.insert_value(lanes, value, i)
    return lanes


def _unpacked(builder: Any, lanes: Any, n: int) -> list[Any]:
    return [builder.extract_value(lanes, i) for i in range(n)]
