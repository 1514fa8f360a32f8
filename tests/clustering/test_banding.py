"""The S-curve and the choice of a split."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.banding import LSHParams, best_banding, collision_probability, nominal_threshold
from clustering.minhash import MinHashParams, signature_of
from foundation.errors import InvalidParams
from tests.oracles import minhash as oracle


@pytest.mark.parametrize(
    ("similarity", "n_bands", "n_rows", "probability"),
    [
        (0.05, 500, 2, 0.71394),
        (0.5, 20, 5, 0.47005),
        (0.8, 20, 5, 0.99964),
        (0.02, 500, 2, 0.1813),
        (0.1, 500, 2, 0.9934),
    ],
)
def test_collision_probability_has_its_published_values(
    similarity: float, n_bands: int, n_rows: int, probability: float
) -> None:
    assert collision_probability(similarity, n_bands, n_rows) == pytest.approx(probability, abs=5e-5)


def test_nominal_threshold_has_its_published_values() -> None:
    assert nominal_threshold(500, 2) == pytest.approx(0.04472, abs=5e-6)
    assert nominal_threshold(16, 8) == pytest.approx(0.70711, abs=5e-6)


@settings(max_examples=50)
@given(n_bands=st.integers(1, 500), n_rows=st.integers(1, 30))
def test_collision_probability_climbs_from_zero_to_one(n_bands: int, n_rows: int) -> None:
    curve = collision_probability(np.linspace(0, 1, 101), n_bands, n_rows)
    assert curve[0] == 0
    assert curve[-1] == 1
    assert np.all(np.diff(curve) >= 0)


def test_sets_meet_as_often_as_the_curve_says() -> None:
    left, right = range(60), range(30, 90)
    n_bands, n_rows, n_trials = 6, 2, 1500
    met = 0
    for seed in range(n_trials):
        params = MinHashParams(num_perm=n_bands * n_rows, seed=seed)
        first, second = signature_of(left, params).tolist(), signature_of(right, params).tolist()
        met += oracle.meet(first, second, n_bands, n_rows)
    expected = float(collision_probability(oracle.jaccard(left, right), n_bands, n_rows))
    assert met / n_trials == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / n_trials))


@pytest.mark.parametrize(
    ("threshold", "banding"), [(0.9, (5, 25)), (0.8, (9, 13)), (0.5, (25, 5)), (0.3, (37, 3)), (0.1, (64, 2))]
)
def test_the_best_split_of_128_slots_is_the_published_one(threshold: float, banding: tuple[int, int]) -> None:
    assert best_banding(threshold, 128) == banding
    assert LSHParams(threshold=threshold).banding(128) == banding


def test_fewer_misses_are_bought_with_more_false_candidates() -> None:
    assert best_banding(0.5, 128, false_positive_weight=0.1) == (32, 4)


@settings(deadline=None, max_examples=15)
@given(threshold=st.floats(0.05, 0.95), num_perm=st.integers(1, 10), weight=st.floats(0, 1))
def test_no_split_has_a_smaller_error_than_the_best(threshold: float, num_perm: int, weight: float) -> None:
    def error(n_bands: int, n_rows: int) -> float:
        passed, _ = scipy.integrate.quad(collision_probability, 0, threshold, args=(n_bands, n_rows))
        found, _ = scipy.integrate.quad(collision_probability, threshold, 1, args=(n_bands, n_rows))
        return weight * passed + (1 - weight) * (1 - threshold - found)

    splits = [(b, r) for r in range(1, num_perm + 1) for b in range(1, num_perm // r + 1)]
    best = best_banding(threshold, num_perm, weight)
    assert best in splits
    assert error(*best) <= min(error(*split) for split in splits) + 1e-9


def test_a_split_left_open_uses_all_slots() -> None:
    assert LSHParams().banding(128) == (64, 2)
    assert LSHParams(n_rows=5).banding(128) == (25, 5)
    assert LSHParams(n_bands=3, n_rows=5).banding(128) == (3, 5)


def test_a_split_that_needs_more_slots_than_there_are_is_refused() -> None:
    with pytest.raises(InvalidParams, match="num_perm = 128"):
        LSHParams(n_bands=65, n_rows=2).banding(128)
    with pytest.raises(InvalidParams, match="num_perm = 1;"):
        LSHParams().banding(1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_bands": 3},
        {"n_bands": 0, "n_rows": 2},
        {"n_rows": 1.5},
        {"threshold": 0.0},
        {"threshold": 1},
        {"threshold": float("nan")},
        {"threshold": 0.5, "n_rows": 2},
        {"bucket_cap": -1},
        {"bucket_cap": True},
    ],
)
def test_params_that_cannot_run_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParams):
        LSHParams(**wrong)


@pytest.mark.parametrize(("threshold", "num_perm", "weight"), [(1.5, 8, 0.5), (0.5, 0, 0.5), (0.5, 8, 1.5)])
def test_a_search_without_sense_is_refused(threshold: float, num_perm: int, weight: float) -> None:
    with pytest.raises(InvalidParams):
        best_banding(threshold, num_perm, weight)
