"""What `foundation.kernels.tiles` does where there are explicit vectors: sums stay in registers from first to last."""

from __future__ import annotations

from typing import Any

import numba.extending
from llvmlite import ir
from numba.core import types

from foundation.kernels.simd import LANE
from foundation.kernels.tile_vectors import FLOATS, call, data_of, raised, stored, tile_sums, vector_at

intrinsic: Any = numba.extending.intrinsic  # its annotations know nothing of the arguments that remain

_I64 = ir.IntType(64)


@intrinsic
def raise_in_registers(
    typingctx: Any, tile: Any, tokens: Any, scales: Any, rows: Any, ahead: Any, query: Any, start: Any, best: Any
) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums = tile_sums(context, builder, signature, arguments)
        out = data_of(context, builder, signature, arguments, 7)
        for v in range(tile.n_vectors):
            raised(builder, out, v, [row[v] for row in sums])
        return context.get_dummy_value()

    return types.none(tile, tokens, scales, rows, ahead, query, start, best), generate


@intrinsic
def write_from_registers(
    typingctx: Any,
    tile: Any,
    tokens: Any,
    scales: Any,
    rows: Any,
    ahead: Any,
    query: Any,
    start: Any,
    out: Any,
    at: Any,
) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums = tile_sums(context, builder, signature, arguments)
        data = data_of(context, builder, signature, arguments, 7)
        for t, row in enumerate(sums):
            first = builder.mul(builder.add(arguments[8], _I64(t)), _I64(tile.n_vectors * LANE))
            for v in range(tile.n_vectors):
                stored(builder, data, builder.add(first, _I64(v * LANE)), row[v])
        return context.get_dummy_value()

    return types.none(tile, tokens, scales, rows, ahead, query, start, out, types.int64), generate


@intrinsic
def raise_looked_up(
    typingctx: Any,
    tile: Any,
    tokens: Any,
    scales: Any,
    rows: Any,
    ahead: Any,
    query: Any,
    start: Any,
    best: Any,
    weights: Any,
    table: Any,
    places: Any,
) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums = tile_sums(context, builder, signature, arguments)
        out, factors = (data_of(context, builder, signature, arguments, i) for i in (7, 8))
        looked_up = _looked_up(context, builder, signature, arguments, 9, 10, tile)
        for v in range(tile.n_vectors):
            factor = vector_at(builder, factors, _I64(v * LANE))
            values = [
                call(builder, "llvm.fma.v16f32", FLOATS, [row[v], factor, above[v]])
                for row, above in zip(sums, looked_up, strict=True)
            ]
            raised(builder, out, v, values)
        return context.get_dummy_value()

    return types.none(tile, tokens, scales, rows, ahead, query, start, best, weights, table, places), generate


@intrinsic
def raise_from_table(typingctx: Any, tile: Any, table: Any, places: Any, best: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out = data_of(context, builder, signature, arguments, 3)
        looked_up = _looked_up(context, builder, signature, arguments, 1, 2, tile)
        for v in range(tile.n_vectors):
            raised(builder, out, v, [row[v] for row in looked_up])
        return context.get_dummy_value()

    return types.none(tile, table, places, best), generate


def _looked_up(
    context: Any, builder: Any, signature: Any, arguments: Any, table: int, places: int, tile: Any
) -> list[list[Any]]:
    """Rows of a table of products that ``places`` name."""
    data, numbers = (data_of(context, builder, signature, arguments, i) for i in (table, places))
    rows = []
    for t in range(tile.n_rows):
        first = builder.mul(builder.load(builder.gep(numbers, [_I64(t)])), _I64(tile.n_vectors * LANE))
        rows.append([vector_at(builder, data, builder.add(first, _I64(v * LANE))) for v in range(tile.n_vectors)])
    return rows
