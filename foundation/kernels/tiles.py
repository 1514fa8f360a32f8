"""Tiles of dot products: a few token vectors times 16 or 32 query tokens, summed in registers.

Vectors are rows of 32-bit words, query tokens are columns of words, and a tile has one sum per pair. A word holds

``float32``   one number; its product is added with one rounding
``bfloat16``  two numbers; products are added with one rounding each, the second number's first, numbers below 2**-126
              taken as zero, as the processors' own instruction does
``int8``      four numbers, unsigned in the token's word and signed in the query's; sums are int32, made float32 by
              rounding to even, and multiplied by the token's entry in ``scales``

Sums begin at ``start`` and run through the words in order, so a pair's value does not depend on the tile it is in. A
`Tile` decides how a kernel is compiled: with explicit vectors, or with plain loops that give the same bytes on any
processor. `new_tile` chooses for this one.

Layout   ``tokens`` (n, n_words) and ``query`` (n_words, lanes) C-contiguous; ``rows`` int64, as many as the tile takes;
         ``ahead`` likewise: rows that will be read next, for prefetching only.
Threads  single-threaded; arrays that are written belong to one thread.
Limits   lanes are 16 or 32; at most 2**16 numbers to a vector of int8; values are finite, nothing is checked.
"""

from __future__ import annotations

import functools
from typing import Any, Literal

from llvmlite import binding
from numba.core import types
from numba.extending import NativeValue, models, overload, register_model, typeof_impl, unbox

from foundation.kernels.rows import has_vectors
from foundation.kernels.simd import LANE, fma
from foundation.kernels.tile_loops import PRODUCTS
from foundation.kernels.tile_registers import (
    raise_from_table,
    raise_in_registers,
    raise_looked_up,
    write_from_registers,
)

Product = Literal["float32", "bfloat16", "int8"]

_MANY, _FEW = 8, 2  # rows of a tile whose sums fit into 32 registers of 16 floats, or 16 of 8
_NEEDED = {"float32": (), "bfloat16": ("avx512f", "avx512bf16"), "int8": ("avx512f", "avx512vnni")}


class Tile:
    """``n_rows`` token vectors times ``n_vectors`` times 16 query tokens; has no state."""

    def __init__(self, product: Product, n_rows: int, n_vectors: int, vectors: bool) -> None:
        self.product, self.n_rows, self.n_vectors, self.vectors = product, n_rows, n_vectors, vectors


class TileType(types.Opaque):
    def __init__(self, product: Product, n_rows: int, n_vectors: int, vectors: bool) -> None:
        self.product, self.n_rows, self.n_vectors, self.vectors = product, n_rows, n_vectors, vectors
        super().__init__(name=f"Tile({product}, {n_rows}, {n_vectors}, {vectors})")


register_model(TileType)(models.OpaqueModel)


@typeof_impl.register(Tile)
def _typeof(value: Tile, c: Any) -> TileType:
    del c
    return TileType(value.product, value.n_rows, value.n_vectors, value.vectors)


@unbox(TileType)
def _unbox(typ: TileType, obj: Any, c: Any) -> NativeValue:
    del obj
    return NativeValue(c.context.get_dummy_value())


@functools.cache  # asking the processor takes half a millisecond
def has_product(product: Product) -> bool:
    """Whether this processor has explicit vectors for it."""
    features = binding.get_host_cpu_features()
    return has_vectors() and all(features.get(name, False) for name in _NEEDED[product])


@functools.cache
def most_rows() -> int:
    """Rows of a tile whose sums fit into registers here."""
    return _MANY if binding.get_host_cpu_features().get("avx512f", False) else _FEW


def new_tile(product: Product, n_lanes: int, *, vectors: bool) -> Tile:
    """For ``n_lanes`` query tokens, 16 or 32; without ``vectors``, or where there are none, with plain loops."""
    return Tile(product, most_rows(), n_lanes // LANE, vectors and has_product(product))


def rows_of(tile: Any) -> int:
    """Rows that the tile takes."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def raise_best(tile: Any, tokens: Any, scales: Any, rows: Any, ahead: Any, query: Any, start: Any, best: Any) -> None:
    """``best[lane]`` becomes the largest of itself and the products of the lane with the tokens ``rows``."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def write_products(
    tile: Any, tokens: Any, scales: Any, rows: Any, ahead: Any, query: Any, start: Any, out: Any, at: int
) -> None:
    """``out[at + t, lane]`` = product of the lane with token ``rows[t]``."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def raise_best_above(
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
) -> None:
    """As `raise_best`, of products times ``weights[lane]``, plus ``table[places[t], lane]``, rounded once."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def raise_best_from(tile: Any, table: Any, places: Any, best: Any) -> None:
    """``best[lane]`` becomes the largest of itself and ``table[places[t], lane]``."""
    raise NotImplementedError  # only compiled code has this: see its overload below


@overload(rows_of, inline="always", strict=False)
def _rows_of(tile: Any) -> Any:
    n_rows = tile.n_rows
    return lambda tile: n_rows


@overload(raise_best, inline="always", strict=False)
def _raise_best(tile: Any, tokens: Any, scales: Any, rows: Any, ahead: Any, query: Any, start: Any, best: Any) -> Any:
    if tile.vectors:
        return lambda tile, tokens, scales, rows, ahead, query, start, best: raise_in_registers(
            tile, tokens, scales, rows, ahead, query, start, best
        )
    product = PRODUCTS[tile.product]

    def plain(tile: Any, tokens: Any, scales: Any, rows: Any, ahead: Any, query: Any, start: Any, best: Any) -> None:
        for t in range(rows.size):
            for lane in range(best.size):
                value = product(tokens, scales, rows[t], query, lane, start)
                if value > best[lane]:
                    best[lane] = value

    return plain


@overload(write_products, inline="always", strict=False)
def _write_products(
    tile: Any, tokens: Any, scales: Any, rows: Any, ahead: Any, query: Any, start: Any, out: Any, at: Any
) -> Any:
    if tile.vectors:
        return lambda tile, tokens, scales, rows, ahead, query, start, out, at: write_from_registers(
            tile, tokens, scales, rows, ahead, query, start, out, at
        )
    product = PRODUCTS[tile.product]

    def plain(
        tile: Any, tokens: Any, scales: Any, rows: Any, ahead: Any, query: Any, start: Any, out: Any, at: Any
    ) -> None:
        for t in range(rows.size):
            for lane in range(out.shape[1]):
                out[at + t, lane] = product(tokens, scales, rows[t], query, lane, start)

    return plain


@overload(raise_best_above, inline="always", strict=False)
def _raise_best_above(
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
    if tile.vectors:
        return lambda tile, tokens, scales, rows, ahead, query, start, best, weights, table, places: raise_looked_up(
            tile, tokens, scales, rows, ahead, query, start, best, weights, table, places
        )
    product = PRODUCTS[tile.product]

    def plain(
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
    ) -> None:
        for t in range(rows.size):
            for lane in range(best.size):
                one = product(tokens, scales, rows[t], query, lane, start)
                value = fma(one, weights[lane], table[places[t], lane])
                if value > best[lane]:
                    best[lane] = value

    return plain


@overload(raise_best_from, inline="always", strict=False)
def _raise_best_from(tile: Any, table: Any, places: Any, best: Any) -> Any:
    if tile.vectors:
        return lambda tile, table, places, best: raise_from_table(tile, table, places, best)

    def plain(tile: Any, table: Any, places: Any, best: Any) -> None:
        for t in range(places.size):
            for lane in range(best.size):
                if table[places[t], lane] > best[lane]:
                    best[lane] = table[places[t], lane]

    return plain
