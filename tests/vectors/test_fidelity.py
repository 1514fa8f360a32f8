"""MaxSim of packed documents and at lower fidelity, beside its definition, and by plain loops instead of vectors."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vectors.tokens.late_interaction as module
from foundation.errors import InvalidInput, InvalidParams, InvalidQuery
from foundation.kernels.matrix_unit import has_matrix_unit
from foundation.kernels.tiles import new_tile
from tests.oracles.maxsim import chamfer
from tests.vectors.strategies import coded_sets, random_sets
from vectors.tokens.late_interaction import Fidelity, fidelities
from vectors.tokens.maxsim import exact_top, maxsim, maxsim_matches
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import PackedTokens, Storage, pack_tokens
from vectors.tokens.reranking import reranked_top
from vectors.tokens.residuals import Codebook, ResidualParams, train_codebook

SIZES = [40, 0, 1, 7, 8, 9, 80, 0, 3] + [20] * 30
STORAGES: list[tuple[Storage, int]] = [("float16", 0), ("bfloat16", 0), ("int8", 0), ("residual", 2), ("residual", 4)]
# Of a query token's product with unit vectors: bfloat16 has 8 bits, int8 about 7 beside a vector's largest number.
TOLERANCE = {"exact": 1e-6, "bfloat16": 0.01, "int8": 0.02}


def documents(dim: int = 20) -> MultiVectors:
    return random_sets(3, SIZES, dim)


def queries(dim: int = 20) -> MultiVectors:
    return random_sets(4, [5, 40, 16, 1, 33], dim)


def packed(storage: Storage, bits: int, dim: int = 20) -> PackedTokens:
    sets = documents(dim)
    book = train_codebook(sets.vectors, 16, ResidualParams(bits=bits, n_centroids=16)) if bits else None
    return pack_tokens(sets, storage, book)


def everything(asked: MultiVectors, sets: Any) -> np.ndarray:
    return np.tile(np.arange(sets.n_docs), (asked.n_docs, 1))


def by_definition(asked: MultiVectors, sets: Any) -> np.ndarray:
    return np.array([[chamfer(asked.doc(q), sets.doc(d)) for d in range(sets.n_docs)] for q in range(asked.n_docs)])


@pytest.mark.parametrize(("storage", "bits"), STORAGES)
@pytest.mark.parametrize("dim", [1, 17, 20])
def test_packed_documents_score_as_what_they_are_decoded_to(storage: Storage, bits: int, dim: int) -> None:
    sets, asked = packed(storage, bits, dim), queries(dim)
    expected, lengths = by_definition(asked, sets), np.diff(asked.offsets)[:, None]
    for fidelity in fidelities(sets):
        scores = maxsim(asked, sets, everything(asked, sets), fidelity=fidelity)
        filled = np.isfinite(expected)
        assert (np.isfinite(scores) == filled).all()
        off = np.abs(scores[filled] - expected[filled]) / np.broadcast_to(lengths, scores.shape)[filled]
        assert off.max() <= TOLERANCE[fidelity]


@pytest.mark.parametrize("fidelity", ["bfloat16", "int8"])
def test_plain_documents_are_packed_for_the_call(fidelity: Fidelity) -> None:
    sets, asked = documents(), queries()
    candidates = np.array([[3, -1, 6, 1], [0, 0, -1, 8], [-1] * 4, [1, 2, 3, 4], [8, 7, 6, 5]])
    scores = maxsim(asked, sets, candidates, fidelity=fidelity)
    beforehand = maxsim(asked, pack_tokens(sets, fidelity), candidates, fidelity=fidelity)
    assert scores.tobytes() == beforehand.tobytes()
    assert np.isneginf(scores[2]).all()


def plain_tile(product: Any, n_lanes: int, *, vectors: bool) -> Any:
    return new_tile(product, n_lanes, vectors=False)


@pytest.mark.parametrize(("storage", "bits"), STORAGES)
def test_plain_loops_give_the_same_bytes(storage: Storage, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sets, asked = packed(storage, bits), queries()
    runs = [partial(maxsim, asked, sets, everything(asked, sets), fidelity=each) for each in fidelities(sets)]
    fast = [run().tobytes() for run in runs]
    monkeypatch.setattr(module, "new_tile", plain_tile)
    assert [run().tobytes() for run in runs] == fast


def test_plain_loops_give_the_same_bytes_of_plain_and_coded_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    sets, asked = documents(), queries()
    codes = np.random.default_rng(0).integers(0, 50, sets.n_tokens).astype(np.int32)
    coded = MultiVectors(vectors=sets.vectors[:50], offsets=sets.offsets, codes=codes)
    runs = [partial(maxsim, asked, each, everything(asked, sets)) for each in (sets, coded)]
    fast = [run().tobytes() for run in runs]
    monkeypatch.setattr(module, "new_tile", plain_tile)
    assert [run().tobytes() for run in runs] == fast


@pytest.mark.skipif(not has_matrix_unit(), reason="this processor has no matrix unit, or keeps it to itself")
@pytest.mark.parametrize(("storage", "bits"), [("int8", 0), ("residual", 4), ("residual", 2)])
@pytest.mark.parametrize("dim", [64, 192])
def test_the_matrix_unit_gives_the_same_bytes(
    dim: int, storage: Storage, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets, asked = random_sets(3, [0, 1, 15, 16, 17, 32, 33, 70], dim), random_sets(5, [1, 16, 17, 32, 40], dim)
    book = train_codebook(sets.vectors, 9, ResidualParams(bits=bits)) if bits else None
    kept = pack_tokens(sets, storage, book)
    run = partial(maxsim, asked, kept, everything(asked, kept), fidelity="int8")
    fast = run().tobytes()
    monkeypatch.setattr(module, "has_matrix_unit", lambda: False)
    assert run().tobytes() == fast
    monkeypatch.setattr(module, "new_tile", plain_tile)
    assert run().tobytes() == fast


@pytest.mark.parametrize(("storage", "bits"), STORAGES)
def test_bytes_depend_on_the_pair_alone(storage: Storage, bits: int) -> None:
    sets, asked = packed(storage, bits), queries()
    for fidelity in fidelities(sets):
        scores = maxsim(asked, sets, everything(asked, sets), fidelity=fidelity)
        assert maxsim(asked, sets, everything(asked, sets), 3, fidelity=fidelity).tobytes() == scores.tobytes()
        for doc in (0, 1, 2, 6, len(SIZES) - 1):
            one = maxsim(asked.slice(1, 2), sets.slice(doc, doc + 1), [[0]], fidelity=fidelity)
            assert one.tobytes() == scores[1, doc].tobytes()


@settings(deadline=None, max_examples=40)
@given(
    asked=coded_sets(dim=3, min_docs=1, max_docs=3, min_tokens=1),
    sets=coded_sets(dim=3, max_docs=9),
    k=st.integers(1, 6),
    data=st.data(),
)
def test_reranking_everything_is_the_exact_top(
    asked: MultiVectors, sets: MultiVectors, k: int, data: st.DataObject
) -> None:
    fast = pack_tokens(sets, "int8")
    wanted = exact_top(asked, sets, k)
    found = reranked_top(
        asked, sets, k, fast=fast, n_rerank=max(k, sets.n_docs), n_threads=data.draw(st.integers(1, 2))
    )
    for one, other in zip(found, wanted, strict=True):
        assert one.tobytes() == other.tobytes()
    docs = data.draw(st.permutations(range(-1, sets.n_docs)))[: data.draw(st.integers(0, sets.n_docs))]
    candidates = np.tile(np.array(docs, dtype=np.int64).reshape(1, -1), (asked.n_docs, 1))
    scores = maxsim(asked, sets, candidates)
    few, few_scores = reranked_top(asked, sets, k, candidates=candidates, fast=fast, n_rerank=10)
    for query in range(asked.n_docs):
        pairs = zip(scores[query].tolist(), docs, strict=True)
        order = sorted((-score, doc) for score, doc in pairs if score > -np.inf)[:k]
        assert few[query].tolist() == [doc for _, doc in order] + [-1] * (k - len(order))
        assert few_scores[query].tolist() == [-score for score, _ in order] + [-np.inf] * (k - len(order))


def test_the_exact_head_survives_the_fast_pass() -> None:
    sets, asked = random_sets(0, [20] * 500, 64), random_sets(1, [12] * 10, 64)
    book = train_codebook(sets.vectors[:4000], 64, ResidualParams(n_centroids=64))
    wanted = exact_top(asked, sets, 10)
    for fast, fidelity in (
        (pack_tokens(sets, "int8"), "int8"),
        (pack_tokens(sets, "bfloat16"), "bfloat16"),
        (pack_tokens(sets, "residual", book), "int8"),
        (pack_tokens(sets, "float16"), "exact"),
    ):
        n_rerank = 100 if fast.storage == "residual" else None
        found = reranked_top(asked, sets, 10, fast=fast, fidelity=fidelity, n_rerank=n_rerank)  # type: ignore[arg-type]
        assert found[0].tolist() == wanted[0].tolist()
        assert found[1].tobytes() == wanted[1].tobytes()


@pytest.mark.parametrize(("storage", "bits"), STORAGES)
def test_matches_of_packed_documents_add_up_to_the_exact_score(storage: Storage, bits: int) -> None:
    sets, asked = packed(storage, bits), queries()
    docs = [[0, 2, 6]] * asked.n_docs
    positions, similarities = maxsim_matches(asked, sets, docs)
    scores = maxsim(asked, sets, docs)
    for query in range(asked.n_docs):
        for i, doc in enumerate(docs[query]):
            n_tokens = asked.doc(query).shape[0]
            total = np.float32(0)
            for similarity in similarities[query, i, :n_tokens]:
                total += similarity
            assert total == scores[query, i]
            products = asked.doc(query).astype(np.float64) @ sets.doc(doc).astype(np.float64).T
            best = np.take_along_axis(products, positions[query, i, :n_tokens, None], axis=1)[:, 0]
            np.testing.assert_allclose(best, products.max(axis=1), atol=1e-6)


def test_fidelities_that_cannot_be_had_are_refused() -> None:
    sets, asked = documents(), queries()
    unknown: Any = "int4"
    candidates = everything(asked, sets)
    with pytest.raises(InvalidParams, match="int4"):
        maxsim(asked, sets, candidates, fidelity=unknown)
    with pytest.raises(InvalidParams, match="'exact' of float16 tokens"):
        maxsim(asked, pack_tokens(sets, "float16"), candidates, fidelity="int8")
    with pytest.raises(InvalidParams, match="pass fast"):
        reranked_top(asked, sets, 3)
    with pytest.raises(InvalidParams, match="the documents themselves"):
        reranked_top(asked, sets, 3, fast=pack_tokens(sets.slice(1, sets.n_docs), "int8"))
    fast = pack_tokens(sets, "int8")
    with pytest.raises(InvalidParams, match="n_rerank"):
        reranked_top(asked, sets, 3, fast=fast, n_rerank=2)
    with pytest.raises(InvalidQuery, match="k is 0"):
        reranked_top(asked, sets, 0, fast=fast)
    with pytest.raises(InvalidInput):
        reranked_top(asked, sets, 3, fast=fast, candidates=[[sets.n_docs]])
    with pytest.raises(InvalidQuery, match="wide"):
        reranked_top(queries(3), sets, 3, fast=fast)
    with pytest.raises(InvalidQuery, match="no tokens"):
        reranked_top(random_sets(0, [0], 20), sets, 3, fast=fast)


def test_a_codebook_of_one_centroid_and_no_width_scores_that_centroid() -> None:
    book = Codebook(centroids=np.array([[1.0, 2.0]], np.float32), widths=np.zeros(2, np.float32), bits=4)
    sets = pack_tokens(MultiVectors.from_list([[[5.0, 5.0]], [[0.0, 1.0], [1.0, 0.0]]]), "residual", book)
    asked = MultiVectors.from_list([[[1.0, 1.0], [0.0, -1.0]]])
    for fidelity in fidelities(sets):
        assert maxsim(asked, sets, [[0, 1]], fidelity=fidelity).tolist() == [[1.0, 1.0]]
