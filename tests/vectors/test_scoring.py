"""The kernels where the public functions above them could not tell a mistake from chance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vectors.kernels.scoring import divide_rows, first_equal, score_pairs, squared_norms

Float32s = npt.NDArray[np.float32]


def firsts(vectors: Float32s) -> list[int]:
    out = np.empty(vectors.shape[0], dtype=np.int64)
    first_equal(np.ascontiguousarray(vectors).view(np.uint32), out)
    return [int(row) for row in out]


@settings(deadline=None, max_examples=60)
@given(
    vectors=hnp.arrays(
        np.float32, st.tuples(st.integers(0, 30), st.integers(1, 3)), elements=st.sampled_from([0.0, -0.0, 1.0, -1.0])
    )
)
def test_each_row_is_led_to_the_first_row_of_its_values(vectors: Float32s) -> None:
    seen: dict[tuple[float, ...], int] = {}
    expected = [seen.setdefault(tuple(float(value) for value in row), number) for number, row in enumerate(vectors)]
    assert firsts(vectors) == expected  # as numbers, -0.0 is 0.0 here as there


def test_rows_whose_hashes_collide_are_kept_apart() -> None:
    # One step of the hash is (h ^ bits) · prime, then h ^= h >> 32. Two pairs of values whose states share their upper
    # half are brought to one state by the third value.
    pairs = np.random.default_rng(0).integers(1, 0x7F000000, (500_000, 2), dtype=np.uint64)
    state = np.full(len(pairs), 3, dtype=np.uint64)
    for value in pairs.T:
        state = (state ^ value) * np.uint64(0x9E3779B97F4A7C15)
        state ^= state >> np.uint64(32)
    order = np.argsort(state)
    state = state[order]
    near = np.flatnonzero(state[1:] >> np.uint64(32) == state[:-1] >> np.uint64(32))
    third = (state[near] ^ state[near + 1] ^ np.uint64(1)).astype(np.uint32)
    usable = np.flatnonzero(np.isfinite(third.view(np.float32)))[0]
    rows = np.ones((2, 3), dtype=np.uint32)
    rows[:, :2] = pairs[order[near[usable] + np.arange(2)]]
    rows[1, 2] = third[usable]
    assert firsts(np.concatenate((rows, rows)).view(np.float32)) == [0, 1, 0, 1]


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5, 8, 11])
def test_sums_are_those_of_float64(dim: int) -> None:
    draw = np.random.default_rng(dim)
    vectors, queries = (draw.standard_normal((9, dim)).astype(np.float32) for _ in range(2))
    query_of = draw.integers(0, 9, 9)
    norms, out = np.empty(9), np.empty(9, dtype=np.float32)
    wide, asked = vectors.astype(np.float64), queries.astype(np.float64)[query_of]
    squared_norms(vectors, norms)
    np.testing.assert_allclose(norms, (wide**2).sum(axis=1), rtol=1e-14)
    score_pairs(vectors, queries, query_of, False, out)
    np.testing.assert_allclose(out, (wide * asked).sum(axis=1), rtol=1e-6, atol=1e-7)
    score_pairs(vectors, queries, query_of, True, out)
    np.testing.assert_allclose(out, np.sqrt(((wide - asked) ** 2).sum(axis=1)), rtol=1e-6)
    divide_rows(vectors, norms)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-6)


@pytest.mark.parametrize("dim", [1, 4, 7, 96, 130])
def test_sums_have_the_order_that_makes_their_bytes(dim: int) -> None:
    draw = np.random.default_rng(dim)
    vectors, queries = (draw.standard_normal((50, dim)).astype(np.float32) for _ in range(2))
    wide, asked = vectors.astype(np.float64), queries.astype(np.float64)
    norms, out, of = np.empty(50), np.empty(50, dtype=np.float32), np.arange(50)
    squared_norms(vectors, norms)
    assert norms.tolist() == [in_order(row * row) for row in wide]
    score_pairs(vectors, queries, of, False, out)
    assert out.tolist() == [np.float32(in_order(row)) for row in wide * asked]
    score_pairs(vectors, queries, of, True, out)
    assert out.tolist() == [np.float32(np.sqrt(in_order(row * row))) for row in wide - asked]


def in_order(terms: npt.NDArray[np.float64]) -> float:
    """Four sums, of every fourth term; those behind the last four go to the first."""
    sums, whole = [0.0] * 4, len(terms) - len(terms) % 4
    for nth, term in enumerate(terms.tolist()):
        sums[nth % 4 if nth < whole else 0] += term
    return (sums[0] + sums[1]) + (sums[2] + sums[3])
