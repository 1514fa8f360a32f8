"""PaCMAP: its forces against the paper's loss, its pairs against brute force, and what its points keep."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from foundation.errors import InvalidParams
from vectors import pacmap as module
from vectors.kernels.pacmap import add_forces, draw_far, draw_mid_near
from vectors.pacmap import PaCMAPParams, directions, nearest, neighbours_kept, pacmap
from vectors.plane import principal_plane

KEY = np.uint64(12345)


@pytest.fixture(scope="module")
def groups() -> npt.NDArray[np.float32]:
    """Twelve groups of forty, each along a curve of its own, in thirty dimensions."""
    random = np.random.default_rng(2)
    centres, along, across = random.normal(size=(3, 12, 1, 30))
    turn = random.uniform(0, 3, size=(12, 40, 1))
    rows = 2 * centres + np.cos(turn) * along + np.sin(turn) * across + 0.05 * random.normal(size=(12, 40, 30))
    return rows.reshape(480, 30).astype(np.float32)


def test_more_neighbours_are_kept_than_principal_components_keep(groups: npt.NDArray[np.float32]) -> None:
    units = directions(groups)
    points = pacmap(groups, PaCMAPParams())
    assert (points.shape, points.dtype) == ((480, 2), np.float32)
    kept, flat = neighbours_kept(points, units), neighbours_kept(principal_plane(groups).points, units)
    assert kept > flat + 0.1
    group = np.arange(480) // 40
    apart = np.linalg.norm(points[:, None].astype(np.float64) - points[None], axis=2) + np.diag(np.full(480, np.inf))
    assert (group[apart.argsort(axis=1)[:, :5]] == group[:, None]).mean() > 0.95


def test_bytes_do_not_depend_on_threads_or_ranges(
    groups: npt.NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    params = PaCMAPParams(seed=3)
    one = pacmap(groups, params)
    monkeypatch.setattr(module, "_ROWS", 50)
    assert pacmap(groups, params, n_threads=2).tobytes() == one.tobytes()
    assert pacmap(groups, PaCMAPParams(seed=4)).tobytes() != one.tobytes()


def test_neighbours_of_a_range_are_those_of_all(groups: npt.NDArray[np.float32]) -> None:
    params, units = PaCMAPParams(n_neighbors=5), directions(groups)
    whole = nearest(units, 0, 480, params)
    parts = [nearest(units, start, stop, params) for start, stop in pairwise((0, 7, 200, 480))]
    for name in ("rows", "distances"):
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(whole, name))


def test_forces_are_the_gradient_of_the_loss() -> None:
    random = np.random.default_rng(5)
    points = random.normal(size=(9, 2)) * 3
    near, mid, far = (random.integers(0, 9, size=(9, n)).astype(np.int32) for n in (2, 1, 3))

    def loss(points: npt.NDArray[np.float64]) -> float:
        """Definition 5.1 of the paper, with weights 2, 7 and 1."""
        total = 0.0
        for pairs, term in (
            (near, lambda d: 2 * d / (10 + d)),
            (mid, lambda d: 7 * d / (10_000 + d)),
            (far, lambda d: 1 / (1 + d)),
        ):
            for row in range(9):
                for other in pairs[row]:
                    total += term(((points[row] - points[other]) ** 2).sum() + 1)
        return total

    forces = np.zeros((9, 2))
    for pairs, weight, softness in ((near, 2.0, 10.0), (mid, 7.0, 10_000.0), (far, -1.0, 1.0)):
        starts, partners = module._partners(pairs)
        for start, stop in ((0, 4), (4, 9)):
            add_forces(start, stop, points, starts, partners, 2 * weight * softness, softness, forces)
    step = 1e-6
    for row in range(9):
        for axis in range(2):
            moved = np.zeros((9, 2))
            moved[row, axis] = step
            slope = (loss(points + moved) - loss(points - moved)) / (2 * step)
            assert forces[row, axis] == pytest.approx(slope, abs=1e-6)


def test_neighbours_are_chosen_by_scaled_distance(groups: npt.NDArray[np.float32]) -> None:
    units = directions(groups)
    near = module._near(nearest(units, 0, 480, PaCMAPParams()), 10)
    apart = np.linalg.norm(units[:, None].astype(np.float64) - units[None], axis=2) + np.diag(np.full(480, np.inf))
    order = apart.argsort(axis=1)
    sigma = np.take_along_axis(apart, order[:, 3:6], axis=1).mean(axis=1)
    scaled = apart**2 / (sigma[:, None] * sigma[None])
    for row in range(480):
        candidates = order[row, : 10 + module.SPARE]
        best = np.sort(scaled[row, candidates])[:10]
        np.testing.assert_allclose(np.sort(scaled[row, near[row]]), best, rtol=1e-4)


def test_far_pairs_are_different_rows_that_are_not_near() -> None:
    near = np.array([[(row + 1) % 8, (row + 3) % 8] for row in range(8)], dtype=np.int32)
    out = np.full((8, 5), -1, dtype=np.int32)  # all that there are
    draw_far(0, 8, near, KEY, out)
    for row in range(8):
        assert sorted(out[row]) == sorted(set(range(8)) - {row} - set(near[row].tolist()))


def test_middling_pairs_are_nearer_than_most_and_not_the_nearest() -> None:
    line = np.arange(2000, dtype=np.float32)[:, None]
    out = np.empty((2000, 4), dtype=np.int32)
    draw_mid_near(0, 900, line, KEY, out)
    draw_mid_near(900, 2000, line, KEY, out)
    rows = np.arange(2000)[:, None]
    assert (out != rows).all()
    # The second least of six even draws is at 2/7 on average, with a standard error of .002 over 8,000 of them.
    nearer = (np.abs(rows[:, :, None] - np.arange(2000)) < np.abs(out - rows)[:, :, None]).mean(axis=2)
    assert nearer.mean() == pytest.approx(2 / 7, abs=0.01)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 70])
@pytest.mark.parametrize("kind", ["zeros", "equal", "random"])
def test_few_rows_and_equal_rows_have_places(n: int, kind: str) -> None:
    rows = np.random.default_rng(n).normal(size=(n, 3)).astype(np.float32) * (kind != "zeros")
    if kind == "equal" and n:
        rows[:] = rows[0]
    params = PaCMAPParams()
    points = pacmap(rows, params)
    assert points.shape == (n, 2)
    assert np.isfinite(points).all()
    assert 0.0 <= neighbours_kept(points, directions(rows)) <= 1.0


def test_lengths_do_not_count(groups: npt.NDArray[np.float32]) -> None:
    scaled = groups * np.float32(2.0) ** np.random.default_rng(0).integers(-9, 9, size=(480, 1)).astype(np.float32)
    np.testing.assert_array_equal(directions(scaled), directions(groups))


@pytest.mark.parametrize(
    "wrong", [{"n_neighbors": 0}, {"n_neighbors": 201}, {"far_ratio": -1.0}, {"mid_near_ratio": float("nan")}]
)
def test_parameters_that_cannot_run_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(wrong))):
        PaCMAPParams(**wrong)  # type: ignore[arg-type]  # wrong on purpose
