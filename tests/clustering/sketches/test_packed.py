"""b-bit rows: their estimates, and the memory they take."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.minhash import MinHashParams, minhash
from clustering.sketches.packed import PackedSignatures, pack, packed_similarity
from foundation.errors import InvalidInput, InvalidParams
from tests.clustering.strategies import as_csr, set_families


@settings(deadline=None, max_examples=60)
@given(sets=set_families(), num_perm=st.sampled_from([1, 7, 64, 65, 130]), bits=st.sampled_from([1, 2, 8]))
def test_equal_sets_are_estimated_as_equal_and_empty_ones_as_nothing(
    sets: list[list[int]], num_perm: int, bits: int
) -> None:
    signatures = minhash(*as_csr(sets), MinHashParams(num_perm=num_perm))
    packed = pack(signatures, bits)
    assert packed.words.shape == (len(sets), -(-num_perm * bits // 64))
    found = packed_similarity(packed, packed)
    assert np.all(found.standard_error > 0)
    for i, members in enumerate(sets):
        for j, others in enumerate(sets):
            if not members or not others:
                assert found.estimate[i, j] == 0
            elif set(members) == set(others):
                assert found.estimate[i, j] == 1


@pytest.mark.parametrize("bits", [1, 2, 8])
def test_slots_that_agree_are_counted_as_agreeing(bits: int) -> None:
    rng = np.random.default_rng(0)
    left = rng.integers(0, 2**31, (6, 200), dtype=np.uint32)
    right = left.copy()
    right[:, ::3] = rng.integers(0, 2**31, (6, 67), dtype=np.uint32)
    share = np.diag(packed_similarity(pack(left, bits), pack(right, bits)).estimate) * (1 - 2.0**-bits) + 2.0**-bits
    assert np.all(share >= np.mean(left == right, axis=1))
    assert np.all(share <= np.mean(left == right, axis=1) + (1 if bits < 8 else 0.05) * 67 / 200)


@pytest.mark.parametrize(("bits", "variance"), [(1, 9.1e-4), (2, 4.4e-4), (8, 2.13e-4)])
def test_estimates_have_the_mean_and_variance_of_theory(bits: int, variance: float) -> None:
    # J = .3: 30 shared of 100.
    left, right = list(range(65)), list(range(35, 100))
    found = []
    for seed in range(1600):
        signatures = minhash(*as_csr([left, right]), MinHashParams(num_perm=1000, seed=seed))
        packed = pack(signatures, bits)
        found.append(packed_similarity(packed, packed).estimate[0, 1])
    assert np.mean(found) == pytest.approx(0.3, abs=0.005)
    # The variance of 1,600 values has a standard error of 3.5 %.
    assert np.var(found) == pytest.approx(variance, rel=0.15)


def test_estimates_of_the_smallest_sets_have_the_variance_of_theory() -> None:
    # One element each: the same pair meets in every slot, and must not agree in all of them or none.
    found = []
    for seed in range(300):
        packed = pack(minhash(*as_csr([[1], [2]]), MinHashParams(num_perm=128, seed=seed)), 1)
        found.append(packed_similarity(packed, packed).estimate[0, 1])
    assert np.var(found) == pytest.approx(1 / 128, rel=0.35)


def test_threads_change_nothing() -> None:
    signatures = np.random.default_rng(0).integers(0, 2**32, (40_000, 9), dtype=np.uint32)
    assert pack(signatures, 2, n_threads=3).words.tobytes() == pack(signatures, 2).words.tobytes()


def test_what_does_not_go_together_is_refused() -> None:
    signatures = np.zeros((2, 64), dtype=np.uint32)
    with pytest.raises(InvalidInput, match="64 slots of 1 bits beside 64 of 2"):
        packed_similarity(pack(signatures, 1), pack(signatures, 2))
    for bits in (0, 3, 16, True):
        with pytest.raises(InvalidParams, match="1, 2 or 8"):
            pack(signatures, bits)
    with pytest.raises(InvalidInput, match=r"\(n, 1\)"):
        PackedSignatures(np.zeros((2, 2), dtype=np.uint64), 64, 1, np.zeros(2, dtype=bool))
