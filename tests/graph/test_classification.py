"""The protocol of label prediction against scikit-learn's pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.preprocessing import scale

from graph.classification import f1_scores, label_odds, most_probable, scaled_columns
from graph.csr import CSRGraph
from graph.fastrp import FastRPParams, fastrp
from tests.shared_data import shared_data


@given(n=st.integers(1, 20), n_labels=st.integers(1, 6), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_f1_is_that_of_scikit_learn(n: int, n_labels: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = rng.random((2, n, n_labels)) < share
    found = f1_scores(truth, predicted)
    if n_labels == 1:  # read as binary over there
        truth, predicted = (np.concatenate([one, np.zeros_like(one)], axis=1) for one in (truth, predicted))
        assert found.micro == pytest.approx(f1_score(truth, predicted, average="micro", zero_division=0.0))
        return
    assert found.micro == pytest.approx(f1_score(truth, predicted, average="micro", zero_division=0.0))
    assert found.macro == pytest.approx(f1_score(truth, predicted, average="macro", zero_division=0.0))
    assert found.mean == (found.micro + found.macro) / 2


def test_as_many_labels_as_asked_are_predicted_and_the_most_probable_ones() -> None:
    odds = np.array([[0.0, 2.0, 1.0], [1.0, 1.0, 1.0], [-np.inf, np.inf, 0.0], [3.0, 2.0, 1.0]])
    expected = [[0, 1, 1], [1, 0, 0], [0, 1, 1], [0, 0, 0]]
    np.testing.assert_array_equal(most_probable(odds, np.array([2, 1, 2, 0])), np.array(expected, dtype=bool))


def test_columns_are_scaled_as_scikit_learn_does_and_constant_ones_vanish() -> None:
    block = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32) * 5 + 3
    np.testing.assert_allclose(scaled_columns(block), scale(block.astype(np.float64)), atol=1e-6)
    block[:, 2] = 0.1
    np.testing.assert_array_equal(scaled_columns(block)[:, 2], 0)


def test_a_label_nobody_shows_is_impossible_and_one_everybody_has_is_certain() -> None:
    rows = np.arange(8.0)[:, None]
    members = np.stack([rows[:, 0] > 3, np.zeros(8, bool), np.ones(8, bool)], axis=1)
    odds = label_odds(rows, members, rows, loss_weight=1.0)
    assert (odds[:, 1] == -np.inf).all()
    assert (odds[:, 2] == np.inf).all()
    assert odds[7, 0] > odds[0, 0]


def test_blogcatalog_labels_are_predicted_as_well_as_published() -> None:
    import scipy.io

    content = scipy.io.loadmat(shared_data("graphs/blogcatalog.mat"))
    labels = np.asarray(content["group"].todense(), dtype=bool)
    graph = CSRGraph.from_scipy(content["network"], directed=False)
    params = FastRPParams(dim=512, iteration_weights=(0.0, 0.0, 7.81, 45.28), normalization_strength=-0.628)
    rows = scaled_columns(fastrp(graph, params, n_threads=2))
    order = np.random.default_rng(0).permutation(graph.n_nodes)
    train, test = order[: graph.n_nodes // 10], order[graph.n_nodes // 10 :]
    odds = label_odds(rows[train], labels[train], rows[test], loss_weight=0.1)
    found = f1_scores(labels[test], most_probable(odds, labels[test].sum(axis=1)))
    assert found.micro >= 0.36
    assert found.macro >= 0.215
    for label in (0, 7, 30):  # the labels' models are those of the published protocol
        peer = LogisticRegression(solver="liblinear", C=0.1, tol=1e-6).fit(rows[train], labels[train, label])
        np.testing.assert_allclose(odds[:, label], peer.decision_function(rows[test]), atol=0.05)
