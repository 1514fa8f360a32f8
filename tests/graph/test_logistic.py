"""The batched logistic regression against liblinear's, one label at a time, and against its own gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from foundation.errors import NotConverged
from graph.logistic import fit_logistic, log_odds


def problem(n: int, dim: int, n_labels: int, seed: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Rows of uneven columns, and labels from rare to common that they only half explain."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, dim)) * rng.uniform(0.1, 3, dim)
    odds = rows @ rng.standard_normal((dim, n_labels)) / np.sqrt(dim) + np.linspace(-4, 2, n_labels)
    return rows, odds + rng.logistic(size=odds.shape) > 0


def gradient(rows: npt.NDArray[Any], members: npt.NDArray[np.bool_], w: npt.NDArray[Any], c: float) -> Any:
    ones = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    return w + c * ones.T @ (expit(ones @ w) - members)


@pytest.mark.parametrize(("n", "dim"), [(200, 12), (60, 90)])
@pytest.mark.parametrize("loss_weight", [0.1, 1.0, 30.0])
def test_agrees_with_liblinear(n: int, dim: int, loss_weight: float) -> None:
    rows, members = problem(n, dim, 6, seed=1)
    found = fit_logistic(rows, members, loss_weight=loss_weight, tol=1e-8)
    for label in np.flatnonzero(members.any(axis=0)):
        peer = LogisticRegression(solver="liblinear", C=loss_weight, tol=1e-10, max_iter=10_000)
        peer.fit(rows, members[:, label])
        np.testing.assert_allclose(
            log_odds(rows, found)[:, label], peer.decision_function(rows), atol=2e-4 * loss_weight**0.5, rtol=1e-4
        )


@given(
    n=st.integers(1, 30),
    dim=st.integers(1, 40),
    loss_weight=st.sampled_from([1e-3, 1.0, 100.0]),
    kind=st.sampled_from(["random", "equal rows", "zeros", "separable", "large"]),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_ends_where_the_gradient_vanishes(n: int, dim: int, loss_weight: float, kind: str, seed: int) -> None:
    rows, members = problem(n, dim, 3, seed)
    if kind == "equal rows":
        rows[:] = rows[0]
    if kind == "zeros":
        rows[:] = 0
    if kind == "separable":
        members = rows[:, :1] > np.array([-100.0, 0.0, 100.0])  # all, some, none
    if kind == "large":
        rows *= 1e3
    found = fit_logistic(rows, members, loss_weight=loss_weight, tol=1e-6)
    first = np.linalg.norm(gradient(rows, members, np.zeros((dim + 1, 3)), loss_weight), axis=0)
    assert (
        np.linalg.norm(gradient(rows, members, found, loss_weight), axis=0)
        <= 1e-6 * first + 1e-9 * loss_weight * (1 + np.linalg.norm(rows))
    ).all()


def test_steps_that_run_out_are_said() -> None:
    rows, members = problem(100, 5, 2, seed=0)
    with pytest.raises(NotConverged, match=r"logistic regression stopped .* after 1 iterations"):
        fit_logistic(rows, members, tol=1e-9, max_iter=1)
