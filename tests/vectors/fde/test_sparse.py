"""Sparse encodings of queries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vectors.fde.sparse as module
from foundation.errors import InvalidInput, InvalidParams
from tests.vectors.strategies import coded_sets, random_sets
from vectors.fde.encode import FDEParams, encode_documents, encode_queries
from vectors.fde.params import MODES
from vectors.fde.sparse import sparse_dots
from vectors.tokens.multivector import MultiVectors


@settings(deadline=None, max_examples=100)
@given(
    queries=coded_sets(dim=5),
    mode=st.sampled_from(MODES),
    k_sim=st.integers(0, 4),
    d_proj=st.sampled_from([None, 3, 16]),
    d_whole=st.integers(0, 2),
)
def test_sparse_encodings_are_the_dense_ones(
    queries: MultiVectors, mode: str, k_sim: int, d_proj: int | None, d_whole: int
) -> None:
    params = FDEParams(num_repetitions=3, k_sim=k_sim, d_proj=d_proj, d_whole=d_whole, mode=mode)
    sparse = encode_queries(queries, params, sparse=True)
    assert sparse.has_canonical_format
    np.testing.assert_array_equal(sparse.toarray(), encode_queries(queries, params))
    width = 5 - d_whole if d_proj is None else d_proj
    assert (np.diff(sparse.indptr) <= np.diff(queries.offsets) * 3 * width + d_whole).all()


def test_a_wide_encoding_of_few_tokens_is_never_made_whole() -> None:
    params = FDEParams(num_repetitions=40, k_sim=10, d_proj=16)
    sparse = encode_queries(random_sets(0, [1, 0, 4], 128), params, sparse=True)
    assert sparse.shape == (3, 40 * 1024 * 16)
    assert np.diff(sparse.indptr).tolist()[:2] == [640, 0]
    assert sparse.indptr[-1] <= 5 * 640


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_products_with_documents_are_those_of_dense_encodings(dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ROWS_PER_CALL", 4)
    params = FDEParams(num_repetitions=4, d_whole=3)
    queries, documents = random_sets(0, [3, 0, 8], 20), random_sets(1, [4, 9, 0, 1, 7, 8, 3, 5, 6, 4], 20)
    encoded = encode_documents(documents, params, dtype=dtype)
    exact = encode_queries(queries, params).astype(np.float64) @ encoded.astype(np.float64).T
    sparse = encode_queries(queries, params, sparse=True)
    products = [sparse_dots(sparse, encoded, n_threads) for n_threads in (1, 3)]
    assert products[0].tobytes() == products[1].tobytes()
    np.testing.assert_allclose(products[0], exact, rtol=1e-6, atol=1e-6)


def test_a_final_sketch_leaves_nothing_sparse() -> None:
    with pytest.raises(InvalidParams, match="d_final"):
        encode_queries(random_sets(0, [2], 8), FDEParams(d_final=10), sparse=True)


def test_documents_of_another_width_or_type_are_refused() -> None:
    sparse = encode_queries(random_sets(0, [2], 8), FDEParams(num_repetitions=1, k_sim=1, d_proj=2), sparse=True)
    for documents in (np.zeros((3, 5), np.float32), np.zeros((3, 4)), np.zeros((4, 3), np.float32).T):
        with pytest.raises(InvalidInput, match="sparse dots"):
            sparse_dots(sparse, documents)
