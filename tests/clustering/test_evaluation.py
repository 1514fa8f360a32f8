"""Recall of communities around seeds."""

from __future__ import annotations

import numpy as np
import pytest

from clustering.evaluation import recall_curve, recall_curve_area
from foundation.errors import InvalidInput


def test_recall_counts_hidden_members_only() -> None:
    curve = recall_curve(np.array([9, 0, 1, 7, 2, 3]), np.array([0, 1, 2, 3, 4]), np.array([0]))
    # Seed 0 is skipped; the additions that count are 9, 1, 7, 2.
    np.testing.assert_allclose(curve, [0, 0, 0.25, 0.25, 0.5])


def test_a_short_answer_keeps_its_last_recall() -> None:
    np.testing.assert_allclose(recall_curve(np.array([1]), np.arange(4), np.array([0])), [0, 1 / 3, 1 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("found", "area"), [([1, 2, 3, 4], 0.5), ([], 0.0), ([9, 8, 7, 6], 0.0), ([1, 9, 8, 7], 0.21875)]
)
def test_area_under_the_recall_curve_is_one_half_at_best(found: list[int], area: float) -> None:
    assert recall_curve_area(np.array(found, dtype=np.int64), np.arange(5), np.array([0])) == pytest.approx(area)


def test_a_community_of_seeds_has_no_recall() -> None:
    with pytest.raises(InvalidInput, match="hide at least one"):
        recall_curve(np.array([1]), np.array([0, 1]), np.array([0, 1]))
