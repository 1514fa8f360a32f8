"""Consensus of runs: agreement counted, links dropped, and the end of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.consensus import MOST_ROUNDS, consensus
from clustering.kernels.partition import best_partners, count_agreement
from clustering.symmetric import SymmetricRows, symmetric_rows
from tests.clustering.weighted_graphs import cliques, matrices


@settings(deadline=None, max_examples=60)
@given(matrix=matrices(), data=st.data())
def test_agreement_is_counted_link_by_link(matrix: scipy.sparse.csr_array, data: st.DataObject) -> None:
    rows = symmetric_rows(matrix)
    n = rows.degree.size
    labels = st.lists(st.integers(0, 2), min_size=n, max_size=n)
    runs = np.array(data.draw(st.lists(labels, min_size=1, max_size=4)), dtype=np.int32).T.copy()
    counts = np.empty(rows.indices.size, dtype=np.int32)
    count_agreement(rows.indptr, rows.indices, runs, counts)
    ends = np.repeat(np.arange(n), np.diff(rows.indptr))
    together = [int((runs[u] == runs[v]).sum()) for u, v in zip(ends, rows.indices, strict=True)]
    assert counts.tolist() == together
    best = np.empty(n, dtype=np.int32)
    best_partners(rows.indptr, rows.indices, counts, 2.0, best)
    for node in range(n):
        mine = {int(v): c for u, v, c in zip(ends, rows.indices, together, strict=True) if u == node and v != node}
        largest = max(mine.values(), default=0)
        expected = -1 if largest >= 2 or largest == 0 else min(v for v, c in mine.items() if c == largest)
        assert best[node] == expected


def test_runs_that_agree_end_in_the_first_round() -> None:
    rows = symmetric_rows(cliques(3, 4))
    found = consensus(rows, lambda links, seed: _blocks(0), 5, 0.5, 0)
    assert (found.labels.tolist(), found.n_rounds, found.is_stable) == (_blocks(0).tolist(), 1, True)
    assert found.first_agreement == 1


def test_what_most_runs_say_wins() -> None:
    """One run of four puts two cliques together; later rounds see that their link was dropped."""
    rows = symmetric_rows(cliques(3, 4))
    asked: list[int] = []

    def search(links: SymmetricRows, seed: int) -> npt.NDArray[np.int32]:
        asked.append(links.indices.size)
        labels = _blocks(0)
        if len(asked) == 2:
            labels[4:8] = labels[0]
        return labels

    found = consensus(rows, search, 4, 0.5, 0)
    assert (found.labels.tolist(), found.n_rounds, found.is_stable) == (_blocks(0).tolist(), 2, True)
    assert asked == [42] * 4 + [36] * 4
    assert found.first_agreement == pytest.approx(1 - 2 * 0.25 * 0.75 * 2 / 42)


def test_runs_that_never_agree_are_told() -> None:
    rows = symmetric_rows(cliques(2, 3))
    seeds: set[int] = set()

    def search(links: SymmetricRows, seed: int) -> npt.NDArray[np.int32]:
        seeds.add(seed)
        return np.array([0, 0, 0, 1, 1, 1] if len(seeds) % 2 else [0] * 6, dtype=np.int32)

    found = consensus(rows, search, 2, 0.5, 0)
    assert (found.n_rounds, found.is_stable) == (MOST_ROUNDS, False)
    assert len(seeds) == 2 * MOST_ROUNDS


def _blocks(first: int) -> npt.NDArray[np.int32]:
    return np.repeat(np.arange(first, first + 3, dtype=np.int32), 4)
