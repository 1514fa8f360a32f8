"""Intervals of means by drawing queries again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import vectors.judged.bootstrap as module
from foundation.errors import InvalidInput, InvalidParams
from vectors.judged.bootstrap import difference_interval, mean_interval

VALUES = np.random.default_rng(0).beta(2, 3, 200)


def test_agrees_with_scipy() -> None:
    expected = stats.bootstrap(
        (VALUES,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    found = mean_interval(VALUES, n_samples=20_000)
    assert found.mean == VALUES.mean()
    np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high], atol=1e-3)


def test_pairing_takes_out_how_hard_queries_are() -> None:
    better = VALUES + np.random.default_rng(2).normal(0.01, 0.02, VALUES.size)
    alone, paired = mean_interval(better), difference_interval(better, VALUES)
    assert paired.low > 0
    assert paired.high - paired.low < (alone.high - alone.low) / 3


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    held = 0
    for trial in range(300):
        found = mean_interval(random.random(60), n_samples=500, confidence=0.9, seed=trial)
        held += found.low <= 0.5 <= found.high
    assert 0.84 < held / 300 < 0.96


@settings(max_examples=50)
@given(values=st.lists(st.floats(-1, 1), min_size=1, max_size=20), seed=st.integers(0, 5))
def test_the_mean_lies_among_the_values_and_seeds_decide(values: list[float], seed: int) -> None:
    found = mean_interval(values, n_samples=50, seed=seed)
    assert min(values) - 1e-12 <= found.low <= found.high <= max(values) + 1e-12
    assert found == mean_interval(values, n_samples=50, seed=seed)
    same = difference_interval(values, values, n_samples=50, seed=seed)
    assert same == (0.0, 0.0, 0.0)


def test_how_many_are_drawn_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mean_interval(VALUES, n_samples=1000)
    monkeypatch.setattr(module, "_NUMBERS_AT_ONCE", 7 * VALUES.size)
    assert mean_interval(VALUES, n_samples=1000) == whole


@pytest.mark.parametrize("values", [[], [[1.0]], [float("nan")]])
def test_values_that_make_no_sense_are_refused(values: list[float]) -> None:
    with pytest.raises(InvalidInput):
        mean_interval(values)


def test_parameters_that_cannot_run_are_refused() -> None:
    with pytest.raises(InvalidParams):
        mean_interval([1.0], n_samples=0)
    with pytest.raises(InvalidParams):
        mean_interval([1.0], confidence=1.0)
    with pytest.raises(InvalidInput):
        difference_interval([1.0], [1.0, 2.0])
