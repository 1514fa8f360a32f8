"""Token vectors in fewer bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams
from tests.vectors.strategies import coded_sets, plain, random_sets
from vectors.tokens.maxsim import maxsim
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import PackedTokens, Storage, pack_parts, pack_tokens
from vectors.tokens.residuals import Codebook

DIM = 5
BOOKS = {
    bits: Codebook(
        centroids=np.array([[0.0] * DIM, [1.0] * DIM], np.float32), widths=np.full(DIM, 0.25, np.float32), bits=bits
    )
    for bits in (2, 4)
}
KINDS: list[tuple[Storage, Codebook | None]] = [
    ("float16", None),
    ("bfloat16", None),
    ("int8", None),
    ("residual", BOOKS[2]),
    ("residual", BOOKS[4]),
]
ids = ["float16", "bfloat16", "int8", "residual 2", "residual 4"]
kinds = pytest.mark.parametrize(("storage", "book"), KINDS, ids=ids)


def by_numpy(vectors: np.ndarray, storage: Storage, book: Codebook | None) -> np.ndarray:
    """What packed vectors stand for, by the definition."""
    if storage == "float16":
        return vectors.astype(np.float16).astype(np.float32)
    if storage == "bfloat16":
        bits = vectors.view(np.uint32).astype(np.uint64)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)
    if storage == "int8":
        scale = np.abs(vectors).max(axis=1, keepdims=True) / np.float32(127)
        return np.rint(vectors / np.where(scale > 0, scale, 1)) * scale
    assert book is not None
    squares = ((vectors[:, None].astype(np.float64) - book.centroids) ** 2).sum(axis=2)
    centre = book.centroids[squares.argmin(axis=1)]
    most = 2**book.bits - 1
    codes = np.clip(np.rint((vectors.astype(np.float64) - centre) / book.widths + most / 2), 0, most)
    return centre + book.widths * (codes - most / 2).astype(np.float32)


@kinds
@settings(deadline=None, max_examples=40)
@given(sets=coded_sets(dim=DIM))
def test_what_comes_back_is_what_the_definition_says(
    storage: Storage, book: Codebook | None, sets: MultiVectors
) -> None:
    packed = pack_tokens(sets, storage, book)
    assert (packed.n_docs, packed.n_tokens, packed.dim) == (sets.n_docs, sets.n_tokens, DIM)
    written_out = plain(sets)
    expected = by_numpy(written_out.vectors, storage, book)
    np.testing.assert_allclose(packed.to_multivectors().vectors, expected, rtol=2e-6, atol=1e-6)
    for doc in range(sets.n_docs):
        start, stop = sets.offsets[doc], sets.offsets[doc + 1]
        np.testing.assert_allclose(packed.doc(doc), expected[start:stop], rtol=2e-6, atol=1e-6)


@kinds
@settings(deadline=None, max_examples=20)
@given(sets=coded_sets(dim=DIM), data=st.data())
def test_bytes_do_not_depend_on_the_layout_ranges_or_threads(
    storage: Storage, book: Codebook | None, sets: MultiVectors, data: st.DataObject
) -> None:
    packed = pack_tokens(sets, storage, book)
    cut = data.draw(st.integers(0, sets.n_docs))
    parts = list(pack_parts([sets.slice(0, cut), plain(sets).slice(cut, sets.n_docs)], storage, book, 2))
    for name in ("rows", "scales", "chosen"):
        whole = getattr(packed, name)
        if whole is not None:
            assert np.concatenate([getattr(part, name) for part in parts]).tobytes() == whole.tobytes()
    piece = packed.slice(cut, sets.n_docs)
    assert piece.to_multivectors().vectors.tobytes() == parts[1].to_multivectors().vectors.tobytes()


@kinds
def test_many_tokens_are_packed_alike_by_any_number_of_threads(storage: Storage, book: Codebook | None) -> None:
    sets = random_sets(0, [20_000, 0, 1], DIM)
    one, many = (pack_tokens(sets, storage, book, n) for n in (1, 3))
    assert one.rows.tobytes() == many.rows.tobytes()
    assert one.decoded(7, 19_000, 1).tobytes() == many.decoded(7, 19_000, 3).tobytes()


@pytest.mark.parametrize(
    ("storage", "book", "dim", "expected"),
    [
        ("float16", None, 128, 256),
        ("bfloat16", None, 127, 256),
        ("int8", None, 126, 132),
        ("residual", 2, 128, 34),
        ("residual", 4, 128, 66),
        ("residual", 2, 17, 10),
    ],
)
def test_a_token_takes_the_bytes_it_is_said_to(storage: Storage, book: int | None, dim: int, expected: int) -> None:
    zeros = np.zeros((1, dim), np.float32)
    codebook = None if book is None else Codebook(centroids=zeros, widths=np.ones(dim, np.float32), bits=book)
    packed = pack_tokens(random_sets(0, [30, 2], dim), storage, codebook)
    beside = 0 if codebook is None else 4 * dim * 2
    assert packed.nbytes == 32 * expected + beside


def test_extreme_numbers_survive() -> None:
    extremes = MultiVectors.from_list([[[3.4e38, -3.4e38], [1e-45, 0.0], [0.0, -0.0], [1e-30, -1e-38]]])
    for storage in ("bfloat16", "int8"):
        decoded = pack_tokens(extremes, storage).to_multivectors().vectors
        assert np.isfinite(decoded).all()
        np.testing.assert_allclose(decoded[0], extremes.vectors[0], rtol=0.01)
        np.testing.assert_allclose(decoded, extremes.vectors, rtol=0.01, atol=1e-30)
    with pytest.raises(InvalidInput, match="float16 ends at 65504"):
        pack_tokens(extremes, "float16")


@kinds
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(storage: Storage, book: Codebook | None, bad: float) -> None:
    vectors = np.zeros((3, DIM), dtype=np.float32)
    vectors[1, 2] = bad
    with pytest.raises(InvalidInput, match="NaN or infinite"):
        pack_tokens(MultiVectors(vectors=vectors, offsets=np.array([0, 3])), storage, book)


def test_vectors_too_wide_for_sums_of_bytes_are_refused() -> None:
    most = MultiVectors.from_list([np.ones((1, 1 << 16))])
    query = MultiVectors.from_list([-np.ones((1, 1 << 16))])
    assert maxsim(query, pack_tokens(most, "int8"), [[0]], fidelity="int8")[0, 0] == pytest.approx(-65536)
    with pytest.raises(InvalidInput, match="int8 takes at most 65536"):
        pack_tokens(MultiVectors.from_list([np.ones((1, (1 << 16) + 1))]), "int8")


def test_a_codebook_must_fit() -> None:
    sets = random_sets(0, [3], 4)
    unknown: Any = "float8"
    with pytest.raises(InvalidParams, match="float8"):
        pack_tokens(sets, unknown)
    for storage, book in (("residual", None), ("residual", BOOKS[2]), ("int8", BOOKS[2])):
        with pytest.raises(InvalidInput, match="codebook"):
            pack_tokens(sets, storage, book)  # type: ignore[arg-type]


@kinds
def test_arrays_that_do_not_fit_are_refused(storage: Storage, book: Codebook | None) -> None:
    packed = pack_tokens(random_sets(0, [3, 0, 2], DIM), storage, book)
    good = {
        name: getattr(packed, name) for name in ("storage", "dim", "offsets", "rows", "scales", "chosen", "codebook")
    }
    PackedTokens(**good)
    wrongs: list[dict[str, Any]] = [
        {"rows": packed.rows[:, :-1]},
        {"rows": packed.rows.astype(np.int64)},
        {"rows": np.asfortranarray(packed.rows)},
        {"offsets": np.array([0, 3, 3, 4])},
        {"offsets": np.array([0, 4, 3, 5])},
        {"dim": DIM + 5},
        {"scales": np.ones(4, np.float32)},
        {"chosen": np.ones(4, np.uint16)},
        {"chosen": None if packed.chosen is not None else np.zeros(5, np.uint16)},
        {"scales": None if packed.scales is not None else np.zeros(5, np.float32)},
    ]
    if packed.chosen is not None:
        wrongs.append({"chosen": np.full(5, 2, np.uint16)})
    for wrong in wrongs:
        with pytest.raises(InvalidInput):
            PackedTokens(**{**good, **wrong})
