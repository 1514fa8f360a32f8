"""First medoids."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.medoids.dissimilarities import Matrix
from clustering.medoids.params import MedoidParams
from clustering.medoids.starts import build, build_on_samples, drawn, first_medoids
from tests.clustering.medoids.matrices import blobs, euclidean, matrices
from tests.oracles import pam


@settings(deadline=None)
@given(matrix=matrices(), data=st.data())
def test_build_chooses_what_looking_at_all_would(matrix: np.ndarray, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(matrix)), label="k")
    assert build(Matrix(matrix), k).tolist() == pam.build(matrix, k)


def test_build_does_not_depend_on_threads() -> None:
    matrix = Matrix(euclidean(blobs(1200, 9)))
    assert build(matrix, 20).tobytes() == build(matrix, 20, n_threads=3).tobytes()


@settings(deadline=None)
@given(matrix=matrices(), seed=st.integers(0, 5), data=st.data())
def test_medoids_from_samples_are_different(matrix: np.ndarray, seed: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(matrix)), label="k")
    assert np.unique(build_on_samples(Matrix(matrix), k, seed)).size == k


def test_samples_that_hold_everything_give_build() -> None:
    matrix = euclidean(blobs(12, 3))
    assert 10 + math.ceil(math.sqrt(12)) >= 12
    assert build_on_samples(Matrix(matrix), 5, 0).tolist() == pam.build(matrix, 5)


def test_samples_start_nearer_than_chance() -> None:
    matrix = euclidean(blobs(400, 10))
    chance = [pam.loss(matrix, drawn(400, 10, seed, "test").tolist()) for seed in range(20)]
    lab = [pam.loss(matrix, build_on_samples(Matrix(matrix), 10, seed).tolist()) for seed in range(20)]
    assert np.mean(lab) < np.mean(chance)


def test_random_ones_are_different_and_each_as_likely() -> None:
    counts = np.zeros(6)
    for seed in range(600):
        medoids = first_medoids(Matrix(np.zeros((6, 6))), MedoidParams(n_medoids=2, seed=seed))
        assert np.unique(medoids).size == 2
        counts[medoids] += 1
    assert np.abs(counts - 200).max() < 4 * math.sqrt(600 * (1 / 3) * (2 / 3))
