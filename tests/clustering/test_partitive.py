"""Partitions that mixtures confirm."""

from __future__ import annotations

import importlib.util

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from clustering.partitive import PartitiveParams, partition
from foundation.errors import InvalidInput, InvalidParams, MissingExtra

pytest.importorskip("sklearn")
from sklearn.datasets import load_iris, make_blobs
from sklearn.metrics import adjusted_rand_score

QUICK = PartitiveParams(max_clusters=6, n_runs=4)


def four_blobs() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    return make_blobs(600, centers=4, cluster_std=0.6, random_state=3)


def two_moons_apart(n: int, dim: int, seed: int = 0) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Two wide blobs in many dimensions."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    return rng.standard_normal((n, dim)) + 8 * truth[:, None] / np.sqrt(dim), truth


@pytest.mark.parametrize("seed", range(5))
def test_four_blobs_are_four_whatever_the_seed(seed: int) -> None:
    points, truth = four_blobs()
    found = partition(points, PartitiveParams(max_clusters=7, seed=seed))
    assert found.n_clusters == 4
    assert adjusted_rand_score(truth, found.labels) == 1
    assert found.validated.all()
    assert found.separable.mean() > 0.99
    bic = {trial.n_clusters: trial.bic for trial in found.trials}
    assert set(bic) == set(range(1, 8))
    assert all(bic[4] < bic[k] for k in bic if k != 4)


def test_ten_shuffles_give_the_same_bytes() -> None:
    points, _ = four_blobs()
    points = np.concatenate([points, points[:50], np.random.default_rng(0).uniform(-10, 10, (40, 2))])
    usual = partition(points, QUICK)
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(len(points))
        shuffled = partition(points[order], QUICK)
        assert shuffled.labels.tobytes() == usual.labels[order].tobytes()
        assert shuffled.responsibility.tobytes() == usual.responsibility[order].tobytes()
        assert shuffled.separable.tobytes() == usual.separable[order].tobytes()
        assert shuffled.validated.tobytes() == usual.validated.tobytes()
        assert shuffled.trials == usual.trials


def test_shuffles_do_not_change_sampled_and_projected_points_either() -> None:
    points, truth = two_moons_apart(900, 20)
    params = PartitiveParams(max_clusters=3, n_runs=3, max_points=400, max_dim=5)
    usual = partition(points, params)
    assert usual.n_clusters == 2
    assert adjusted_rand_score(truth, usual.labels) > 0.98
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(points))
        shuffled = partition(points[order], params)
        assert shuffled.labels.tobytes() == usual.labels[order].tobytes()
        assert shuffled.responsibility.tobytes() == usual.responsibility[order].tobytes()


def test_iris_falls_into_its_two_separable_parts_not_its_species() -> None:
    iris = load_iris()
    for seed in range(3):
        found = partition(iris.data, PartitiveParams(seed=seed))
        assert found.n_clusters == 2
        assert adjusted_rand_score(iris.target == 0, found.labels) > 0.9
        trial = found.trials[1]
        assert trial.agreement == pytest.approx(0.92, abs=0.01)
        assert trial.bic == pytest.approx(574.0, abs=0.5)


def test_one_blob_is_one_cluster() -> None:
    points = np.random.default_rng(0).standard_normal((300, 3))
    found = partition(points, QUICK)
    assert (found.n_clusters, found.labels.tolist()) == (1, [0] * 300)
    assert found.validated.tolist() == [True]


def test_clusters_are_numbered_by_size() -> None:
    points, truth = make_blobs([30, 90, 60], centers=[[0, 0], [9, 0], [0, 9]], cluster_std=0.5, random_state=0)
    found = partition(points, QUICK)
    assert np.bincount(found.labels).tolist() == [90, 60, 30]
    assert found.labels.tolist() == np.array([2, 0, 1])[truth].tolist()


def test_units_and_places_of_the_points_do_not_matter() -> None:
    points, _ = four_blobs()
    usual, moved = partition(points, QUICK), partition(points * 2.0**20 + 2.0**24, QUICK)
    assert adjusted_rand_score(usual.labels, moved.labels) == 1
    n, dim = points.shape
    for one, other in zip(usual.trials, moved.trials, strict=True):
        assert other.bic == pytest.approx(one.bic + 2 * n * dim * np.log(2.0**20), rel=1e-6)


def test_points_between_blobs_are_not_separable() -> None:
    points, truth = make_blobs([200, 200], centers=[[0, 0], [4, 0]], cluster_std=1, random_state=0)
    found = partition(points, QUICK)
    assert found.n_clusters == 2
    between = np.abs(points[:, 0] - 2) < 0.3
    assert not found.separable[between].any()
    assert found.separable[(points[:, 0] < 0) | (points[:, 0] > 4)].all()
    assert adjusted_rand_score(truth[found.separable], found.labels[found.separable]) > 0.97
    assert (found.responsibility[found.separable] >= 0.99).all()


def test_small_parts_are_taken_by_variances_alone() -> None:
    points, truth = make_blobs(40, centers=4, n_features=12, cluster_std=0.3, random_state=1)
    found = partition(points, PartitiveParams(covariance="diag", max_clusters=5))
    assert found.n_clusters == 4
    assert adjusted_rand_score(truth, found.labels) == 1


@settings(deadline=None, max_examples=25)
@given(
    points=st_numpy.arrays(
        np.float64, st.tuples(st.integers(2, 12), st.integers(1, 3)), elements=st.sampled_from([0.0, -0.0, 1.0, 2.5])
    ),
    data=st.data(),
)
def test_ties_and_duplicates_do_not_depend_on_their_order(points: npt.NDArray[np.float64], data: st.DataObject) -> None:
    params = PartitiveParams(max_clusters=3, n_runs=2, covariance="diag")
    order = np.array(data.draw(st.permutations(range(len(points)))))
    usual, shuffled = partition(points, params), partition(points[order], params)
    assert shuffled.labels.tobytes() == usual.labels[order].tobytes()
    assert usual.labels.max() < usual.n_clusters
    assert shuffled.trials == usual.trials


@pytest.mark.parametrize(
    ("points", "what"),
    [
        (np.zeros((0, 2)), "no matrix"),
        (np.zeros((1, 2)), "no matrix"),
        (np.zeros(4), "no matrix"),
        (np.array([[0.0], [np.nan]]), "row 1"),
        (np.array([[0.0], [1.0], [np.inf]]), "row 2"),
        (np.array([[1e300], [-1e300]]), "overflow"),
    ],
)
def test_what_is_no_points_is_refused(points: npt.NDArray[np.float64], what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        partition(points)


def test_more_clusters_than_points_can_carry_are_refused() -> None:
    with pytest.raises(InvalidParams, match="min_clusters"):
        partition(np.zeros((9, 2)), PartitiveParams(min_clusters=2))
    with pytest.raises(InvalidParams, match="min_clusters"):
        partition(np.eye(4), PartitiveParams(min_clusters=3))


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_clusters": 0},
        {"max_clusters": 0},
        {"n_runs": 0},
        {"covariance": "tied"},
        {"max_points": 1},
        {"max_dim": 0},
        {"min_agreement": 1.1},
        {"separable_certainty": -1},
        {"seed": "0"},
    ],
)
def test_params_that_cannot_run_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(wrong))):
        PartitiveParams(**wrong)  # type: ignore[arg-type]


def test_a_missing_library_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"scikit-learn.*purlieu\[clustering\]") as raised:
        partition(np.zeros((5, 2)))
    assert "\n" not in str(raised.value)
