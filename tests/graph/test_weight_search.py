"""Candidates for weights: what they may be, and that they lie where they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.weight_search import FLATTEST, STEEPEST, middle_weights, near_weights, spread_weights, tidy_weights

WEIGHTS = st.lists(st.sampled_from([0.0, 0.01, 1.0, 6.67, -2.0, 300.0]), min_size=1, max_size=6).filter(any).map(tuple)


@given(n=st.integers(0, 40), max_hops=st.integers(1, 8), seed=st.integers(0, 99))
def test_spread_candidates_are_runs_of_hops_with_the_ratios_allowed(n: int, max_hops: int, seed: int) -> None:
    found = spread_weights(n, max_hops, seed)
    assert len(found) == n
    assert found == spread_weights(n, max_hops, seed)
    for weights in found:
        run = np.trim_zeros(np.array(weights), "f")
        assert 1 <= len(weights) <= max_hops
        assert run[0] == 1
        assert (run[1:] >= run[:-1] * 2**FLATTEST * 0.999).all()
        assert (run[1:] <= run[:-1] * 2**STEEPEST * 1.001).all()


def test_spread_candidates_reach_every_length_and_every_first_hop() -> None:
    found = spread_weights(200, 6, seed=3)
    assert {len(weights) for weights in found} == {1, 2, 3, 4, 5, 6}
    assert {int(np.flatnonzero(weights)[0]) for weights in found} == {0, 1, 2, 3}


@given(best=WEIGHTS, n=st.integers(0, 20), width=st.sampled_from([0.1, 1.0]), seed=st.integers(0, 99))
def test_near_candidates_are_usable_and_other_rounds_have_others(
    best: tuple[float, ...], n: int, width: float, seed: int
) -> None:
    found = near_weights(best, n, 6, width, seed, 0)
    assert len(found) == n
    assert found == near_weights(best, n, 6, width, seed, 0)
    assert all(any(weights) and np.isfinite(weights).all() and len(weights) <= 6 for weights in found)
    if n:
        assert found != near_weights(best, n, 6, width, seed, 1)


def test_near_candidates_are_near() -> None:
    best = (0.0, 1.0, 8.0, 20.0)
    found = np.array(near_weights(best, 2000, 4, 0.5, 0, 0))
    kept = found[:, 1][found[:, 1] > 0]
    assert np.median(np.log2(kept)) == pytest.approx(0, abs=0.05)
    assert np.std(np.log2(kept)) == pytest.approx(0.5, abs=0.05)
    assert np.mean(found[:, 1] == 0) == pytest.approx(0.15, abs=0.03)
    assert np.mean(found[:, 0] > 0) == pytest.approx(0.15, abs=0.03)


def test_the_middle_is_the_geometric_mean_of_shares_and_a_hop_counts_where_most_have_it() -> None:
    found = np.array(middle_weights([(1.0, 4.0), (1.0, 1.0), (0.0, 3.0, 0.5)], 4))
    shares = np.array([[0.2, 0.8], [0.5, 0.5]])
    assert found[0] == pytest.approx(np.sqrt(shares[:, 0].prod()))
    assert found[1] == pytest.approx((0.8 * 0.5 * 3 / 3.5) ** (1 / 3))
    assert (found[2:] == 0).all()
    assert middle_weights([(1.0,), (0.0, 1.0), (0.0, 0.0, 1.0)], 3) == (1.0,)


@given(weights=WEIGHTS)
def test_tidy_weights_keep_their_ratios(weights: tuple[float, ...]) -> None:
    tidy, plain = tidy_weights(weights, rescale=True), tidy_weights(weights, rescale=False)
    assert min(abs(weight) for weight in tidy if weight) == 1
    assert tidy[-1] != 0
    padded = np.array([*tidy, *[0.0] * (len(weights) - len(tidy))])
    scale = min(abs(weight) for weight in weights if weight)
    np.testing.assert_allclose(padded * scale, weights, rtol=6e-3)
    np.testing.assert_allclose(plain, weights[: len(plain)], rtol=6e-3)
