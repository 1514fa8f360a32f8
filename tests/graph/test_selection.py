"""The largest of many values: a sort by value, then by number, of which only the head is made."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.kernels.selection import BINS, keys_of, select, unpack


def selected(scores: list[float], k: int) -> tuple[list[int], list[float]]:
    keys = np.empty(len(scores), dtype=np.uint64)
    n_keys = keys_of(np.array(scores), keys)
    n_best = select(keys[:n_keys], k, np.empty(BINS, dtype=np.int32))
    nodes, values = np.empty(k, dtype=np.int64), np.empty(k, dtype=np.float32)
    unpack(keys[:n_best], nodes, values)
    return nodes.tolist(), values.tolist()


def expected(scores: list[float], k: int) -> tuple[list[int], list[float]]:
    values = np.array(scores).astype(np.float32)
    order = sorted(np.flatnonzero(values > 0).tolist(), key=lambda i: (-values[i], i))[:k]
    pads = k - len(order)
    return order + [-1] * pads, values[order].tolist() + [0.0] * pads


@given(
    scores=st.lists(st.sampled_from([0.0, -1.0, 1e-46, 1e-40, 1.0, 1.0 + 1e-9, 2.0, 3.0]), min_size=1, max_size=40),
    k=st.integers(1, 45),
)
@settings(deadline=None, max_examples=150)
def test_selection_is_a_sort_in_float32_ties_by_place(scores: list[float], k: int) -> None:
    assert selected(scores, k) == expected(scores, k)


@pytest.mark.parametrize("k", [1, 10, 500, 2999, 3000, 4000])
@pytest.mark.parametrize("kind", ["spread", "alike", "two values", "one bit apart", "powers"])
def test_many_values_need_several_counts(k: int, kind: str) -> None:
    rng = np.random.default_rng(3)
    scores = {
        "spread": rng.random(3000),
        "alike": np.full(3000, 0.25),
        "two values": np.where(rng.random(3000) < 0.1, 2.0, 1.0),
        "one bit apart": 1.0 + 2.0**-23 * rng.integers(0, 1000, 3000),
        "powers": 2.0 ** -rng.integers(0, 140, 3000).astype(float),
    }[kind]
    assert selected(scores.tolist(), k) == expected(scores.tolist(), k)


def test_no_score_above_zero_leaves_only_pads() -> None:
    assert selected([0.0, -2.0], 3) == ([-1, -1, -1], [0.0, 0.0, 0.0])
