"""Explicit vectors of words beside NumPy."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest

from foundation.kernels.simd import Registers
from foundation.kernels.words import count_bits, least_hashes, most_words, new_word_lanes, width_of


@numba.njit
def lower_row(lanes: Any, multipliers: Any, addends: Any, words: Any, first: int, n: int, row: Any) -> int:
    for block in range(0, row.size, width_of(lanes)):
        least_hashes(lanes, multipliers, addends, min(block, row.size - width_of(lanes)), words, first, n, row)
    return width_of(lanes)


@numba.njit
def bits_of(words: npt.NDArray[np.uint64], out: npt.NDArray[np.int64]) -> None:
    for i in range(words.size):
        out[i] = count_bits(words[i])


@pytest.mark.parametrize("n_words", [20, 32, 100, 128, 200])
@pytest.mark.parametrize("vectors", [True, False])
def test_rows_are_lowered_to_the_least_hash_modulo_two_to_the_32(n_words: int, vectors: bool) -> None:
    rng = np.random.default_rng(n_words)
    multipliers, addends, row = (rng.integers(0, 2**32, n_words, dtype=np.uint32) for _ in range(3))
    words = rng.integers(0, 2**32, 9, dtype=np.uint32)
    products = multipliers[:, None].astype(np.uint64) * words[2:7] + addends[:, None]
    expected = np.minimum(row, (products & np.uint64(2**32 - 1)).astype(np.uint32).min(axis=1))
    lanes = new_word_lanes(n_words, vectors=vectors)
    width = lower_row(lanes, multipliers, addends, words, 2, 5, row)
    np.testing.assert_array_equal(row, expected)
    assert width <= n_words
    assert isinstance(lanes, Registers) == (vectors and n_words >= 32 and most_words() > 0)


def test_bits_are_counted() -> None:
    words = np.array([0, 1, 2**63, 2**64 - 1, 0x5555555555555555], dtype=np.uint64)
    out = np.empty(5, dtype=np.int64)
    bits_of(words, out)
    assert out.tolist() == [0, 1, 1, 64, 32]
