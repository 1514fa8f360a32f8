"""Exact late interaction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vectors.tokens.maxsim as module
from foundation.errors import InvalidInput, InvalidQuery
from tests.oracles.maxsim import chamfer
from tests.vectors.strategies import coded_sets, plain, random_sets
from vectors.tokens.maxsim import exact_top, maxsim, maxsim_matches, top_rows
from vectors.tokens.multivector import MultiVectors

DIM = 3


def every(queries: MultiVectors, documents: MultiVectors) -> np.ndarray:
    return np.tile(np.arange(documents.n_docs), (queries.n_docs, 1))


@settings(deadline=None, max_examples=100)
@given(queries=coded_sets(dim=DIM, min_docs=1, min_tokens=1), documents=coded_sets(dim=DIM))
def test_agrees_with_brute_force(queries: MultiVectors, documents: MultiVectors) -> None:
    scores = maxsim(queries, documents, every(queries, documents))
    expected = [
        [chamfer(queries.doc(q), documents.doc(d)) for d in range(documents.n_docs)] for q in range(queries.n_docs)
    ]
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, np.reshape(expected, scores.shape), atol=1e-5)


@pytest.mark.parametrize("n_tokens", [1, 7, 8, 9, 31, 32, 33, 70])
@pytest.mark.parametrize("dim", [1, 8, 20])
def test_queries_of_any_length_and_width_agree_with_brute_force(n_tokens: int, dim: int) -> None:
    queries, documents = random_sets(0, [n_tokens], dim), random_sets(1, [5, 0, 1, 40], dim)
    expected = [chamfer(queries.doc(0), documents.doc(d)) for d in range(4)]
    np.testing.assert_allclose(maxsim(queries, documents, [[0, 1, 2, 3]])[0], expected, rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=50)
@given(queries=coded_sets(dim=DIM, min_docs=1, min_tokens=1), documents=coded_sets(dim=DIM))
def test_bytes_do_not_depend_on_the_layout(queries: MultiVectors, documents: MultiVectors) -> None:
    docs = every(queries, documents)
    scores = maxsim(queries, documents, docs).tobytes()
    assert maxsim(plain(queries), documents, docs).tobytes() == scores
    assert maxsim(queries, plain(documents), docs).tobytes() == scores


def coded_example() -> tuple[MultiVectors, MultiVectors]:
    random = np.random.default_rng(3)
    table = random_sets(4, [50], 20).vectors
    sizes = random.integers(0, 30, 400)
    sizes[:3] = 0, 1, 29
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    codes = random.integers(0, 50, offsets[-1]).astype(np.int32)
    return random_sets(5, [3, 40, 8, 1], 20), MultiVectors(vectors=table, offsets=offsets, codes=codes)


def test_bytes_do_not_depend_on_threads_batches_or_company(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, documents = coded_example()
    docs = every(queries, documents)
    scores = maxsim(queries, documents, docs)
    alone = np.stack(
        [
            [maxsim(queries.slice(q, q + 1), documents, [[d]])[0, 0] for d in range(documents.n_docs)]
            for q in range(queries.n_docs)
        ]
    )
    assert alone.tobytes() == scores.tobytes()
    top = exact_top(queries, documents, 7)
    monkeypatch.setattr(module, "_CANDIDATES_PER_CALL", 11)
    monkeypatch.setattr(module, "_TOKENS_PER_CALL", 100)
    for layout in (documents, plain(documents)):
        for n_threads in (1, 3):
            assert maxsim(queries, layout, docs, n_threads).tobytes() == scores.tobytes()
            for found, expected in zip(exact_top(queries, layout, 7, n_threads), top, strict=True):
                assert found.tobytes() == expected.tobytes()


def test_no_candidate_and_no_tokens_both_score_minus_infinity() -> None:
    documents = MultiVectors.from_list([[[1.0]], []])
    scores = maxsim(MultiVectors.from_list([[[-2.0]]]), documents, [[-1, 0, 1]])
    assert scores.tolist() == [[-np.inf, -2.0, -np.inf]]


def test_a_query_tokens_length_is_its_weight() -> None:
    documents = MultiVectors.from_list([[[1.0, 0.0]], [[0.0, 1.0]]])
    queries = MultiVectors.from_list([[[3.0, 0.0], [0.0, 1.0]]])
    assert maxsim(queries, documents, [[0, 1]]).tolist() == [[3.0, 1.0]]


@settings(deadline=None, max_examples=100)
@given(
    queries=coded_sets(dim=2, min_docs=1, max_docs=3, min_tokens=1),
    documents=coded_sets(dim=2, max_docs=9),
    k=st.integers(1, 12),
)
def test_the_exact_top_is_the_sorted_list_with_ties_by_row(
    queries: MultiVectors, documents: MultiVectors, k: int
) -> None:
    docs, scores = exact_top(queries, documents, k)
    assert docs.shape == scores.shape == (queries.n_docs, k)
    all_scores = maxsim(queries, documents, every(queries, documents))
    for q in range(queries.n_docs):
        order = sorted((-score, d) for d, score in enumerate(all_scores[q].tolist()) if score > -np.inf)[:k]
        missing = k - len(order)
        assert docs[q].tolist() == [d for _, d in order] + [-1] * missing
        assert scores[q].tolist() == [-score for score, _ in order] + [-np.inf] * missing


@settings(deadline=None, max_examples=100)
@given(
    scores=st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 2.5, np.nan]) | st.floats(-3, 3, width=32)),
    k=st.integers(0, 8),
)
def test_top_rows_is_the_head_of_the_sorted_list(scores: list[float], k: int) -> None:
    order = sorted((-score, row) for row, score in enumerate(scores) if np.isfinite(score))
    assert top_rows(np.array(scores, dtype=np.float32), k).tolist() == [row for _, row in order][:k]


@settings(deadline=None, max_examples=50)
@given(queries=coded_sets(dim=DIM, min_docs=1, min_tokens=1), documents=coded_sets(dim=DIM, min_docs=1))
def test_matches_name_the_best_token_and_add_up_to_the_score(queries: MultiVectors, documents: MultiVectors) -> None:
    docs = every(queries, documents)
    for layout in (documents, plain(documents)):
        positions, similarities = maxsim_matches(queries, layout, docs, n_threads=2)
        scores = maxsim(queries, layout, docs)
        for q in range(queries.n_docs):
            n_tokens = queries.doc(q).shape[0]
            for d in range(documents.n_docs):
                if documents.doc(d).shape[0] == 0:
                    assert (positions[q, d] == -1).all()
                    assert (similarities[q, d] == -np.inf).all()
                    continue
                products = queries.doc(q).astype(np.float64) @ documents.doc(d).astype(np.float64).T
                assert positions[q, d, :n_tokens].tolist() == products.argmax(axis=1).tolist()
                assert (positions[q, d, n_tokens:] == -1).all()
                total = np.float32(0)
                for similarity in similarities[q, d, :n_tokens]:
                    total += similarity
                assert total == scores[q, d]


def test_matches_leave_pads_alone() -> None:
    positions, similarities = maxsim_matches(
        MultiVectors.from_list([[[1.0]]]), MultiVectors.from_list([[[2.0]]]), [[-1, 0]]
    )
    assert positions.tolist() == [[[-1], [0]]]
    assert similarities.tolist() == [[[-np.inf], [2.0]]]


def test_questions_that_cannot_be_answered_are_refused() -> None:
    documents, queries = random_sets(0, [2, 3], 4), random_sets(1, [1], 4)
    with pytest.raises(InvalidQuery, match="query 1 has no tokens"):
        maxsim(random_sets(1, [1, 0], 4), documents, [[0], [1]])
    with pytest.raises(InvalidQuery, match="3 wide"):
        exact_top(random_sets(1, [1], 3), documents, 1)
    with pytest.raises(InvalidQuery, match="k is 0"):
        exact_top(queries, documents, 0)
    for candidates in ([[2]], [[-2]], [[0], [1]], [0]):
        with pytest.raises(InvalidInput):
            maxsim(queries, documents, candidates)
