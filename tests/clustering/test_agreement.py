"""Agreement of labellings and covers against scikit-learn, brute force, and published values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.agreement import (
    adjusted_mutual_information,
    adjusted_rand_index,
    average_f1,
    compare,
    cover_of,
    normalized_mutual_information,
)
from clustering.kernels.agreement import expected_information
from foundation.errors import InvalidInput
from tests.clustering.email import email_eu_core

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
    if not _one_each(labels[0]) and not _one_each(labels[1]):
        adjusted = sklearn.metrics.adjusted_mutual_info_score(*labels)
        assert adjusted_mutual_information(*labels) == pytest.approx(adjusted, abs=1e-9)


def test_labels_of_different_nodes_are_refused() -> None:
    measures = (normalized_mutual_information, adjusted_mutual_information, adjusted_rand_index, compare)
    for measure in measures:
        with pytest.raises(InvalidInput, match="one label per node"):
            measure(FIRST, SECOND[:-1])


def _one_each(labels: np.ndarray) -> bool:
    return np.unique(labels).size in (1, labels.size)


@settings(deadline=None, max_examples=20)
@given(data=st.data(), n=st.integers(1, 5))
def test_expected_information_is_the_mean_over_all_arrangements(data: st.DataObject, n: int) -> None:
    labels = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    first, second = data.draw(labels), data.draw(labels)
    arranged = [sklearn.metrics.mutual_info_score(first, order) for order in itertools.permutations(second)]
    sizes = (np.unique(np.unique(side, return_counts=True)[1], return_counts=True) for side in (first, second))
    (a, n_a), (b, n_b) = sizes
    assert expected_information(a, n_a, b, n_b) == pytest.approx(np.mean(arranged), abs=1e-12)


@pytest.mark.parametrize(("n", "n_first", "n_second"), [(20_000, 40, 3_000), (5_000, 2_500, 2_500), (30_000, 2, 3)])
def test_adjusted_mutual_information_of_large_labellings_is_that_of_scikit_learn(
    n: int, n_first: int, n_second: int
) -> None:
    draw = np.random.default_rng(n)
    first = (n_first * draw.random(n) ** 2).astype(int)
    second = np.where(draw.random(n) < 0.3, first, (n_second * draw.random(n) ** 2).astype(int))
    expected = sklearn.metrics.adjusted_mutual_info_score(first, second)
    assert adjusted_mutual_information(first, second) == pytest.approx(expected, abs=1e-9)


def test_equal_partitions_agree_entirely_and_extremes_not_at_all() -> None:
    alone, together, halves = np.arange(6), np.zeros(6, dtype=int), np.array([0, 0, 0, 1, 1, 1])
    for labels in (alone, together, halves):
        assert adjusted_mutual_information(labels, labels + 3) == 1
    assert adjusted_mutual_information(alone, together) == 0
    assert adjusted_mutual_information(alone, halves) == pytest.approx(0, abs=1e-12)
    assert adjusted_mutual_information(together, halves) == pytest.approx(0, abs=1e-12)


def test_a_label_per_node_is_caught_by_all_but_nmi() -> None:
    _, departments = email_eu_core()
    truth = np.empty(1005, dtype=np.int64)
    for label, members in enumerate(departments):
        truth[members] = label
    found = compare(np.arange(1005), truth)
    assert found.nmi == pytest.approx(0.6485, abs=5e-5)
    assert abs(found.ami) < 1e-9
    assert abs(found.ari) < 1e-12
    assert (found.n_found, found.n_true, found.n_nodes) == (1005, 42, 1005)


@settings(deadline=None, max_examples=60)
@given(labels=labellings())
def test_a_comparison_leaves_unknown_nodes_out(labels: tuple[np.ndarray, np.ndarray]) -> None:
    found, truth = labels
    known = truth >= 0
    if not known.any():
        with pytest.raises(InvalidInput, match="no true label is known"):
            compare(found, truth)
        return
    made = compare(found, truth)
    assert made.nmi == normalized_mutual_information(found[known], truth[known])
    assert made.ami == adjusted_mutual_information(found[known], truth[known])
    assert made.ari == adjusted_rand_index(found[known], truth[known])
    covers = cover_of(truth[known]), cover_of(found[known])
    assert made.f1 == pytest.approx(average_f1(*covers), abs=1e-12)
    assert (made.n_true, made.n_found) == (len(covers[0]), len(covers[1]))
    assert made.n_nodes == known.sum()


def test_a_cover_may_be_restricted_to_nodes_that_occur_in_the_truth() -> None:
    labels = np.array([2, 2, 0, 0, 0, 1, 1])
    truth = [np.array([0, 1, 3]), np.array([3, 4, 6])]
    assert [c.tolist() for c in cover_of(labels)] == [[2, 3, 4], [5, 6], [0, 1]]
    assert [c.tolist() for c in cover_of(labels, among=truth)] == [[3, 4], [6], [0, 1]]
    assert [c.tolist() for c in cover_of(labels, among=truth, least=2)] == [[3, 4], [0, 1]]
    assert cover_of(np.empty(0, dtype=int)) == []


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_average_f1_is_that_of_its_definition(data: st.DataObject) -> None:
    covers = st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=6), min_size=1, max_size=5)
    truth, found = data.draw(covers), data.draw(covers)

    def f1(left: list[int], right: list[int]) -> float:
        return 2 * len(set(left) & set(right)) / (len(set(left)) + len(set(right)))

    forth = np.mean([max(f1(c, d) for d in found) for c in truth])
    back = np.mean([max(f1(c, d) for d in truth) for c in found])
    as_arrays = [np.array(c) for c in truth], [np.array(d) for d in found]
    assert average_f1(*as_arrays) == pytest.approx((forth + back) / 2, abs=1e-12)
