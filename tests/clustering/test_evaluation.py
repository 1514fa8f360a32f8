"""Scores of communities against known ones."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.evaluation import (
    adjusted_rand_index,
    average_f1,
    normalized_mutual_information,
    recall_curve,
    recall_curve_area,
)
from foundation.errors import InvalidInput

FIRST, SECOND = np.array([0, 0, 0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 1, 1])


def _sets(*texts: str) -> list[np.ndarray]:
    return [np.array([int(digit) for digit in text]) for text in texts]


@st.composite
def labellings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(1, 20))
    labels = st.lists(st.integers(-2, 4), min_size=n, max_size=n)
    return np.array(draw(labels)), np.array(draw(labels))


def test_average_f1_has_its_published_values() -> None:
    assert average_f1(_sets("0123", "456"), _sets("012", "3456")) == pytest.approx(0.857142, abs=1e-6)
    assert average_f1(_sets("0123", "456"), _sets("456", "0123")) == 1
    assert average_f1(_sets("0123"), _sets("01", "23")) == pytest.approx(0.6667, abs=5e-5)


def test_average_f1_of_covers_without_common_members_or_without_communities_is_zero() -> None:
    assert average_f1(_sets("01"), _sets("23")) == 0
    assert average_f1([], _sets("23")) == 0
    assert average_f1(_sets("01"), _sets("")) == 0


def test_agreement_of_labels_has_its_published_values() -> None:
    assert normalized_mutual_information(FIRST, SECOND) == pytest.approx(0.529462, abs=5e-7)
    assert adjusted_rand_index(FIRST, SECOND) == pytest.approx(0.416667, abs=5e-7)


@settings(deadline=None, max_examples=80)
@given(labels=labellings())
def test_agreement_of_labels_is_that_of_scikit_learn(labels: tuple[np.ndarray, np.ndarray]) -> None:
    expected = sklearn.metrics.normalized_mutual_info_score(*labels)
    assert normalized_mutual_information(*labels) == pytest.approx(expected, abs=1e-9)
    assert adjusted_rand_index(*labels) == pytest.approx(sklearn.metrics.adjusted_rand_score(*labels), abs=1e-12)


def test_labels_of_different_nodes_are_refused() -> None:
    for measure in (normalized_mutual_information, adjusted_rand_index):
        with pytest.raises(InvalidInput, match="one label per node"):
            measure(FIRST, SECOND[:-1])


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
