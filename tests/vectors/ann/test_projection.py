"""Projections, centroids and the kernels around inverted lists, against numpy in float64."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vectors.ann.centroids import centroids, nearest_centroids, search_form
from vectors.ann.exact import exact_values
from vectors.ann.projection import projection
from vectors.kernels.lists import nearest_lists, orthonormalise, rerank, rerank_bytes

Float32s = npt.NDArray[np.float32]


def decaying(n: int, dim: int, seed: int = 0) -> Float32s:
    """Rows of a rotated Gaussian whose spread falls from column to column."""
    draw = np.random.default_rng(seed)
    rotation = np.linalg.qr(draw.standard_normal((dim, dim)))[0]
    spread = np.arange(1, dim + 1) ** -1.0
    return ((draw.standard_normal((n, dim)) * spread) @ rotation + 3).astype(np.float32)


@pytest.mark.parametrize("n_columns", [1, 4, 20, 32])
def test_columns_are_orthonormal(n_columns: int) -> None:
    matrix = projection(decaying(300, 32), n_columns, seed=3, centred=True)
    assert matrix.shape == (32, n_columns)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(n_columns), atol=1e-5)


def test_the_projection_keeps_nearly_as_much_variance_as_the_leading_components() -> None:
    rows = decaying(2000, 40)
    centred = rows - rows.mean(axis=0)
    best = (np.linalg.svd(centred, compute_uv=False)[:8] ** 2).sum()
    kept = ((centred @ projection(rows, 8, seed=0, centred=True)) ** 2).sum()
    assert kept >= 0.98 * best


def test_the_variance_is_spread_evenly_over_the_columns() -> None:
    rows = decaying(2000, 64)
    low = (rows - rows.mean(axis=0)) @ projection(rows, 16, seed=0, centred=True)
    spread = low.std(axis=0)
    assert spread.max() < 10 * spread.min()  # the leading components differ by a factor of 16


@pytest.mark.parametrize(
    "rows", [np.zeros((5, 6)), np.ones((1, 6)), np.eye(3, 6), np.zeros((0, 6)), np.full((9, 6), 9e18)]
)
def test_rows_that_span_too_little_still_give_orthonormal_columns(rows: npt.NDArray[np.float64]) -> None:
    matrix = projection(rows.astype(np.float32), 4, seed=0, centred=True)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(4), atol=1e-4)


def test_orthonormalising_drops_what_depends_on_earlier_rows() -> None:
    rows = np.array([[1.0, 1, 0], [2, 2, 0], [0, 0, 3]])
    orthonormalise(rows)
    np.testing.assert_allclose(rows, [[2**-0.5, 2**-0.5, 0], [0, 0, 0], [0, 0, 1]], atol=1e-12)


def test_centroids_find_separate_clusters() -> None:
    draw = np.random.default_rng(0)
    centres = 50 * draw.standard_normal((7, 5))
    rows = (centres[draw.integers(0, 7, 700)] + draw.standard_normal((700, 5))).astype(np.float32)
    spread = np.linalg.norm(rows - rows.mean(axis=0), axis=1).mean()
    found = centroids(rows, 14, seed=0, purpose="test")
    assert np.linalg.norm(rows - found[nearest_centroids(rows, found)], axis=1).mean() < spread / 5


@pytest.mark.parametrize("n", [0, 1, 3])
def test_fewer_rows_than_centroids_are_repeated(n: int) -> None:
    rows = np.arange(n * 2, dtype=np.float32).reshape(n, 2)
    found = centroids(rows, 5, seed=0, purpose="test")
    assert found.shape == (5, 2)
    assert {tuple(row) for row in found.tolist()} == ({tuple(row) for row in rows.tolist()} or {(0.0, 0.0)})


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 99),
    n=st.integers(1, 9),
    n_lists=st.integers(1, 12) | st.integers(60, 400),
    euclidean=st.booleans(),
)
def test_nearest_lists_are_those_of_a_sort(seed: int, n: int, n_lists: int, euclidean: bool) -> None:
    draw = np.random.default_rng(seed)
    rows = draw.integers(-3, 4, (n, 3)).astype(np.float32)
    centres = draw.integers(-3, 4, (n_lists, 3)).astype(np.float32)
    n_probe = int(draw.integers(1, n_lists + 1))
    lists, values = np.empty((n, n_probe), np.int64), np.empty((n, n_probe), np.float32)
    nearest_lists(rows, *search_form(centres, euclidean=euclidean), euclidean, lists, values)
    pairs = ((rows[:, None] - centres) ** 2).sum(axis=2) if euclidean else -(rows @ centres.T)
    expected = np.argsort(pairs, axis=1, kind="stable")[:, :n_probe]
    np.testing.assert_array_equal(lists, expected)
    np.testing.assert_allclose(np.take_along_axis(pairs, expected, 1), values if euclidean else -values, atol=1e-5)


def test_lists_are_found_where_distances_overflow() -> None:
    rows, columns = np.full((3, 4), 3e19, dtype=np.float32), np.zeros((4, 100), dtype=np.float32)
    columns[:, :90] = -3e19
    half = np.where(np.arange(100) < 90, np.inf, 0).astype(np.float32)
    lists, values = np.empty((3, 20), np.int64), np.empty((3, 20), np.float32)
    nearest_lists(rows, columns, half, False, lists, values)
    assert lists[:, :10].tolist() == [list(range(90, 100))] * 3
    assert lists[:, 10:].tolist() == [list(range(10))] * 3


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 99), k=st.integers(1, 8), euclidean=st.booleans(), n=st.integers(0, 12))
def test_reranking_is_a_sort_by_exact_value_with_ties_by_position(seed: int, k: int, euclidean: bool, n: int) -> None:
    draw = np.random.default_rng(seed)
    vectors = draw.integers(0, 3, (15, 5)).astype(np.float32)
    queries = draw.integers(0, 3, (4, 5)).astype(np.float32)
    positions = np.stack([draw.permutation(15)[:n] for _ in range(4)]).astype(np.int64)
    positions[draw.random(positions.shape) < 0.2] = -1
    exact = exact_values(vectors, queries, positions, metric="l2" if euclidean else "inner_product")
    best, values = np.empty((4, k), np.int64), np.empty((4, k), np.float32)
    rerank(vectors, positions, queries, euclidean, best, values)
    again, again_values = np.empty((4, k), np.int64), np.empty((4, k), np.float32)
    rerank_bytes(vectors.astype(np.uint8), positions, queries.astype(np.int16), euclidean, again, again_values)
    assert (best.tobytes(), values.tobytes()) == (again.tobytes(), again_values.tobytes())
    for query in range(4):
        there = positions[query] >= 0
        key = exact[query][there] if euclidean else -exact[query][there]
        order = np.lexsort((positions[query][there], key))[:k]
        assert best[query].tolist() == [*positions[query][there][order].tolist(), *[-1] * (k - order.size)]
        np.testing.assert_array_equal(values[query, : order.size], exact[query][there][order])
        assert np.isinf(values[query, order.size :]).all()
