"""Changes of the loss that one look gives, against sums of all distances."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.kernels.medoids import swap_change
from clustering.medoids.dissimilarities import Matrix
from clustering.medoids.state import State, begin
from tests.clustering.medoids.matrices import blobs, euclidean, matrices
from tests.oracles.pam import change, loss


def changes(state: State, row: np.ndarray) -> np.ndarray:
    """Of all slots, for one candidate."""
    share = np.empty(state.medoids.size)
    best, slot = swap_change(row, state.near, state.least, state.second, state.removal, share)
    assert slot == share.argmin()
    return share + (best - share[slot])


def test_one_look_gives_the_change_of_every_swap() -> None:
    matrix = euclidean(blobs(150, 6))  # more than two masks of 64, and a rest
    medoids = list(np.random.default_rng(1).choice(150, 7, replace=False))
    state = begin(Matrix(matrix), np.array(medoids))
    for candidate in range(150):
        if candidate not in medoids:
            brute = [change(matrix, medoids, slot, candidate) for slot in range(7)]
            np.testing.assert_allclose(changes(state, matrix[candidate]), brute, atol=1e-9)


@settings(deadline=None)
@given(matrix=matrices(min_objects=3), data=st.data())
def test_changes_are_exact_on_whole_numbers_also_after_swaps(matrix: np.ndarray, data: st.DataObject) -> None:
    n = len(matrix)
    k = data.draw(st.integers(2, n - 1), label="k")
    medoids = data.draw(st.permutations(range(n)), label="medoids")[:k]
    state = begin(Matrix(matrix), np.array(medoids))
    for _ in range(3):
        others = [o for o in range(n) if o not in medoids]
        for candidate in others:
            brute = [change(matrix, medoids, slot, candidate) for slot in range(k)]
            assert changes(state, matrix[candidate]).tolist() == brute
        candidate = data.draw(st.sampled_from(others), label="candidate")
        slot = data.draw(st.integers(0, k - 1), label="slot")
        state.swap(slot, candidate, matrix[candidate])
        medoids = [*medoids[:slot], candidate, *medoids[slot + 1 :]]
        assert state.medoids.tolist() == medoids
        assert float(state.least.sum()) == loss(matrix, medoids)
        ordered = np.sort(matrix[medoids], axis=0)
        assert state.least.tolist() == ordered[0].tolist()
        assert state.second.tolist() == ordered[1].tolist()
        assert (matrix[medoids][state.next_near, np.arange(n)] == ordered[1]).all()
        assert (state.near != state.next_near).all()
