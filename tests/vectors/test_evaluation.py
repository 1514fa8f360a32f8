"""Recall by exact score."""

from __future__ import annotations

import numpy as np
import pytest

from foundation.errors import InvalidInput
from vectors.evaluation import candidate_recall, recall_at_k


def test_a_returned_score_counts_when_it_reaches_the_true_kth() -> None:
    assert recall_at_k([[3.0, 2.0], [3.0, 1.0]], [2.0, 2.0], higher_is_better=True) == 0.75


def test_a_returned_distance_counts_when_it_does_not_pass_the_true_kth() -> None:
    assert recall_at_k([[0.1, 0.4]], [0.4], higher_is_better=False) == 1.0
    assert recall_at_k([[0.1, 0.5]], [0.4], higher_is_better=False) == 0.5


def test_another_item_of_the_same_score_is_right() -> None:
    scores = np.array([5.0, 4.0, 4.0, 1.0])
    assert recall_at_k(scores[[0, 2]][None], [4.0], higher_is_better=True) == 1.0


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("higher_is_better", [True, False])
def test_a_missing_item_never_counts(missing: float, higher_is_better: bool) -> None:
    assert recall_at_k([[1.0, missing]], [1.0], higher_is_better) == 0.5


def test_candidates_are_judged_by_their_best_k() -> None:
    scores = [[0.0, 9.0, 8.0, 7.0], [1.0, 1.0, -np.inf, 9.0]]
    assert candidate_recall(scores, [7.0, 5.0], k=2) == (1.0 + 0.5) / 2


def test_more_ties_than_k_do_not_pass_one() -> None:
    assert candidate_recall([[1.0, 1.0, 1.0]], [1.0], k=2) == 1.0


def test_fewer_candidates_than_k_are_failures() -> None:
    assert candidate_recall([[1.0]], [1.0], k=4) == 0.25


@pytest.mark.parametrize(
    ("found", "kth"), [([1.0, 2.0], [1.0]), ([[1.0]], [1.0, 2.0]), (np.zeros((1, 0)), [1.0]), ([[1.0]], [np.nan])]
)
def test_wrong_shapes_and_nan_are_refused(found: object, kth: object) -> None:
    with pytest.raises(InvalidInput):
        recall_at_k(found, kth, higher_is_better=True)  # type: ignore[arg-type]


def test_k_zero_is_refused() -> None:
    with pytest.raises(InvalidInput):
        candidate_recall([[1.0]], [1.0], k=0)
