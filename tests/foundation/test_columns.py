"""Rows of float64 in registers, beside numpy: every number of columns rounds alike."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest

from foundation.kernels.columns import Columns, distance, fetch, load, plus, product, store, times, zeros

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
