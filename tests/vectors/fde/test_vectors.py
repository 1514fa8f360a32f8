"""Encodings by explicit vectors: the bytes of plain loops, and of NumPy where sums have an order to be held to."""

from __future__ import annotations

import dataclasses
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest

import vectors.fde.encode as module
import vectors.fde.plan as plan
from foundation.errors import InvalidInput
from foundation.kernels.means import write_mean
from foundation.kernels.rows import has_vectors
from foundation.kernels.simd import Registers
from tests.vectors.strategies import random_sets
from vectors.fde.encode import FDEParams, encode_documents, encode_queries, fde_matrices, new_encodings
from vectors.fde.params import MODES
from vectors.tokens.multivector import MultiVectors

needs_vectors = pytest.mark.skipif(not has_vectors(), reason="this processor has no such vectors")


def ragged(dim: int) -> MultiVectors:
    """Documents of 0 to 90 tokens; some tokens are zero, or sparse, or repeated."""
    sets = random_sets(dim, [0, 1, 3, 90, 2, 0, 40, 7, 17], dim)
    rows = sets.vectors.copy()
    rows[::9] = 0.0
    rows[1::9, 1:] = 0.0
    rows[2::9] = rows[3]
    return MultiVectors(vectors=rows, offsets=sets.offsets)


@needs_vectors
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("dim", "options"),
    [
        (128, {}),
        (100, {"d_proj": 32, "k_sim": 4, "num_repetitions": 7}),
        (384, {"num_repetitions": 3, "fill_empty": False, "d_final": 70}),
        (16, {"num_repetitions": 9, "k_sim": 6}),
        (24, {"d_proj": 8, "k_sim": 8, "num_repetitions": 3, "d_whole": 5}),
        (48, {"d_proj": None, "k_sim": 3, "num_repetitions": 2}),
        (33, {"k_sim": 0, "num_repetitions": 5}),
    ],
)
def test_vectors_and_loops_give_the_same_bytes(mode: str, dim: int, options: dict[str, Any]) -> None:
    sets = ragged(dim)
    params = dataclasses.replace(FDEParams(mode=mode), **options)
    for encode in (encode_documents, encode_queries):
        assert encode(sets, params).tobytes() == encode(sets, params, vectors=False).tobytes()


@pytest.mark.parametrize("vectors", [True, False])
def test_half_precision_is_the_rounded_single_precision(vectors: bool) -> None:
    sets = ragged(32)
    for params in (FDEParams(num_repetitions=2), FDEParams(num_repetitions=2, d_proj=5, d_final=31, d_whole=3)):
        halves = encode_documents(sets, params, dtype=np.float16, vectors=vectors)
        assert halves.dtype == np.float16
        assert halves.tobytes() == encode_documents(sets, params).astype(np.float16).tobytes()


def reference_products(rows: npt.NDArray[np.float32], normals: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """float32 sums of rounded products in the order of the dimensions."""
    sums = np.zeros((rows.shape[0], normals.shape[1]), dtype=np.float32)
    for d in range(rows.shape[1]):
        sums += rows[:, d, None] * normals[d]
    return sums


@pytest.mark.parametrize("vectors", [True, False])
def test_signs_near_zero_are_those_of_rounded_sums_in_order(vectors: bool) -> None:
    params = FDEParams(num_repetitions=1, k_sim=1, d_proj=None, mode="reference")
    matrices = fde_matrices(64, params)
    assert matrices.simhash is not None
    normal = matrices.simhash[0, :, 0].astype(np.float64)
    rows = np.random.default_rng(0).standard_normal((400, 64))
    rows -= np.outer(rows @ normal, normal) / (normal @ normal)  # products are rounding errors and nothing else
    rows = rows.astype(np.float32)
    sums = reference_products(rows, matrices.simhash[0])[:, 0]
    assert np.count_nonzero((sums > 0) != (rows.astype(np.float64) @ normal > 0)) > 10
    sets = MultiVectors(vectors=rows, offsets=np.arange(401, dtype=np.int64))
    encoded = encode_queries(sets, params, matrices=matrices, vectors=vectors).reshape(400, 2, 64)
    np.testing.assert_array_equal(encoded.any(axis=2).argmax(axis=1), sums > 0)


@pytest.mark.parametrize("vectors", [True, False])
@pytest.mark.parametrize("d_proj", [8, 16])  # products with ±1/√8 round, those with ±1/4 do not
def test_values_are_rounded_sums_in_order(vectors: bool, d_proj: int) -> None:
    params = FDEParams(num_repetitions=2, k_sim=0, d_proj=d_proj, mode="reference")
    matrices = fde_matrices(40, params)
    assert matrices.projection is not None
    rows = random_sets(3, [50], 40).vectors
    sets = MultiVectors(vectors=rows, offsets=np.arange(51, dtype=np.int64))
    expected = np.concatenate([reference_products(rows, one) for one in matrices.projection], axis=1)
    assert encode_queries(sets, params, vectors=vectors).tobytes() == expected.tobytes()


@numba.njit
def divide_lines(lanes: Any, block: Any, counts: Any, inverses: Any, out: Any) -> None:
    for i in range(counts.size):
        write_mean(lanes, 16, out, i * 16, block, i * 16, counts[i], inverses[i])


@pytest.mark.parametrize("vectors", [True, False])
def test_means_are_correctly_rounded(vectors: bool) -> None:
    if vectors and not has_vectors():
        pytest.skip("this processor has no such vectors")
    random = np.random.default_rng(0)
    counts = np.concatenate([np.arange(1, 2000), random.integers(1, 1 << 20, 2000)]).astype(np.float32)
    block = (random.standard_normal((counts.size, 16)) * 2.0 ** random.integers(-60, 60, (counts.size, 1))).astype(
        np.float32
    )
    block[0] = -0.0
    out = np.empty_like(block)
    lanes = Registers(1) if vectors else np.empty(0, dtype=np.float32)
    divide_lines(lanes, block, counts, np.float32(1) / counts, out)
    assert out.tobytes() == (block / counts[:, None]).tobytes()


def test_encodings_are_written_where_one_says() -> None:
    sets, params = ragged(32), FDEParams(num_repetitions=2, k_sim=4)
    expected = encode_documents(sets, params)
    assert new_encodings(3, 7).ctypes.data % 64 == 0
    room = np.full((sets.n_docs + 2, expected.shape[1]), np.nan, dtype=np.float32)
    assert encode_documents(sets, params, out=room[1:-1]) is not None
    assert room[1:-1].tobytes() == expected.tobytes()
    assert np.isnan(room[[0, -1]]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("shift", [0, 3])
def test_bytes_do_not_depend_on_how_they_are_written(shift: int, dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    sets, params = ragged(128), FDEParams(num_repetitions=11)
    expected = encode_documents(sets, params, dtype=dtype)
    streamed = []
    finish = plan.new_finish

    def seen(*arguments: Any, **options: Any) -> Any:
        streamed.append(finish(*arguments, **options).streams)
        return finish(*arguments, **options)

    monkeypatch.setattr(plan, "_STREAMED", 1)
    monkeypatch.setattr(module, "new_finish", seen)
    room = new_encodings(1, expected.size + shift, dtype)[0, shift:].reshape(expected.shape)
    assert encode_documents(sets, params, out=room).tobytes() == expected.tobytes()
    assert streamed == [shift == 0]


@pytest.mark.parametrize("block", [1, 5000])
def test_bytes_do_not_depend_on_how_many_repetitions_are_summed_at_once(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets, params = ragged(64), FDEParams(num_repetitions=7)
    expected = encode_documents(sets, params)
    monkeypatch.setattr(plan, "_SUMMED_BYTES", block)
    assert encode_documents(sets, params).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "out",
    [
        np.empty((9, 511), dtype=np.float32),
        np.empty((8, 512), dtype=np.float32),
        np.empty((9, 512), dtype=np.float64),
        np.empty((512, 9), dtype=np.float32).T,
    ],
)
def test_memory_that_does_not_fit_is_refused(out: npt.NDArray[Any]) -> None:
    with pytest.raises(InvalidInput, match="fixed dimensional encodings"):
        encode_documents(ragged(32), FDEParams(num_repetitions=2, k_sim=4), out=out)


def test_a_document_of_too_many_tokens_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TOKENS", 90)
    with pytest.raises(InvalidInput, match="a document has 90 tokens"):
        encode_documents(ragged(32), FDEParams())
