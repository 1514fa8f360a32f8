"""Fusion by reciprocal ranks and by scores."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery
from vectors.fusion import FusionParams, fuse, fuse_scores

RANKINGS = st.lists(st.lists(st.integers(0, 12), unique=True, max_size=8), min_size=1, max_size=4)


def padded(ranking: list[int], width: int = 9) -> np.ndarray:
    return np.array([ranking + [-1] * (width - len(ranking))], dtype=np.int64)


@given(rankings=RANKINGS, offset=st.sampled_from([0, 1, 60]), k=st.integers(1, 20), data=st.data())
def test_agrees_with_exact_fractions(rankings: list[list[int]], offset: int, k: int, data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.sampled_from([1, 2, 3]), min_size=len(rankings), max_size=len(rankings)))
    exact: dict[int, Fraction] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, row in enumerate(ranking, start=1):
            exact[row] = exact.get(row, Fraction(0)) + Fraction(weight, offset + rank)
    params = FusionParams(offset=float(offset), weights=tuple(map(float, weights)))
    fused = fuse([padded(ranking) for ranking in rankings], k, params)
    found = fused.rows[0][fused.rows[0] >= 0].tolist()
    assert len(found) == len(set(found)) == min(k, len(exact))
    np.testing.assert_allclose(fused.scores[0, : len(found)], [float(exact[row]) for row in found], rtol=1e-12)
    best = sorted(exact.values(), reverse=True)[: len(found)]
    np.testing.assert_allclose(fused.scores[0, : len(found)], [float(score) for score in best], rtol=1e-12)
    assert np.isneginf(fused.scores[0, len(found) :]).all()
    for place, row in enumerate(found):
        expected = [ranking.index(row) + 1 if row in ranking else 0 for ranking in rankings]
        assert fused.ranks[0, place].tolist() == expected


@given(rankings=st.lists(st.lists(st.integers(0, 12), unique=True, max_size=8), min_size=2, max_size=4))
def test_the_order_of_the_lists_changes_nothing(rankings: list[list[int]]) -> None:
    first = fuse([padded(ranking) for ranking in rankings], 10)
    for turned in itertools.permutations(rankings):
        other = fuse([padded(ranking) for ranking in turned], 10)
        assert other.rows.tobytes() == first.rows.tobytes()
        assert other.scores.tobytes() == first.scores.tobytes()


@given(ranking=st.lists(st.integers(0, 12), unique=True, max_size=8), pads=st.lists(st.integers(0, 8), max_size=3))
def test_a_list_alone_keeps_its_order_and_pads_take_no_rank(ranking: list[int], pads: list[int]) -> None:
    holed = list(ranking)
    for place in pads:
        holed.insert(min(place, len(holed)), -1)
    fused = fuse([padded(holed, 20)], max(1, len(ranking)))
    assert fused.rows[0][fused.rows[0] >= 0].tolist() == ranking


def test_equal_scores_go_to_the_lower_row() -> None:
    fused = fuse([[[7, 3]], [[3, 7]]], 2)
    assert fused.rows.tolist() == [[3, 7]]
    assert fused.scores[0, 0] == fused.scores[0, 1] == 1 / 61 + 1 / 62


def test_lists_of_different_lengths_and_several_queries() -> None:
    fused = fuse([[[5, 6, 8], [1, -1, -1]], np.array([[9], [2]], dtype=np.int32)], 3, FusionParams(weights=(1.0, 2.0)))
    assert fused.rows.tolist() == [[9, 5, 6], [2, 1, -1]]


@pytest.mark.parametrize(
    ("rankings", "what"),
    [
        ([], "no list"),
        ([[1, 2]], r"shape \(2,\)"),
        ([[[1]], [[1], [2]]], r"list 1 is int64 of shape \(2, 1\)"),
        ([[[0.5]]], "float64"),
        ([[[1, 2]], [[4, 4]]], "list 1 holds row 4 twice for query 0"),
    ],
)
def test_rankings_that_make_no_sense_are_refused(rankings: list[list[list[int]]], what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        fuse(rankings, 1)


def test_parameters_that_cannot_run_are_refused() -> None:
    with pytest.raises(InvalidQuery):
        fuse([[[1]]], 0)
    with pytest.raises(InvalidParams, match="2 numbers"):
        fuse([[[1]], [[2]]], 1, FusionParams(weights=(1.0,)))
    for wrong in ({"offset": -1.0}, {"offset": float("nan")}, {"weights": (0.0,)}, {"weights": (float("inf"),)}):
        with pytest.raises(InvalidParams):
            FusionParams(**wrong)  # type: ignore[arg-type]


SCORED = st.lists(
    st.lists(st.tuples(st.integers(0, 8), st.integers(-4, 4)), unique_by=lambda pair: pair[0], max_size=5),
    min_size=1,
    max_size=3,
)


@given(lists=SCORED, data=st.data())
def test_scores_are_scaled_and_added_as_defined(lists: list[list[tuple[int, int]]], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.sampled_from([1, 2, 3]), min_size=len(lists), max_size=len(lists)))
    exact: dict[int, Fraction] = {}
    for pairs, weight in zip(lists, weights, strict=True):
        low, high = min((score for _, score in pairs), default=0), max((score for _, score in pairs), default=0)
        for row, score in pairs:
            share = Fraction(score - low, high - low) if high > low else Fraction(1)
            exact[row] = exact.get(row, Fraction(0)) + weight * share
    rankings = [[row for row, _ in pairs] for pairs in lists]
    scores = [[score for _, score in pairs] for pairs in lists]
    padding = [[np.nan] * (9 - len(values)) for values in scores]  # beside no row: whatever is there
    fused = fuse_scores(
        [padded(ranking) for ranking in rankings],
        [np.array([values + pads]) for values, pads in zip(scores, padding, strict=True)],
        20,
        tuple(map(float, weights)),
    )
    found = fused.rows[0][fused.rows[0] >= 0].tolist()
    assert sorted(found) == sorted(exact)
    np.testing.assert_allclose(fused.scores[0, : len(found)], [float(exact[row]) for row in found], atol=1e-12)
    assert (np.diff(fused.scores[0, : len(found)]) <= 0).all()
    for place, row in enumerate(found):
        expected = [ranking.index(row) + 1 if row in ranking else 0 for ranking in rankings]
        assert fused.ranks[0, place].tolist() == expected


def test_scores_of_any_scale_fuse_alike() -> None:
    rankings = [[[1, 2, 3]], [[3, 2, 4]]]
    scores = [[[9.0, 5.0, 1.0]], [[0.9, 0.8, 0.1]]]
    found = fuse_scores(rankings, scores, 4)
    assert found.rows.tolist() == [[2, 1, 3, 4]]
    assert fuse_scores(rankings, [np.array(scores[0]) * 1000 - 7, scores[1]], 4).rows.tolist() == found.rows.tolist()
    assert fuse_scores(rankings, scores, 4, (0.01, 1.0)).rows.tolist() == [[3, 2, 1, 4]]


@given(
    values=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    other=st.lists(st.integers(1, 9), max_size=6),
    floor=st.sampled_from([0.0, 5.0, float("nan")]),
)
def test_a_known_floor_counts_nothing_in_place_of_the_last_score(
    values: list[int], other: list[int], floor: float
) -> None:
    rankings = [padded(list(range(len(values)))), padded(list(range(3, 3 + len(other))))]
    scores = [padded(values).astype(np.float64), padded(other).astype(np.float64)]
    fused = fuse_scores(rankings, scores, 12, floors=[np.array([floor]), None])
    exact: dict[int, Fraction] = {}
    for first, given_scores, low in ((0, values, floor), (3, other, float("nan"))):
        bottom = Fraction(min([*given_scores, *([] if np.isnan(low) else [int(low)])], default=0))
        spread = max(given_scores, default=0) - bottom
        for row, value in enumerate(given_scores, start=first):
            exact[row] = exact.get(row, Fraction(0)) + (Fraction(value - bottom) / spread if spread > 0 else 1)
    found = fused.rows[0][fused.rows[0] >= 0].tolist()
    assert sorted(found) == sorted(exact)
    np.testing.assert_allclose(fused.scores[0, : len(found)], [float(exact[row]) for row in found], atol=1e-12)


@pytest.mark.parametrize(
    ("floors", "what"),
    [
        ([None], "1 arrays of floors for 2 lists"),
        ([None, [0.0, 0.0]], "floor 1 is float64 of shape"),
        ([[-np.inf], None], "floor 0"),
        ([["a"], None], "floor 0"),
    ],
)
def test_floors_that_do_not_fit_are_refused(floors: Any, what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        fuse_scores([[[1, 2]], [[2, 1]]], [[[2.0, 1.0]], [[2.0, 1.0]]], 2, floors=floors)


@pytest.mark.parametrize(
    ("scores", "what"),
    [
        ([[[1.0, 2.0]]], "1 arrays of scores for 2 lists"),
        ([[[1.0, 2.0]], [[1.0]]], "list 1 has shape"),
        ([[[1.0, 2.0]], [[1.0, np.nan]]], "a score of list 1 is not finite"),
        ([[[1.0, 2.0]], [["a", "b"]]], "list 1 has shape"),
    ],
)
def test_scores_that_do_not_fit_are_refused(scores: Any, what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        fuse_scores([[[1, 2]], [[2, 1]]], scores, 2)
