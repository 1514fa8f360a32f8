"""Filters: nothing outside is found, a few rows are compared one by one, of many the recall is as asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidQuery
from tests.oracles.neighbours import nearest
from tests.vectors.spann.mixtures import Float32s, mixture
from vectors.metrics import METRICS, Metric
from vectors.spann.index import SpannIndex
from vectors.spann.measured import Effort
from vectors.spann.params import SpannParams

N, DIM = 8000, 24


@pytest.fixture(scope="module")
def both() -> Float32s:
    rows = mixture(N + 200, DIM, 150)
    rows[4000:4400] = rows[17]  # equal rows, some allowed and some not
    return rows


@pytest.fixture(scope="module")
def vectors(both: Float32s) -> Float32s:
    return both[:N]


@pytest.fixture(scope="module")
def queries(both: Float32s) -> Float32s:
    """Of the rows' law, and no rows."""
    return both[N:]


@pytest.fixture(scope="module")
def index(vectors: Float32s, tmp_path_factory: pytest.TempPathFactory) -> SpannIndex:
    return SpannIndex.build(vectors, directory=tmp_path_factory.mktemp("f") / "i", metric="l2", recall=0.95)


def true_values(vectors: Float32s, where: npt.NDArray[np.bool_], queries: Float32s, k: int) -> Float32s:
    return nearest(vectors[where], queries, k, "l2")[1]


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.001])
def test_recall_holds_and_nothing_outside_is_found(
    index: SpannIndex, vectors: Float32s, queries: Float32s, share: float
) -> None:
    where = np.random.default_rng(1).random(N) < share
    rows, values, reads = index.search_counted(queries, 10, where=where)
    assert where[rows[rows >= 0]].all()
    assert ((rows >= 0).sum(axis=1) == min(10, where.sum())).all()
    true = true_values(vectors, where, queries, 10)
    wanted = np.minimum(9, max(0, where.sum() - 1))
    assert float((values[rows >= 0] <= np.repeat(true[:, wanted], (rows >= 0).sum(axis=1)) * (1 + 1e-6)).mean()) >= 0.94
    if share <= 0.01:
        assert not reads.vectors.any()
        assert (reads.reranked == where.sum()).all()
    else:
        assert reads.vectors.any()


@pytest.mark.parametrize("reading", ["map", "read"])
@pytest.mark.parametrize("share", [0.6, 0.01])
def test_answers_do_not_depend_on_threads_batches_or_reading(
    index: SpannIndex, vectors: Float32s, share: float, reading: Any, tmp_path: Path
) -> None:
    where = np.random.default_rng(2).random(N) < share
    queries = vectors[3990:4060]
    SpannIndex.build(vectors, index.params, directory=tmp_path / "i")
    other = SpannIndex.open(tmp_path / "i", reading=reading)
    rows, values = index.search(queries, 10, where=where)
    found = other.search(queries, 10, where=where, n_threads=2)
    assert np.array_equal(found[0], rows)
    assert np.array_equal(found[1], values)
    alone = np.concatenate([index.search(query[None, :], 10, where=where)[0] for query in queries])
    assert np.array_equal(alone, rows)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    metric=st.sampled_from(METRICS),
    n=st.integers(0, 40),
    dim=st.integers(1, 5),
    k=st.integers(1, 12),
    n_lists=st.sampled_from([1, 10_000]),
)
def test_reading_everything_is_brute_force_over_what_is_allowed(
    data: st.DataObject,
    metric: Metric,
    n: int,
    dim: int,
    k: int,
    n_lists: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    quarters = st.lists(st.integers(-4, 4).map(lambda i: i / 4), min_size=dim, max_size=dim)
    vectors = np.array(data.draw(st.lists(quarters, min_size=n, max_size=n)), dtype=np.float32).reshape(n, dim)
    where = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=np.bool_)
    queries = np.array(data.draw(st.lists(quarters, min_size=1, max_size=4)), dtype=np.float32)
    params = SpannParams(metric=metric, head_share=0.5, recall=0.01)
    index = SpannIndex.build(vectors, params, directory=tmp_path_factory.mktemp("brute") / "i")
    exclude = [[*np.flatnonzero(~where).tolist(), data.draw(st.integers(-1, max(0, n - 1)))] for _ in queries]
    true_rows, true_values = nearest(vectors, queries, k, metric, exclude)
    found, values = index.search(
        queries,
        k,
        effort=Effort(n_lists=n_lists, rerank=10_000),
        where=where,
        exclude=np.array([e[-1] for e in exclude]),
    )
    if n_lists == 1:  # fewer lists may be read, and what is found is allowed
        assert all(where[row] for row in found.ravel() if row >= 0)
        return
    np.testing.assert_allclose(values, true_values, rtol=1e-6, atol=1e-7)
    if metric != "cosine":  # its quotients tie in exact arithmetic and not in float64
        assert np.array_equal(found, true_rows)


def test_a_filter_of_another_shape_is_refused(index: SpannIndex) -> None:
    queries = np.zeros((1, DIM), dtype=np.float32)
    for where in (np.ones(N - 1, dtype=np.bool_), np.ones(N, dtype=np.int8)):
        with pytest.raises(InvalidQuery, match="where is"):
            index.search(queries, where=where)
