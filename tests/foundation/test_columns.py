"""Rows of float64 and float32 in registers, beside numpy: every number of columns rounds alike."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest

from foundation.kernels.columns import (
    Columns,
    any_reaches,
    distance,
    fetch,
    load,
    narrowed,
    plus,
    product,
    store,
    times,
    widened,
    zeros,
)

Float64s = npt.NDArray[np.float64]


@numba.njit
def worked(block: Float64s, out: Float64s, factor: float, columns: Any) -> None:
    """``out`` = sum over rows of |row · factor · first row - row|."""
    width, total = block.shape[1], zeros(columns)
    first = load(columns, block, np.int64(0))
    for row in range(block.shape[0]):
        fetch(columns, block, np.int64(row) * width)
        one = load(columns, block, np.int64(row) * width)
        total = plus(total, distance(product(times(one, factor), first), one))
    store(total, out, np.int64(0))


@pytest.mark.parametrize("n_columns", [1, 2, 8, 16])
def test_operations_are_numpys_to_the_last_bit(n_columns: int) -> None:
    block = np.random.default_rng(0).normal(size=(50, n_columns)) * 10.0 ** np.arange(-20, 30)[:, None]
    expected = np.zeros(n_columns)
    for row in block:
        expected += np.abs(row * (1 / 3) * block[0] - row)
    out = np.empty(n_columns)
    worked(block, out, 1 / 3, Columns(n_columns))
    assert out.tobytes() == expected.tobytes()


def test_a_column_does_not_know_its_neighbours() -> None:
    block = np.random.default_rng(1).normal(size=(33, 16))
    together, alone = np.empty(16), np.empty(1)
    worked(block, together, 0.1, Columns(16))
    for column in range(16):
        worked(np.ascontiguousarray(block[:, column : column + 1]), alone, 0.1, Columns(1))
        assert alone.tobytes() == together[column : column + 1].tobytes()


@numba.njit
def mixed(block: Any, out: Float64s, factor: np.float32, columns: Any, singles: Any) -> Any:
    """``out`` = sum over rows of |row · factor|, rounded to float32 once more; whether it reaches the last row."""
    width, total = block.shape[1], zeros(columns)
    for row in range(block.shape[0]):
        fetch(singles, block, np.int64(row) * width)
        one = times(load(singles, block, np.int64(row) * width), factor)
        total = plus(total, widened(distance(one, zeros(singles))))
    narrow = narrowed(total)
    store(widened(narrow), out, np.int64(0))
    return any_reaches(narrow, load(singles, block, np.int64(block.shape[0] - 1) * width))


@pytest.mark.parametrize("n_columns", [1, 2, 8, 16])
def test_float32_is_numpys_to_the_last_bit_too(n_columns: int) -> None:
    block = np.random.default_rng(2).normal(size=(50, n_columns)).astype(np.float32)
    expected = np.zeros(n_columns)
    for row in block:
        expected += np.abs(row * np.float32(1 / 3))
    out = np.empty(n_columns)
    found = mixed(block, out, np.float32(1 / 3), Columns(n_columns), Columns(n_columns, single=True))
    narrow = expected.astype(np.float32)
    assert out.tobytes() == narrow.astype(np.float64).tobytes()
    assert found == (narrow >= block[-1]).any()


@numba.njit
def reached(block: Any, singles: Any) -> Any:
    return any_reaches(load(singles, block, np.int64(0)), load(singles, block, np.int64(block.shape[1])))


def test_one_column_that_is_as_large_is_enough() -> None:
    block = np.zeros((2, 16), dtype=np.float32)
    block[1] = 1.0
    singles = Columns(16, single=True)
    assert not reached(block, singles)
    for column in range(16):
        block[0, column] = 1.0
        assert reached(block, singles)
        block[0, column] = np.nan
        assert not reached(block, singles)
        block[0, column] = 0.0
