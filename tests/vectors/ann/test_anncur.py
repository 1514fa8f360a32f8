"""Search by a scoring function alone, against scoring everything."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery
from vectors.ann.anncur import ANNCUR, ANNCURParams, recall_by_budget

Float64s = npt.NDArray[np.float64]


def low_rank(n_queries: int, n_items: int, rank: int, noise: float = 0.0, seed: int = 0) -> Float64s:
    draw = np.random.default_rng(seed)
    scores = draw.standard_normal((n_queries, rank)) @ draw.standard_normal((rank, n_items))
    return scores + noise * draw.standard_normal(scores.shape)


class Counted:
    """A scoring function over a table that counts what it is asked."""

    def __init__(self, table: Float64s) -> None:
        self.table = table
        self.asked: list[tuple[int, int]] = []

    def __call__(self, query: Any, items: npt.NDArray[np.int64]) -> Float64s:
        self.asked += [(int(query), int(item)) for item in items]
        return self.table[query, items]


def test_scores_of_low_rank_are_found_exactly() -> None:
    table = low_rank(80, 400, rank=12)
    index = ANNCUR.from_scores(table[:50], ANNCURParams(n_anchors=50, rcond=1e-9))
    estimated = index.estimate(table[50:, index.anchors])
    np.testing.assert_allclose(estimated, table[50:], atol=1e-4 * np.abs(table).max())


def error(table: Float64s, n_queries: int, params: ANNCURParams) -> float:
    index = ANNCUR.from_scores(table[:n_queries], params)
    estimated = index.estimate(table[n_queries:, index.anchors])
    return float(np.linalg.norm(estimated - table[n_queries:]) / np.linalg.norm(table[n_queries:]))


def test_the_default_inverse_keeps_noise_small_where_an_exact_one_multiplies_it() -> None:
    errors = {
        rcond: [
            error(low_rank(90, 600, 12, 0.5, seed), 50, ANNCURParams(n_anchors=50, rcond=rcond)) for seed in range(9)
        ]
        for rcond in (0.1, 1e-15)
    }
    assert ANNCURParams().rcond == 0.1
    assert max(errors[0.1]) < 0.3
    assert np.median(errors[1e-15]) > 3 * np.median(errors[0.1])


def test_no_query_costs_more_than_its_budget_and_no_score_is_asked_for_twice() -> None:
    score = Counted(low_rank(30, 300, 8, 0.3))
    index = ANNCUR.build(score, range(20), 300, ANNCURParams(n_anchors=30))
    assert (len(score.asked), index.n_calls) == (6000, 6000)
    score.asked.clear()
    index.search(score, range(20, 30), budget=70)
    assert len(score.asked) == 10 * 70
    assert len(set(score.asked)) == len(score.asked)


def test_anchors_take_part_in_the_ranking() -> None:
    table = low_rank(40, 200, 6, 0.2)
    index = ANNCUR.from_scores(table[:30], ANNCURParams(n_anchors=20))
    table[35, index.anchors[7]] = 1e6
    items, values = index.search(Counted(table), [35], 3, budget=20)
    assert (items[0, 0], values[0, 0]) == (index.anchors[7], 1e6)


def test_recall_grows_with_the_budget_up_to_everything() -> None:
    table = low_rank(80, 500, 12, 0.5)
    index = ANNCUR.from_scores(table[:50], ANNCURParams(n_anchors=40))
    curve = recall_by_budget(index, Counted(table), range(50, 80), [40, 80, 200, 500])
    recalls = [recall for _, recall in curve]
    assert recalls == sorted(recalls)
    assert recalls[-1] == 1.0
    assert recalls[1] > 0.7
    assert recalls[1] > 4 * 80 / 500  # a random list of 80


@settings(deadline=None, max_examples=40)
@given(n_items=st.integers(1, 12), k=st.integers(1, 15), seed=st.integers(0, 50), n_anchors=st.integers(1, 15))
def test_a_budget_for_everything_is_a_sort(n_items: int, k: int, seed: int, n_anchors: int) -> None:
    table = np.random.default_rng(seed).integers(-2, 3, (5, n_items)).astype(np.float64)
    index = ANNCUR.from_scores(table[:3], ANNCURParams(n_anchors=n_anchors))
    items, values = index.search(Counted(table), [3, 4], k, budget=max(n_items, 15))
    for nth, query in enumerate((3, 4)):
        order = np.argsort(-table[query], kind="stable")[:k]
        assert items[nth].tolist() == [*order.tolist(), *[-1] * (k - order.size)]
        assert values[nth, : order.size].tolist() == table[query, order].tolist()


def test_the_seed_decides_the_anchors() -> None:
    table = low_rank(20, 300, 4)
    one, again = ANNCUR.from_scores(table), ANNCUR.from_scores(table)
    assert one.items.tobytes() == again.items.tobytes()
    assert ANNCUR.from_scores(table, ANNCURParams(seed=1)).anchors.tolist() != one.anchors.tolist()


@pytest.mark.parametrize("wrong", [{"n_anchors": 0}, {"rcond": 1.0}, {"rcond": -0.1}, {"rcond": float("nan")}])
def test_params_that_cannot_run_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(wrong))):
        ANNCURParams(**wrong)


def test_what_cannot_be_searched_is_refused() -> None:
    table = low_rank(20, 60, 4)
    index = ANNCUR.from_scores(table)
    with pytest.raises(InvalidQuery, match="budget of 49"):
        index.search(Counted(table), [0], budget=49)
    with pytest.raises(InvalidQuery, match="budget of 55"):
        index.search(Counted(table), [0], 58, budget=55)
    with pytest.raises(InvalidQuery, match="k = 0"):
        index.search(Counted(table), [0], 0)
    with pytest.raises(InvalidInput, match="finite"):
        ANNCUR.from_scores(table * np.nan)
    with pytest.raises(InvalidInput, match="shape"):
        ANNCUR.from_scores(table[0])
    with pytest.raises(InvalidInput, match="0 queries"):
        ANNCUR.build(Counted(table), [], 60)
    with pytest.raises(InvalidInput, match="for 50 items"):
        index.search(lambda query, items: np.zeros(3), [0])
