"""Tiles of dot products: explicit vectors and plain loops give the bytes of one definition."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from foundation.kernels.tiles import (
    Product,
    Tile,
    has_product,
    new_tile,
    raise_best,
    raise_best_above,
    raise_best_from,
    rows_of,
    write_products,
)

PRODUCTS: tuple[Product, ...] = ("float32", "bfloat16", "int8")


@numba.njit
def every_operation(
    tile: Any, tokens: Any, scales: Any, rows: Any, query: Any, start: Any, table: Any, out: Any
) -> int:
    """``out`` rows: the tile's products from 1 on, best alone, best above the table, best of the table."""
    n, lanes = rows_of(tile), query.shape[1]
    weights = np.linspace(np.float32(0.5), np.float32(1.5), lanes).astype(np.float32)
    write_products(tile, tokens, scales, rows, rows, query, start, out, 1)
    out[0] = -np.inf
    raise_best(tile, tokens, scales, rows, rows, query, start, out[0])
    out[n + 1] = -np.inf
    raise_best_above(tile, tokens, scales, rows, rows, query, start, out[n + 1], weights, table, rows)
    out[n + 2] = -np.inf
    raise_best_from(tile, table, rows, out[n + 2])
    return n


def example(product: Product, n_words: int, lanes: int, n_rows: int) -> dict[str, Any]:
    random = np.random.default_rng(n_words)
    rows = random.permutation(12)[:n_rows].astype(np.int64)
    floats = random.standard_normal((12, n_words)).astype(np.float32)
    columns = random.standard_normal((n_words, lanes)).astype(np.float32)
    words = (random.integers(0, 1 << 32, shape, dtype=np.uint32) for shape in ((12, n_words), (n_words, lanes)))
    if product == "bfloat16":  # no infinities and NaNs, but numbers below 2**-126
        halves = (random.integers(0, 0x4100, (2 * size), dtype=np.uint16) for size in (12 * n_words, n_words * lanes))
        words = (h.view(np.uint32).reshape(s) for h, s in zip(halves, ((12, -1), (-1, lanes)), strict=True))
    start = np.zeros(lanes, np.float32) if product != "int8" else random.integers(-999, 999, lanes).astype(np.int32)
    tokens, query = (floats, columns) if product == "float32" else tuple(words)
    table = random.standard_normal((12, lanes)).astype(np.float32)
    scales = random.random(12).astype(np.float32)
    return {"tokens": tokens, "query": query, "start": start, "rows": rows, "table": table, "scales": scales}


def run(tile: Tile, given: dict[str, Any]) -> np.ndarray:
    out = np.zeros((tile.n_rows + 3, given["query"].shape[1]), dtype=np.float32)
    order = ("tokens", "scales", "rows", "query", "start", "table")
    assert every_operation(tile, *(given[name] for name in order), out) == tile.n_rows
    return out


def by_numpy(product: Product, given: dict[str, Any]) -> np.ndarray:
    """Products in float64, or whole numbers, scaled."""
    tokens, query = given["tokens"][given["rows"]], given["query"]
    if product == "float32":
        return tokens.astype(np.float64) @ query.astype(np.float64)
    if product == "bfloat16":
        x, q = ((a.view(np.uint16).astype(np.uint32) << 16).view(np.float32) for a in (tokens, query.T.copy()))
        return x.astype(np.float64) @ q.astype(np.float64).T
    x, q = tokens.view(np.uint8).astype(np.int64), query.T.copy().view(np.int8).astype(np.int64)
    return (x @ q.T + given["start"]).astype(np.float32) * given["scales"][given["rows"]][:, None]


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("lanes", [16, 32])
@pytest.mark.parametrize("n_words", [1, 15, 16, 37])
def test_explicit_vectors_and_plain_loops_give_the_same_bytes(product: Product, lanes: int, n_words: int) -> None:
    fast, plain = (new_tile(product, lanes, vectors=vectors) for vectors in (True, False))
    assert plain.n_rows == fast.n_rows
    assert fast.vectors == has_product(product)
    assert not plain.vectors
    given = example(product, n_words, lanes, fast.n_rows)
    out = run(plain, given)
    assert run(fast, given).tobytes() == out.tobytes()
    exact = by_numpy(product, given)
    np.testing.assert_allclose(out[1 : 1 + fast.n_rows], exact, rtol=1e-5, atol=1e-4)
    assert (out[0] == out[1 : 1 + fast.n_rows].max(axis=0)).all()
    weights = np.linspace(0.5, 1.5, lanes)
    above = exact * weights + given["table"][given["rows"]]
    np.testing.assert_allclose(out[-2], above.max(axis=0), rtol=1e-5, atol=1e-4)
    assert (out[-1] == given["table"][given["rows"]].max(axis=0)).all()


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_pairs_product_does_not_depend_on_its_tile(product: Product) -> None:
    tile = new_tile(product, 16, vectors=True)
    narrow = Tile(product, 2, 1, tile.vectors)
    given = example(product, 20, 16, tile.n_rows)
    products = run(tile, given)[1 : 1 + tile.n_rows]
    few = {**given, "rows": given["rows"][:2]}
    assert run(narrow, few)[1:3].tobytes() == products[:2].tobytes()


def test_bytes_of_a_zero_token_are_exactly_zero_with_the_offset_taken_off() -> None:
    given = example("int8", 4, 16, 8)
    given["tokens"] = np.full((12, 16), 128, dtype=np.uint8).view(np.uint32)
    signed = given["query"].T.copy().view(np.int8).astype(np.int64)
    given["start"] = (-128 * signed.sum(axis=1)).astype(np.int32)
    tile = new_tile("int8", 16, vectors=True)
    assert (run(tile, {**given, "rows": given["rows"][: tile.n_rows]})[1 : 1 + tile.n_rows] == 0).all()
