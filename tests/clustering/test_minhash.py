"""Signatures of sets."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.minhash import (
    MinHashParams,
    estimate_jaccard,
    is_empty,
    merge,
    minhash,
    signature_of,
    similarity,
    standard_error,
)
from clustering.neighbourhoods import neighbourhoods
from foundation.errors import InvalidInput, InvalidParams
from graph.csr import CSRGraph
from tests.clustering.email import email_eu_core
from tests.clustering.strategies import ELEMENTS, as_csr, set_families
from tests.oracles import minhash as oracle

SMALL = MinHashParams(num_perm=9, seed=4)


@settings(deadline=None, max_examples=100)
@given(sets=set_families(), num_perm=st.integers(1, 33), seed=st.integers(-3, 3))
def test_signatures_are_those_of_the_transcription(sets: list[list[int]], num_perm: int, seed: int) -> None:
    signatures = minhash(*as_csr(sets), MinHashParams(num_perm=num_perm, seed=seed))
    expected = [oracle.signature(members, num_perm, seed) for members in sets]
    assert signatures.dtype == np.uint32
    np.testing.assert_array_equal(signatures, np.array(expected, dtype=np.uint32).reshape(-1, num_perm))


@settings(deadline=None, max_examples=60)
@given(sets=set_families(), num_perm=st.sampled_from([1, 5, 31, 32, 33, 63, 127, 128, 129, 200, 255]))
def test_plain_loops_and_explicit_vectors_give_the_same_bytes(sets: list[list[int]], num_perm: int) -> None:
    params = MinHashParams(num_perm=num_perm, seed=1)
    vectors, plain = (minhash(*as_csr(sets), params, vectors=vectors) for vectors in (True, False))
    assert vectors.tobytes() == plain.tobytes()


def test_sets_longer_than_the_window_of_mixed_elements_are_whole() -> None:
    rng = np.random.default_rng(2)
    sets = [rng.integers(0, 2**31, size).tolist() for size in (1023, 1024, 1025, 3000, 1, 0, 2)]
    for num_perm in (9, 40, 150):
        expected = np.array([oracle.signature(members, num_perm, 1) for members in sets], dtype=np.uint32)
        for vectors in (True, False):
            found = minhash(*as_csr(sets), MinHashParams(num_perm=num_perm, seed=1), vectors=vectors)
            np.testing.assert_array_equal(found, expected)


@settings(deadline=None, max_examples=40)
@given(sets=set_families(), num_perm=st.sampled_from([7, 40]), vectors=st.booleans())
def test_a_set_can_have_its_own_number_as_an_element(sets: list[list[int]], num_perm: int, vectors: bool) -> None:
    params = MinHashParams(num_perm=num_perm, seed=1)
    with_self = [[*members, i] for i, members in enumerate(sets)]
    found = minhash(*as_csr(sets), params, include_self=True, vectors=vectors)
    np.testing.assert_array_equal(found, minhash(*as_csr(with_self), params))
    start = len(sets) // 2
    np.testing.assert_array_equal(minhash(*as_csr(sets), params, include_self=True, start=start), found[start:])


@settings(deadline=None, max_examples=100)
@given(left=st.lists(ELEMENTS), right=st.lists(ELEMENTS))
def test_signature_of_a_union_is_the_minimum(left: list[int], right: list[int]) -> None:
    merged = merge(signature_of(left, SMALL), signature_of(right, SMALL))
    np.testing.assert_array_equal(merged, signature_of(left + right, SMALL))


@settings(deadline=None, max_examples=50)
@given(members=st.lists(ELEMENTS, min_size=1), data=st.data())
def test_order_and_repetition_of_elements_change_nothing(members: list[int], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(members + members[:1]))
    np.testing.assert_array_equal(signature_of(shuffled, SMALL), signature_of(members, SMALL))


def test_permuted_edges_give_the_same_signatures() -> None:
    rng = np.random.default_rng(0)
    src, dst = rng.integers(0, 50, 400), rng.integers(0, 50, 400)
    order = rng.permutation(400)
    first, second = (CSRGraph.from_edges(s, d, n_nodes=50) for s, d in ((src, dst), (src[order], dst[order])))
    for direction in ("in", "out", "both"):
        one, other = (minhash(*neighbourhoods(graph, direction), SMALL) for graph in (first, second))
        np.testing.assert_array_equal(one, other)


def _many_sets() -> tuple[np.ndarray, np.ndarray]:
    """Enough elements for several ranges of work, in sets of uneven size with empty ones between."""
    rng = np.random.default_rng(5)
    sizes = rng.integers(0, 30, 70_000) * (rng.random(70_000) < 0.9)
    sizes[1000] = 20_000
    indptr = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    return indptr, rng.integers(0, 100_000, indptr[-1]).astype(np.int32)


def test_bytes_depend_neither_on_threads_nor_on_ranges() -> None:
    indptr, indices = _many_sets()
    params = MinHashParams(num_perm=6)
    whole = minhash(indptr, indices, params)
    assert minhash(indptr, indices, params, n_threads=3).tobytes() == whole.tobytes()
    cuts = [0, 1, 999, 1001, 30_000, 30_000, 70_000]
    parts = [minhash(indptr, indices, params, start=a, stop=b) for a, b in itertools.pairwise(cuts)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_mapped_files_and_wider_integers_give_the_same_bytes(tmp_path: Path) -> None:
    indptr, indices = _many_sets()
    indptr = indptr[:2001]
    np.save(tmp_path / "indptr.npy", indptr)
    np.save(tmp_path / "indices.npy", indices)
    whole = minhash(indptr, indices, SMALL)
    mapped = minhash(*(np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("indptr", "indices")), SMALL)
    assert mapped.tobytes() == whole.tobytes()
    for wider in (np.int64, np.uint32, np.uint64):
        assert minhash(indptr, indices.astype(wider), SMALL).tobytes() == whole.tobytes()
    high = np.array([2**63 + 5, 2**64 - 1], dtype=np.uint64)
    expected = oracle.signature(high.tolist(), SMALL.num_perm, SMALL.seed)
    assert minhash(np.array([0, 2]), high, SMALL)[0].tolist() == expected


def test_memory_given_for_the_result_is_used_or_refused() -> None:
    indptr, indices = as_csr([[1, 2], [], [3]])
    room = np.full((3, 9), 7, dtype=np.uint32)
    assert minhash(indptr, indices, SMALL, out=room) is room
    np.testing.assert_array_equal(room, minhash(indptr, indices, SMALL))
    for wrong in (room[:2], room.astype(np.int64), np.asfortranarray(room), np.broadcast_to(room[:1], (3, 9))):
        with pytest.raises(InvalidInput, match=r"uint32 \(3, 9\)"):
            minhash(indptr, indices, SMALL, out=wrong)


def test_a_short_signature_is_the_beginning_of_a_long_one() -> None:
    sets = as_csr([[1, 2, 3], [], [7]])
    long = minhash(*sets, MinHashParams(num_perm=40, seed=1))
    np.testing.assert_array_equal(minhash(*sets, MinHashParams(num_perm=16, seed=1)), long[:, :16])


def test_other_seeds_give_other_signatures() -> None:
    assert not np.any(signature_of(range(9), SMALL) == signature_of(range(9), MinHashParams(num_perm=9, seed=5)))


@settings(deadline=None, max_examples=50)
@given(sets=set_families())
def test_exactly_the_empty_sets_are_flagged(sets: list[list[int]]) -> None:
    signatures = minhash(*as_csr(sets), SMALL)
    np.testing.assert_array_equal(is_empty(signatures), [not members for members in sets])
    assert not np.any(signatures[~is_empty(signatures)] == 2**32 - 1)


@settings(deadline=None, max_examples=50)
@given(sets=set_families())
def test_estimates_are_shares_of_equal_slots_and_nothing_matches_the_empty_set(sets: list[list[int]]) -> None:
    signatures = minhash(*as_csr(sets), SMALL)
    expected = (signatures[:, None, :] == signatures[None, :, :]).mean(axis=2)
    empty = np.array([not members for members in sets], dtype=bool)
    expected[empty] = expected[:, empty] = 0
    np.testing.assert_allclose(estimate_jaccard(signatures, signatures), expected, atol=1e-15)


@pytest.mark.parametrize(("size", "shared"), [(6, 1), (40, 20), (300, 30), (300, 290)])
def test_estimates_are_unbiased_with_the_variance_of_independent_slots(size: int, shared: int) -> None:
    # Consecutive numbers are the worst case for a linear hash; the premixing has to take care of them.
    left, right = range(size), range(size - shared, 2 * size - shared)
    truth = oracle.jaccard(left, right)
    n_trials, num_perm = 400, 64
    estimates = np.array(
        [
            np.mean(signature_of(left, params) == signature_of(right, params))
            for params in (MinHashParams(num_perm=num_perm, seed=seed) for seed in range(n_trials))
        ]
    )
    theory = np.sqrt(truth * (1 - truth) / num_perm)
    assert abs(estimates.mean() - truth) < 4 * theory / np.sqrt(n_trials)
    # The standard deviation of 400 values has a standard error of 3.5 %.
    assert estimates.std() == pytest.approx(theory, rel=0.14)


def test_estimates_on_real_neighbourhoods_have_the_error_of_theory() -> None:
    graph, _ = email_eu_core()
    sets = neighbourhoods(graph, "in")
    filled = np.flatnonzero(np.diff(sets.indptr))
    pairs = np.random.default_rng(0).choice(filled, (3000, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    members = [sets.indices[sets.indptr[node] : sets.indptr[node + 1]] for node in range(graph.n_nodes)]
    truth = np.array([oracle.jaccard(members[u], members[v]) for u, v in pairs])
    # All pairs of one seed share its hash functions, so that one seed's root mean square varies by 6 %.
    num_perm, errors = 1000, []
    for seed in range(8):
        signatures = minhash(*sets, MinHashParams(num_perm=num_perm, seed=seed))
        errors.append(np.mean(signatures[pairs[:, 0]] == signatures[pairs[:, 1]], axis=1) - truth)
        assert abs(errors[-1].mean()) < 0.002
    theory = np.sqrt(np.mean(truth * (1 - truth)) / num_perm)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(theory, rel=0.1)


def test_similarities_row_by_row_come_with_their_standard_error() -> None:
    signatures = minhash(*as_csr([[1, 2, 3], [2, 3, 4], [], [9]]), MinHashParams(num_perm=200))
    found = similarity(signatures[[0, 0, 2, 0, 0]], signatures[[1, 0, 2, 3, 2]])
    assert found.estimate[0] == np.mean(signatures[0] == signatures[1])
    assert abs(found.estimate[0] - 0.5) < 4 * found.standard_error[0]
    assert found.estimate[1:].tolist() == [1, 0, 0, 0]
    np.testing.assert_array_equal(found.standard_error, standard_error(found.estimate, 200))
    broadcast = similarity(signatures[:1], signatures)
    np.testing.assert_array_equal(broadcast.estimate, estimate_jaccard(signatures[:1], signatures)[0])


def test_standard_error_is_that_of_a_share_and_never_zero() -> None:
    error = standard_error(np.array([0.0, 0.3, 1.0]), 1000)
    assert error[1] == pytest.approx(np.sqrt(0.3 * 0.7 / 1000), rel=1e-3)
    assert 0 < error[0] < 1e-3
    assert error[2] == pytest.approx(error[0])


@pytest.mark.parametrize("wrong", [{"num_perm": 0}, {"num_perm": 2.0}, {"num_perm": True}, {"seed": "0"}])
def test_params_that_cannot_run_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(wrong))):
        MinHashParams(**wrong)


@pytest.mark.parametrize(
    ("indptr", "indices", "limits"),
    [
        (np.array([0, 2]), np.zeros(1, np.int32), {}),
        (np.array([0, 1, 0]), np.zeros(1, np.int32), {}),
        (np.array([-1, 1]), np.zeros(1, np.int32), {}),
        (np.array([0, 1], np.int32), np.zeros(1, np.int32), {}),
        (np.array([0, 1]), np.zeros(1, np.uint16), {}),
        (np.array([0, 1]), np.zeros((1, 1), np.int32), {}),
        (np.array([], np.int64), np.zeros(0, np.int32), {}),
        (np.array([0, 1]), np.zeros(1, np.int32), {"start": 1, "stop": 2}),
        (np.array([0, 1]), np.zeros(1, np.int32), {"start": 1, "stop": 0}),
    ],
)
def test_arrays_that_are_no_sets_are_refused(indptr: np.ndarray, indices: np.ndarray, limits: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        minhash(indptr, indices, SMALL, **limits)


def test_signatures_of_different_lengths_are_not_compared() -> None:
    with pytest.raises(InvalidInput, match="num_perm"):
        estimate_jaccard(np.zeros((1, 4), np.uint32), np.zeros((1, 5), np.uint32))
    with pytest.raises(InvalidInput, match="num_perm"):
        similarity(np.zeros((1, 4), np.uint32), np.zeros((1, 5), np.uint32))
    with pytest.raises(InvalidInput, match="num_perm"):
        merge(np.zeros((2, 4), np.uint32), np.zeros((3, 4), np.uint32))
