"""Residual codes: centroids, widths, and the error they leave."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams
from tests.vectors.strategies import random_sets, token_table
from vectors.tokens.packed import pack_tokens
from vectors.tokens.residuals import Codebook, ResidualParams, assign, encode, sampled_tokens, train_codebook
from vectors.tokens.storage import PackingError


def clustered(n: int, dim: int = 32, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((40, dim))[random.integers(0, 40, n)] + 0.5 * random.standard_normal((n, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@settings(deadline=None, max_examples=50)
@given(vectors=token_table(dim=3, max_rows=30), centroids=token_table(dim=3, max_rows=40), data=st.data())
def test_every_token_gets_the_nearest_centroid_the_first_among_equals(
    vectors: np.ndarray, centroids: np.ndarray, data: st.DataObject
) -> None:
    book = Codebook(centroids=centroids, widths=np.ones(3, np.float32), bits=2)
    squares = ((vectors[:, None].astype(np.float64) - centroids) ** 2).sum(axis=2)  # exact: quarters
    chosen = assign(vectors, book)
    assert chosen.tolist() == squares.argmin(axis=1).tolist()
    cut = data.draw(st.integers(0, len(vectors)))
    assert assign(vectors[cut:], book).tolist() == chosen[cut:].tolist()


def error_of(vectors: np.ndarray, params: ResidualParams) -> dict[str, float]:
    book = train_codebook(vectors, params.centroids_for(len(vectors)), params)
    sets = random_sets(0, [len(vectors)], vectors.shape[1])
    packed = pack_tokens(type(sets)(vectors=vectors, offsets=sets.offsets), "residual", book)
    error = PackingError()
    error.add(vectors, packed.decoded(0, len(vectors)))
    return error.report()


def test_training_is_deterministic_and_more_bits_are_nearer() -> None:
    vectors = clustered(3000)
    params = ResidualParams(n_centroids=64, bits=4)
    one, two = (train_codebook(vectors, 64, params) for _ in range(2))
    assert one.centroids.tobytes() == two.centroids.tobytes()
    assert one.widths.tobytes() == two.widths.tobytes()
    coarse, fine = error_of(vectors, ResidualParams(n_centroids=64, bits=2)), error_of(vectors, params)
    assert coarse["mean_cosine"] < fine["mean_cosine"] < 1
    assert fine["mean_relative_l2"] < 0.5 * coarse["mean_relative_l2"]
    assert train_codebook(vectors, 64, ResidualParams(n_centroids=64, seed=1)).centroids.tobytes() != (
        one.centroids.tobytes()
    )


def quantile_error(vectors: np.ndarray, book: Codebook) -> float:
    """Mean relative distance with buckets of equally many, as ColBERTv2 cuts them, around the same centroids."""
    apart = vectors.astype(np.float64) - book.centroids[assign(vectors, book)]
    n = 2**book.bits
    cuts, means = np.quantile(apart, np.arange(1, n) / n), np.quantile(apart, (np.arange(n) + 0.5) / n)
    left = apart - means[np.searchsorted(cuts, apart)]
    return float(np.mean(np.linalg.norm(left, axis=1)))


@pytest.mark.parametrize("bits", [2, 4])
def test_equally_wide_buckets_are_nearer_than_equally_full_ones(bits: int) -> None:
    vectors = clustered(4000, dim=64)
    params = ResidualParams(bits=bits, n_centroids=64)
    book = train_codebook(vectors, 64, params)
    assert error_of(vectors, params)["mean_relative_l2"] < quantile_error(vectors, book)


def test_codes_of_a_row_depend_on_the_row_alone() -> None:
    vectors = clustered(9000)
    book = train_codebook(vectors[:2000], 32, ResidualParams(n_centroids=32))
    chosen, codes = encode(vectors, book, n_threads=3)
    alone = [encode(vectors[i : i + 1], book) for i in (0, 17, 8999)]
    for (one, row), i in zip(alone, (0, 17, 8999), strict=True):
        assert one[0] == chosen[i]
        assert row.tobytes() == codes[i].tobytes()


def test_degenerate_samples_still_give_a_codebook() -> None:
    nothing = train_codebook(np.zeros((0, 4), np.float32), 8, ResidualParams())
    assert nothing.centroids.tolist() == [[0.0] * 4]
    same = np.tile(np.array([[0.5, -1.0, 0.0, 2.0]], np.float32), (10, 1))
    book = train_codebook(same, 3, ResidualParams(n_centroids=3))
    assert np.isfinite(book.centroids).all()
    packed = pack_tokens(type(random_sets(0, [1], 4))(vectors=same, offsets=np.array([0, 10])), "residual", book)
    np.testing.assert_allclose(packed.decoded(0, 10), same, atol=1e-6)


def test_a_sample_depends_on_the_number_of_tokens_alone() -> None:
    params = ResidualParams(n_centroids=10, sample=5)
    rows = sampled_tokens(1000, params)
    assert rows.size == 50
    assert (np.diff(rows) > 0).all()
    assert rows.tolist() == sampled_tokens(1000, params).tolist()
    assert sampled_tokens(30, params).tolist() == list(range(30))


def test_the_number_of_centroids_follows_the_tokens() -> None:
    default = ResidualParams()
    assert [default.centroids_for(n) for n in (0, 1, 100, 80_000, 10**9)] == [1, 1, 32, 1024, 4096]
    assert ResidualParams(n_centroids=500).centroids_for(100) == 100


@pytest.mark.parametrize(
    "wrong",
    [{"bits": 3}, {"n_centroids": 0}, {"n_centroids": 65_537}, {"sample": 0}],
    ids=str,
)
def test_parameters_that_cannot_run_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(wrong))):
        ResidualParams(**wrong)


def test_a_codebook_that_makes_no_sense_is_refused() -> None:
    good = np.zeros((2, 3), np.float32)
    for centroids, widths, bits in (
        (good, good[0], 3),
        (good, good[0, :2], 2),
        (good[:0], good[0], 2),
        (good[0], good[0], 2),
    ):
        with pytest.raises(InvalidInput, match="bits"):
            Codebook(centroids=centroids, widths=widths, bits=bits)
