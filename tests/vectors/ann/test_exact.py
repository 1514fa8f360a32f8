"""Exact search against every pair in float64, at the edges and where float32 cannot tell rows apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery
from tests.oracles.neighbours import nearest, pair_table
from vectors.ann import exact
from vectors.ann.exact import exact_top_k, exact_values
from vectors.metrics import METRICS, Metric, faiss_threads

metrics = st.sampled_from(METRICS)


@st.composite
def small_integers(draw: st.DrawFn) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Vectors and queries of few distinct values: ties, repeats and zero vectors abound, and sums are exact."""
    dim, n, n_queries = draw(st.integers(1, 5)), draw(st.integers(0, 40)), draw(st.integers(0, 4))
    values = st.integers(-2, 2).map(np.float32)
    vectors = draw(hnp.arrays(np.float32, (n, dim), elements=values))
    return vectors, draw(hnp.arrays(np.float32, (n_queries, dim), elements=values))


@settings(deadline=None, max_examples=60)
@given(data=small_integers(), k=st.integers(1, 12), metric=st.sampled_from(["l2", "inner_product"]))
def test_rows_and_values_equal_every_pair_sorted(data: Any, k: int, metric: Metric) -> None:
    vectors, queries = data
    rows, values = exact_top_k(vectors, queries, k, metric=metric)
    true_rows, true_values = nearest(vectors, queries, k, metric)
    np.testing.assert_array_equal(rows, true_rows)
    np.testing.assert_array_equal(values, true_values)


@settings(deadline=None, max_examples=60)
@given(data=small_integers(), k=st.integers(1, 12))
def test_cosine_is_the_cosine_and_zero_vectors_score_zero(data: Any, k: int) -> None:
    vectors, queries = data
    rows, values = exact_top_k(vectors, queries, k, metric="cosine")
    _, true_values = nearest(vectors, queries, k, "cosine")
    np.testing.assert_allclose(values, true_values, atol=2e-7)
    table = pair_table(vectors, queries, "cosine")
    for query in range(len(queries)):
        there = rows[query] >= 0
        assert there.sum() == min(k, len(vectors))
        assert len(set(rows[query, there])) == there.sum()
        np.testing.assert_allclose(values[query, there], table[query, rows[query, there]], atol=2e-7)


@settings(deadline=None, max_examples=40)
@given(data=small_integers(), k=st.integers(1, 6), metric=metrics, drawn=st.data())
def test_excluded_rows_are_never_answered_and_nothing_else_is_missed(
    data: Any, k: int, metric: Metric, drawn: st.DataObject
) -> None:
    vectors, queries = data
    allowed = st.integers(-1, max(0, len(vectors) - 1))
    exclude = [drawn.draw(st.lists(allowed, min_size=2, max_size=2)) for _ in range(len(queries))]
    _, values = exact_top_k(
        vectors, queries, k, metric=metric, exclude=np.array(exclude, dtype=np.int64).reshape(len(queries), 2)
    )
    _, true_values = nearest(vectors, queries, k, metric, exclude)
    np.testing.assert_allclose(values, true_values, atol=2e-7)


@pytest.mark.parametrize("metric", ["l2", "inner_product"])
def test_rows_that_float32_sums_cannot_tell_apart_are_still_told_apart(metric: Metric) -> None:
    # Integers near 4096: float64 sums are exact, float32 sums are off by more than the gaps between neighbours.
    draw = np.random.default_rng(3)
    vectors = (4096 + draw.integers(-2, 3, (3000, 24))).astype(np.float32)
    queries = (4096 + draw.integers(-2, 3, (9, 24))).astype(np.float32)
    rows, values = exact_top_k(vectors, queries, 7, metric=metric)
    true_rows, true_values = nearest(vectors, queries, 7, metric)
    np.testing.assert_array_equal(rows, true_rows)
    np.testing.assert_array_equal(values, true_values)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e15])
def test_scale_of_the_data_does_not_matter(metric: Metric, scale: float) -> None:
    draw = np.random.default_rng(4)
    vectors = (draw.standard_normal((400, 8)) * scale).astype(np.float32)
    queries = (draw.standard_normal((5, 8)) * scale).astype(np.float32)
    _, values = exact_top_k(vectors, queries, 10, metric=metric)
    _, true_values = nearest(vectors, queries, 10, metric)
    np.testing.assert_allclose(values, true_values, rtol=1e-5, atol=1e-6 if metric == "cosine" else 0)


@pytest.mark.parametrize("metric", METRICS)
def test_answers_do_not_depend_on_batch_blocks_or_threads(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(5)
    vectors = draw.standard_normal((900, 250)).astype(np.float32)
    queries = draw.standard_normal((600, 250)).astype(np.float32)  # 600 · 250 is where FAISS turns to BLAS
    rows, values = exact_top_k(vectors, queries, 10, metric=metric)
    for n_threads in (2, 3):
        again = exact_top_k(vectors, queries, 10, metric=metric, n_threads=n_threads)
        assert again[0].tobytes() == rows.tobytes()
        assert again[1].tobytes() == values.tobytes()
    for query in range(20):
        alone = exact_top_k(vectors, queries[query : query + 1], 10, metric=metric)
        assert alone[0].tobytes() == rows[query].tobytes()
        assert alone[1].tobytes() == values[query].tobytes()
    monkeypatch.setattr(exact, "_BLOCK_BYTES", 4 * 250 * 37)
    blocks = exact_top_k(vectors, queries, 10, metric=metric)
    assert blocks[0].tobytes() == rows.tobytes()
    assert blocks[1].tobytes() == values.tobytes()


def test_thousands_of_equal_vectors_are_answered_in_row_order() -> None:
    vectors = np.tile(np.array([[1.0, 2.0, 3.0]], dtype=np.float32), (5000, 1))
    vectors[4000] = [9.0, 9.0, 9.0]
    rows, values = exact_top_k(vectors, vectors[:1], 20, metric="l2")
    assert rows[0].tolist() == list(range(20))
    assert not values.any()


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, np.uint8])
def test_other_numbers_are_converted(dtype: Any) -> None:
    vectors = np.random.default_rng(6).integers(0, 9, (50, 4))
    rows, values = exact_top_k(vectors.astype(dtype), vectors[:5].astype(dtype), 3, metric="l2")
    true_rows, true_values = exact_top_k(vectors.astype(np.float32), vectors[:5].astype(np.float32), 3, metric="l2")
    np.testing.assert_array_equal(rows, true_rows)
    np.testing.assert_array_equal(values, true_values)


@pytest.mark.parametrize("metric", METRICS)
def test_values_of_given_rows_are_those_the_search_gives(metric: Metric) -> None:
    draw = np.random.default_rng(7)
    vectors, queries = (draw.standard_normal((n, 6)).astype(np.float32) for n in (4, 3))
    rows, values = exact_top_k(vectors, queries, 6, metric=metric)
    assert (rows[:, 4:] == -1).all()
    assert exact_values(vectors, queries, rows, metric=metric).tobytes() == values.tobytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_a_row_that_cannot_be_compared_is_named(value: float) -> None:
    vectors = np.zeros((9, 2), dtype=np.float32)
    vectors[7, 1] = value
    with pytest.raises(InvalidInput, match="row 7 of 9"):
        exact_top_k(vectors, vectors[:1], 1, metric="l2")
    with pytest.raises(InvalidQuery, match="row 7 of 9"):
        exact_top_k(vectors[:3], vectors, 1, metric="l2")


def test_questions_that_make_no_sense_are_refused_in_one_line() -> None:
    vectors = np.zeros((3, 2), dtype=np.float32)
    cases: list[tuple[type[Exception], dict[str, Any]]] = [
        (InvalidQuery, {"k": 0}),
        (InvalidQuery, {"queries": vectors[:, :1]}),
        (InvalidQuery, {"queries": vectors[0]}),
        (InvalidQuery, {"queries": vectors.astype(complex)}),
        (InvalidQuery, {"exclude": [1, 2]}),
        (InvalidQuery, {"exclude": [0.5]}),
        (InvalidInput, {"vectors": vectors[0]}),
        (InvalidInput, {"vectors": vectors[:, :0]}),
        (InvalidInput, {"vectors": vectors.astype(str)}),
        (InvalidParams, {"metric": "manhattan"}),
    ]
    for error, changed in cases:
        asked: dict[str, Any] = {"vectors": vectors, "queries": vectors[:1], "k": 1, "metric": "l2", **changed}
        with pytest.raises(error) as raised:
            exact_top_k(asked.pop("vectors"), asked.pop("queries"), asked.pop("k"), **asked)
        assert "\n" not in str(raised.value)


def test_the_callers_number_of_threads_comes_back() -> None:
    with faiss_threads(1) as faiss:
        faiss.omp_set_num_threads(2)
        exact_top_k(np.zeros((5, 2), dtype=np.float32), np.zeros((1, 2), dtype=np.float32), 1, metric="l2", n_threads=1)
        assert faiss.omp_get_max_threads() == 2
