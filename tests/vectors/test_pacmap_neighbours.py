"""The rows PaCMAP chooses from: exact where rows are few, nearly all of the nearest where they are many."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from vectors import pacmap_neighbours as module
from vectors.ann.exact import exact_top_k
from vectors.pacmap import directions
from vectors.pacmap_neighbours import Nearest, nearest_rows

N, K = 1500, 20


@pytest.fixture(scope="module")
def units() -> npt.NDArray[np.float32]:
    """Thirty groups; some rows are equal, some zero."""
    random = np.random.default_rng(3)
    rows = random.normal(size=(30, 1, 16)) + 0.9 * random.normal(size=(30, N // 30, 16))
    rows = rows.reshape(N, 16).astype(np.float32)
    rows[100:140], rows[700:703] = rows[100], 0.0
    return directions(rows)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few rows are many, in so few lists, asked for in small pieces."""
    for name, value in (("EXACT", 1000), ("LISTS", 40), ("PROBED", 8), ("_ROWS", 100)):
        monkeypatch.setattr(module, name, value)


def share(found: Nearest, units: npt.NDArray[np.float32]) -> float:
    """Of what was found, how much is no farther than the true last one."""
    _, true = exact_top_k(units, units, K, metric="l2", exclude=np.arange(N))
    return float((found.distances <= true[:, -1:]).mean())


def test_few_rows_are_compared_with_all(units: npt.NDArray[np.float32]) -> None:
    rows, distances = exact_top_k(units, units, K, metric="l2", exclude=np.arange(N))
    found = nearest_rows(units, 0, N, K)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.distances, distances)


@pytest.mark.usefixtures("many")
def test_of_many_rows_nearly_all_are_found_with_their_distances(units: npt.NDArray[np.float32]) -> None:
    found = nearest_rows(units, 0, N, K)
    assert 0.95 < share(found, units) < 1.0
    assert (found.rows != np.arange(N)[:, None]).all()
    assert all(len(set(row)) == K for row in found.rows.tolist())
    apart = np.linalg.norm(units[:, None].astype(np.float64) - units[found.rows], axis=2)
    np.testing.assert_allclose(found.distances, apart, atol=1e-6)
    assert (np.diff(found.distances, axis=1) >= 0).all()


@pytest.mark.usefixtures("many")
def test_neither_the_range_nor_threads_change_what_is_found(units: npt.NDArray[np.float32]) -> None:
    whole = nearest_rows(units, 0, N, K)
    parts = [nearest_rows(units, start, stop, K, n_threads=2) for start, stop in pairwise((0, 7, 850, N))]
    for name in Nearest._fields:
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(whole, name))


@pytest.mark.usefixtures("many")
def test_rows_whose_lists_hold_too_few_are_compared_with_all(
    units: npt.NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROBED", 1)
    found = nearest_rows(units, 0, N, 200)
    rows, _ = exact_top_k(units, units, 200, metric="l2", exclude=np.arange(N))
    np.testing.assert_array_equal(found.rows, rows)
