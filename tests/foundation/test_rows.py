"""Rows of sums in registers and in memory: the same bytes, and NumPy's numbers."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from foundation.kernels import rows
from foundation.kernels.rows import float_of_half, half_of

needs_vectors = pytest.mark.skipif(not rows.has_vectors(), reason="this processor has no such vectors")


@numba.njit
def halves_of(values: Any, out: Any) -> None:
    for i in range(values.size):
        out[i] = half_of(values[i])


@numba.njit
def floats_of(halves: Any, out: Any) -> None:
    for i in range(halves.size):
        out[i] = float_of_half(halves[i])


@numba.njit
def sum_of_rows(block: Any, factors: Any, out: Any, scales: Any, squares: Any, lanes: Any) -> None:
    """Packs the sum of all rows of ``block`` into row 0 of ``out``."""
    room = np.empty(factors.shape[1], dtype=np.float32)
    sums = rows.zeros(lanes)
    for row in range(block.shape[0]):
        rows.fetch_row(sums, block, row * block.shape[1])
        sums = rows.add_row(sums, block, row * block.shape[1], factors, row * factors.shape[1], np.float32(0.7))
    rows.pack_row(sums, out, 0, 0, scales, squares, room)


def test_every_float16_is_the_float_that_numpy_says() -> None:
    bits = np.arange(1 << 16, dtype=np.uint32).astype(np.uint16)
    finite = bits[np.isfinite(bits.view(np.float16))]
    found = np.empty(finite.size, dtype=np.float32)
    floats_of(finite, found)
    np.testing.assert_array_equal(found.view(np.uint32), finite.view(np.float16).astype(np.float32).view(np.uint32))


def test_floats_round_to_the_float16_that_numpy_rounds_to() -> None:
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    middles = (halves[1:].astype(np.float64) + halves[:-1]) / 2  # ties, which go to even, and the floats beside them
    ties = middles.astype(np.float32)
    values = np.concatenate([halves, ties, np.nextafter(ties, np.float32(0)), np.nextafter(ties, np.float32(np.inf))])
    rng = np.random.default_rng(0)
    values = np.concatenate([values, rng.standard_normal(10_000).astype(np.float32), np.float32([65519, 65520, 1e9])])
    values = np.concatenate([values, -values])
    found = np.empty(values.size, dtype=np.uint16)
    halves_of(values, found)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found, values.astype(np.float16).view(np.uint16))


@needs_vectors
@pytest.mark.parametrize("n_columns", [64, 128, 256])
@pytest.mark.parametrize("source", [np.float32, np.uint16, np.int8])
@pytest.mark.parametrize("target", [np.float32, np.uint16, np.int8])
def test_registers_and_memory_give_the_same_bytes(n_columns: int, source: Any, target: Any) -> None:
    rng = np.random.default_rng(n_columns)
    block = rng.standard_normal((9, n_columns)).astype(np.float32)
    block[:, :64] *= 1e-6 if source is not np.int8 else 1  # some of float16's smallest
    if source is np.uint16:
        block = block.astype(np.float16).view(np.uint16)
    elif source is np.int8:
        block = np.clip(40 * block, -127, 127).astype(np.int8)
    factors = rng.uniform(0, 3, (9, n_columns // 64)).astype(np.float32)
    results = []
    for vectors in (True, False):
        out = np.zeros((1, n_columns), dtype=target)
        scales, squares = np.zeros((1, n_columns // 64), dtype=np.float32), np.zeros((1, n_columns // 64))
        sum_of_rows(block, factors, out, scales, squares, rows.new_lanes(n_columns, vectors=vectors))
        results.append((out.tobytes(), scales.tobytes(), squares.tobytes()))
    assert results[0] == results[1]


@pytest.mark.parametrize(("target", "error"), [(np.float32, 1e-6), (np.uint16, 5e-4), (np.int8, 5e-3)])
def test_packed_rows_are_near_the_sum(target: Any, error: float) -> None:
    rng = np.random.default_rng(1)
    block = rng.standard_normal((5, 128)).astype(np.float32)
    factors = rng.uniform(0, 3, (5, 2)).astype(np.float32)
    out, scales, squares = np.zeros((1, 128), dtype=target), np.zeros((1, 2), dtype=np.float32), np.zeros((1, 2))
    sum_of_rows(block, factors, out, scales, squares, rows.new_lanes(128, vectors=False))
    expected = (0.7 * np.repeat(factors, 64, axis=1) * block.astype(np.float64)).sum(axis=0)
    values = out.view(np.float16) if target is np.uint16 else out
    found = values.astype(np.float64) * np.repeat(scales, 64, axis=1)
    np.testing.assert_allclose(found[0], expected, atol=error * np.abs(expected).max())
    np.testing.assert_allclose(squares[0], (expected**2).reshape(2, 64).sum(axis=1), rtol=1e-5)


def test_a_group_of_zeros_stays_zero() -> None:
    for target in (np.float32, np.uint16, np.int8):
        out, scales, squares = np.ones((1, 64), dtype=target), np.ones((1, 1), dtype=np.float32), np.ones((1, 1))
        block, factors = np.zeros((3, 64), dtype=np.float32), np.ones((3, 1), dtype=np.float32)
        sum_of_rows(block, factors, out, scales, squares, rows.new_lanes(64, vectors=rows.has_vectors()))
        assert not out.any()
        assert not squares.any()
        assert np.isfinite(scales).all()
