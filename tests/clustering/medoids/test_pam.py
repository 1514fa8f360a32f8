"""FasterPAM and FastPAM1 against PAM from its definition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.medoids.assignment import Medoids
from clustering.medoids.dissimilarities import Matrix
from clustering.medoids.fasterpam import fasterpam
from clustering.medoids.fastpam1 import fastpam1
from clustering.medoids.params import MedoidParams
from foundation.errors import InvalidInput, InvalidParams
from tests.clustering.medoids.matrices import FIVE, blobs, euclidean, matrices
from tests.oracles.pam import change, loss, pam

Search = Callable[..., Medoids]
BOTH = pytest.mark.parametrize("search", [fasterpam, fastpam1])


def check(found: Medoids, matrix: np.ndarray) -> None:
    """A clustering agrees with itself."""
    rows = matrix[found.medoids]
    assert found.medoids.dtype == np.int64
    assert found.labels.dtype == np.int32
    assert found.medoids.tolist() == sorted(set(found.medoids.tolist()))
    assert found.labels.tolist() == rows.argmin(axis=0).tolist()
    assert found.loss == pytest.approx(loss(matrix, found.medoids.tolist()), rel=1e-12)


@BOTH
def test_five_points(search: Search) -> None:
    found = search(Matrix(FIVE), MedoidParams(n_medoids=2), medoids=[0, 1])
    assert found.loss == 4
    assert found.medoids.tolist() == [0, 3]
    assert found.labels.tolist() == [0, 0, 0, 1, 1]
    assert found.converged
    single = search(Matrix(FIVE), MedoidParams(n_medoids=1))
    assert (single.loss, single.medoids.tolist()) == (14, [0])


@settings(deadline=None)
@given(matrix=matrices(), data=st.data())
def test_fastpam1_swaps_as_pam_does(matrix: np.ndarray, data: st.DataObject) -> None:
    n = len(matrix)
    k = data.draw(st.integers(2, n), label="k") if n > 1 else 1
    start = data.draw(st.permutations(range(n)), label="start")[:k]
    path = pam(matrix, start)
    for n_swaps in range(1, len(path)):
        params = MedoidParams(n_medoids=k, max_iter=n_swaps)
        assert fastpam1(Matrix(matrix), params, medoids=start).medoids.tolist() == sorted(path[n_swaps])
    found = fastpam1(Matrix(matrix), MedoidParams(n_medoids=k), medoids=start)
    check(found, matrix)
    assert found.converged
    assert found.n_swaps == len(path) - 1
    assert found.loss == loss(matrix, path[-1])


@BOTH
@settings(deadline=None)
@given(matrix=matrices(), data=st.data())
def test_no_swap_improves_what_is_found(search: Search, matrix: np.ndarray, data: st.DataObject) -> None:
    n = len(matrix)
    k = data.draw(st.integers(1, n), label="k")
    init = data.draw(st.sampled_from(["random", "build", "lab"]), label="init")
    found = search(Matrix(matrix), MedoidParams(n_medoids=k, init=init, seed=data.draw(st.integers(0, 9))))
    check(found, matrix)
    assert found.converged
    medoids = found.medoids.tolist()
    others = [o for o in range(n) if o not in medoids]
    assert all(change(matrix, medoids, slot, other) >= 0 for slot in range(k) for other in others)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fasterpam_swaps_eagerly_in_the_order_of_objects(dtype: type) -> None:
    matrix = euclidean(blobs(200, 8)).astype(dtype)
    medoids, since, candidate = list(range(8)), 0, 0
    while since < 200 - 8:
        if candidate not in medoids:
            brute = [change(matrix, medoids, slot, candidate) for slot in range(8)]
            since += 1
            if min(brute) < -1e-9:
                medoids[int(np.argmin(brute))], since = candidate, 0
        candidate = (candidate + 1) % 200
    found = fasterpam(Matrix(matrix), MedoidParams(n_medoids=8), medoids=list(range(8)))
    assert found.medoids.tolist() == sorted(medoids)


@BOTH
def test_bytes_do_not_depend_on_threads(search: Search) -> None:
    matrix = Matrix(euclidean(blobs(1500, 12)).astype(np.float32))
    for init in ("random", "build"):
        one, *others = (
            search(matrix, MedoidParams(n_medoids=12, init=init), n_threads=n_threads) for n_threads in (1, 2, 5)
        )
        for other in others:
            assert other.medoids.tobytes() == one.medoids.tobytes()
            assert other.labels.tobytes() == one.labels.tobytes()
            assert (other.loss, other.n_iter, other.n_swaps) == (one.loss, one.n_iter, one.n_swaps)


def test_seeds_give_other_starts_and_equal_params_equal_answers() -> None:
    matrix = Matrix(euclidean(blobs(300, 30)))
    answers = [fasterpam(matrix, MedoidParams(n_medoids=20, seed=seed)).medoids.tolist() for seed in (0, 1, 0)]
    assert answers[0] == answers[2] != answers[1]


def test_a_row_is_what_objects_pay_to_the_medoid() -> None:
    matrix = np.array([[0, 1, 1], [9, 0, 9], [9, 9, 0]], dtype=np.float64)
    assert fasterpam(Matrix(matrix), MedoidParams(n_medoids=1)).medoids.tolist() == [0]
    assert fasterpam(Matrix(matrix.T), MedoidParams(n_medoids=1)).medoids.tolist() == [1]


@BOTH
def test_an_end_at_max_iter_is_said(search: Search) -> None:
    matrix = Matrix(euclidean(blobs(300, 10)))
    found = search(matrix, MedoidParams(n_medoids=10, max_iter=1))
    assert not found.converged
    assert found.n_iter == 1


@BOTH
def test_iris_from_build_ends_where_pam_is_known_to(search: Search) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    found = search(Matrix(euclidean(datasets.load_iris().data)), MedoidParams(n_medoids=3, init="build"))
    assert found.loss == pytest.approx(98.131155, abs=1e-6)
    assert found.medoids.tolist() == [7, 78, 112]


@pytest.mark.parametrize("given", [[0], [0, 0], [0, 5], [-1, 2], [0.0, 1.0], [[0, 1]]])
def test_starts_that_are_no_medoids_are_refused(given: list[int]) -> None:
    with pytest.raises(InvalidInput, match="not 2 different ones of 5 objects"):
        fasterpam(Matrix(FIVE), MedoidParams(n_medoids=2), medoids=given)


def test_more_medoids_than_objects_are_refused() -> None:
    with pytest.raises(InvalidParams, match="n_medoids"):
        fasterpam(Matrix(FIVE), MedoidParams(n_medoids=6))


@pytest.mark.parametrize(
    "wrong", [{"n_medoids": 0}, {"n_medoids": True}, {"init": "best"}, {"max_iter": 0}, {"seed": 0.5}]
)
def test_params_that_cannot_run_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(wrong))):
        MedoidParams(**{"n_medoids": 2, **wrong})  # type: ignore[arg-type]
