"""Scans of bytes by whole numbers: what arithmetic on the decoded vectors finds, to the step of a query's words."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vectors.ann.byte_lists import largest_word
from vectors.ann.byte_scan import ByteScan
from vectors.ann.index import ANNIndex
from vectors.ann.params import ANNParams
from vectors.ann.stored import StoredVectors

Float32s = npt.NDArray[np.float32]


def quantised(vectors: Float32s) -> tuple[ByteScan | None, Float32s]:
    """A scan of the vectors as bytes, and what these stand for."""
    flat = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    flat.train(vectors)
    codes = flat.sa_encode(vectors)
    return ByteScan.open(flat, codes), flat.sa_decode(codes)


@settings(deadline=None, max_examples=80)
@given(
    n_rows=st.integers(1, 130),
    dim=st.integers(32, 150),
    wanted=st.integers(1, 130),
    n_queries=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_products_are_those_of_the_decoded_vectors_and_none_that_is_greater_is_missed(
    n_rows: int, dim: int, wanted: int, n_queries: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    vectors = (draw.standard_normal((n_rows, dim)) * draw.uniform(0.01, 10, dim) + 3).astype(np.float32)
    queries = (draw.standard_normal((n_queries, dim)) * draw.choice([1e-6, 1, 1e6])).astype(np.float32)
    queries[: n_queries // 3] = 0
    scan, plain = quantised(vectors)
    assert scan is not None
    values, rows = scan.greatest(queries, n := min(wanted, n_rows))
    assert (values.shape, rows.shape) == ((n_queries, n), (n_queries, n))
    exact = queries.astype(np.float64) @ plain.T.astype(np.float64)
    largest = np.abs(queries * scan.steps).max(axis=1, initial=0) / largest_word(dim)
    # Half a step of a word for each of up to 128 steps of a column, and the last bits of float32 sums in the bound.
    off = 65.0 * dim * largest + 1e-5 * (np.abs(queries).astype(np.float64) @ np.abs(plain).T.astype(np.float64)).max(
        axis=1, initial=0
    )
    for query in range(n_queries):
        assert len(set(rows[query].tolist())) == n
        assert np.abs(values[query] - exact[query, rows[query]]).max() <= off[query]
        order = np.lexsort((rows[query], -values[query]))
        assert (order == np.arange(n)).all()
        missed = np.setdiff1d(np.arange(n_rows), rows[query])
        assert (exact[query, missed] <= values[query, -1] + off[query]).all()


@pytest.mark.parametrize(
    ("n_rows", "dim", "n"), [(2_500, 300, 40), (2_500, 300, 2_500), (17, 32, 3), (5_000, 1_088, 200)]
)
def test_a_query_finds_the_same_alone_and_among_others(n_rows: int, dim: int, n: int) -> None:
    draw = np.random.default_rng(1)
    vectors, queries = (draw.standard_normal((count, dim), dtype=np.float32) for count in (n_rows, 70))
    scan, _ = quantised(vectors)
    assert scan is not None
    values, rows = scan.greatest(queries, n)
    for query in range(0, 70, 9):
        alone_values, alone_rows = scan.greatest(queries[query : query + 1], n)
        assert np.array_equal(alone_rows[0], rows[query])
        assert np.array_equal(alone_values[0], values[query])


def test_narrow_rows_and_none_are_left_to_faiss() -> None:
    assert quantised(np.ones((5, 31), dtype=np.float32))[0] is None
    flat = faiss.IndexScalarQuantizer(40, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    assert ByteScan.open(flat, np.zeros((0, 40), dtype=np.uint8)) is None


@pytest.mark.parametrize("dim", [20, 72])
def test_candidates_of_an_index_are_next_to_those_of_its_exact_search(dim: int) -> None:
    draw = np.random.default_rng(2)
    vectors, queries = (draw.standard_normal((count, dim), dtype=np.float32) for count in (3_000, 50))
    vectors[100:200] = vectors[0]  # equal rows rejoin the answers
    params = ANNParams(metric="inner_product", kind="flat", storage="int8", shard_rows=1_000, recall=0.5)
    index = ANNIndex.build(vectors, params)
    rows, values = index.candidates(queries, 100)
    exact_rows, exact_values = index.search(queries, 100)
    same = np.mean([np.isin(found, exact).mean() for found, exact in zip(rows, exact_rows, strict=True)])
    assert same >= 0.99
    np.testing.assert_allclose(values, exact_values, rtol=2e-3)
    assert np.array_equal(index.candidates(queries[7:8], 100)[0][0], rows[7])


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
def test_only_products_of_bytes_are_scanned_by_whole_numbers(storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(3).standard_normal((200, 40), dtype=np.float32)
    used: list[str] = []
    ours, theirs = ByteScan.greatest, StoredVectors.propose
    monkeypatch.setattr(ByteScan, "greatest", lambda self, *given: (used.append("ours"), ours(self, *given))[1])
    monkeypatch.setattr(StoredVectors, "propose", lambda self, *given: (used.append("FAISS"), theirs(self, *given))[1])
    for metric in ("inner_product", "l2"):
        index = ANNIndex.build(
            vectors,
            ANNParams(metric=metric, kind="flat", storage=storage, recall=0.5),  # type: ignore[arg-type]
        )
        used.clear()
        index.candidates(vectors[:3], 5)
        assert used == ["ours" if (metric, storage) == ("inner_product", "int8") else "FAISS"]
