"""FastCLARA and FastCLARANS: medoids without a whole matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.medoids.assignment import Medoids
from clustering.medoids.dissimilarities import EVERY, Chosen, Dissimilarities, Matrix, Rows, numbers
from clustering.medoids.fastclara import fastclara
from clustering.medoids.fastclarans import fastclarans
from clustering.medoids.fasterpam import fasterpam
from clustering.medoids.params import ClaransParams, ClaraParams, MedoidParams
from clustering.medoids.vectors import VectorDissimilarities
from foundation.errors import InvalidParams
from tests.clustering.medoids.matrices import blobs, euclidean, matrices
from tests.oracles.pam import change, loss

Search = Callable[..., Medoids]
SEARCHES = [
    lambda d, k, **more: fastclara(d, ClaraParams(n_medoids=k, sample_size=max(k, 60)), **more),
    lambda d, k, **more: fastclarans(d, ClaransParams(n_medoids=k), **more),
]
BOTH = pytest.mark.parametrize("search", SEARCHES, ids=["fastclara", "fastclarans"])


@final
class Counted(Dissimilarities):
    """Counts what is asked for, and remembers the largest block."""

    def __init__(self, base: Dissimilarities) -> None:
        self.base, self.n_asked, self.largest = base, 0, 0

    def __len__(self) -> int:
        return len(self.base)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.base.dtype

    def rows(self, candidates: Chosen, objects: Chosen = EVERY) -> Rows:
        size = numbers(candidates, len(self)).size * numbers(objects, len(self)).size
        self.n_asked += size
        self.largest = max(self.largest, size)
        return self.base.rows(candidates, objects)


@BOTH
@settings(deadline=None)
@given(matrix=matrices(), data=st.data())
def test_what_is_found_is_a_clustering(search: Search, matrix: np.ndarray, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(matrix)), label="k")
    found = search(Matrix(matrix), k)
    assert np.unique(found.medoids).size == k
    assert found.labels.tolist() == matrix[found.medoids].argmin(axis=0).tolist()
    assert found.loss == loss(matrix, found.medoids.tolist())
    assert found.converged


@BOTH
def test_bytes_do_not_depend_on_threads(search: Search) -> None:
    vectors = VectorDissimilarities(blobs(700, 7))
    one, *others = (search(vectors, 7, n_threads=n_threads) for n_threads in (1, 2, 4))
    for other in others:
        assert other.medoids.tobytes() == one.medoids.tobytes()
        assert other.labels.tobytes() == one.labels.tobytes()
        assert (other.loss, other.n_swaps) == (one.loss, one.n_swaps)


def test_a_sample_of_everything_is_fasterpam() -> None:
    matrix = Matrix(euclidean(blobs(200, 6)))
    sampled = fastclara(matrix, ClaraParams(n_medoids=6, n_samples=1, sample_size=500, seed=3))
    whole = fasterpam(matrix, MedoidParams(n_medoids=6, seed=3))
    assert sampled.medoids.tolist() == whole.medoids.tolist()
    assert (sampled.loss, sampled.n_swaps) == (whole.loss, whole.n_swaps)


def test_more_samples_are_never_worse() -> None:
    vectors = VectorDissimilarities(blobs(1500, 10))
    losses = [fastclara(vectors, ClaraParams(n_medoids=10, n_samples=n, sample_size=40)).loss for n in range(1, 7)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


def test_samples_suffice_to_come_near_to_fasterpam() -> None:
    vectors = VectorDissimilarities(blobs(3000, 10))
    chosen = np.arange(0, 3000, 3)
    sample = Matrix(vectors.rows(chosen, chosen))
    best = min((fasterpam(sample, MedoidParams(n_medoids=10, seed=s)) for s in range(3)), key=lambda found: found.loss)
    reference = loss(vectors.rows(slice(None)), chosen[best.medoids].tolist())
    assert fastclara(vectors, ClaraParams(n_medoids=10)).loss <= 1.02 * reference


def test_samples_ask_for_no_matrix() -> None:
    counted = Counted(VectorDissimilarities(blobs(3000, 5)))
    fastclara(counted, ClaraParams(n_medoids=5, n_samples=3, sample_size=100))
    assert counted.n_asked == 3 * (100 * 100 + 5 * 3000)
    counted = Counted(VectorDissimilarities(blobs(3000, 5)))
    fastclarans(counted, ClaransParams(n_medoids=5))
    assert counted.largest <= 64 * 3000


def test_patience_for_all_candidates_ends_where_few_swaps_are_left() -> None:
    matrix = euclidean(blobs(150, 6))
    medoids = fastclarans(Matrix(matrix), ClaransParams(n_medoids=6, patience=1.0)).medoids.tolist()
    gains = [min(change(matrix, medoids, slot, o) for slot in range(6)) < -1e-9 for o in range(150) if o not in medoids]
    # The chance that a share p of gains is not met in as many draws as there are objects is below exp(-150 p).
    assert np.mean(gains) < 0.1


def test_fastclarans_comes_near_to_fasterpam() -> None:
    matrix = Matrix(euclidean(blobs(600, 8)))
    best = min(fasterpam(matrix, MedoidParams(n_medoids=8, seed=seed)).loss for seed in range(5))
    assert fastclarans(matrix, ClaransParams(n_medoids=8, patience=0.5)).loss < 1.03 * best


@pytest.mark.parametrize("wrong", [{"sample_size": 4}, {"n_samples": 0}, {"n_medoids": 0}, {"init": "x"}])
def test_params_of_samples_that_cannot_run_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(wrong))):
        ClaraParams(**{"n_medoids": 5, **wrong})


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"patience": 1.5}, {"n_starts": 0}, {"n_medoids": 0}])
def test_params_of_draws_that_cannot_run_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(wrong))):
        ClaransParams(**{"n_medoids": 5, **wrong})


@BOTH
def test_more_medoids_than_objects_are_refused(search: Search) -> None:
    with pytest.raises(InvalidParams, match="n_medoids"):
        search(Matrix(np.zeros((3, 3))), 4)
