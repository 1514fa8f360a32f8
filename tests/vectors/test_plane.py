"""The two principal components, against NumPy's singular value decomposition."""

from __future__ import annotations

import hypothesis.extra.numpy as hnp
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectors import plane
from vectors.plane import principal_plane

NUMBERS = st.sampled_from([0.0, 1.0, -1.0, 0.5]) | st.floats(-(2.0**60), 2.0**60, width=32)
MATRICES = hnp.arrays(np.float32, st.tuples(st.integers(0, 30), st.integers(1, 9)), elements=NUMBERS)


def centred(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Directions in float64, their mean taken off."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    rows = np.where(lengths > 0, vectors / np.where(lengths > 0, lengths, 1.0), 0.0)
    return rows - rows.mean(axis=0) if len(rows) else rows


@given(MATRICES)
def test_the_points_hold_as_much_of_the_variance_as_any_plane_can(vectors: npt.NDArray[np.float32]) -> None:
    rows = centred(vectors)
    found = principal_plane(vectors)
    assert (found.points.shape, found.points.dtype) == ((len(vectors), 2), np.float32)
    best = np.linalg.svd(rows, compute_uv=False)[:2] ** 2
    held = (found.points.astype(np.float64) ** 2).sum(axis=0)
    np.testing.assert_allclose(held[: len(best)], best, atol=1e-4 * max(len(vectors), 1))


@given(MATRICES)
def test_shares_explained_are_the_variances_of_the_axes(vectors: npt.NDArray[np.float32]) -> None:
    rows = centred(vectors)
    total = (rows**2).sum()
    found = principal_plane(vectors)
    if total > 1e-3:
        held = (found.points.astype(np.float64) ** 2).sum(axis=0) / total
        np.testing.assert_allclose(found.explained, held, atol=1e-2)
    assert 0.0 <= sum(found.explained) <= 1.0 + 1e-9


def test_distances_within_a_plane_are_kept() -> None:
    angles = np.linspace(0.0, 2.0, 40)
    flat = np.stack((np.cos(angles), np.sin(angles)), axis=1)
    turned, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(7, 2)))
    vectors = (flat @ turned.T * 5.0).astype(np.float32)  # lengths do not count
    points = principal_plane(vectors).points
    between = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.testing.assert_allclose(between, np.linalg.norm(flat[:, None] - flat[None], axis=2), atol=1e-5)


def test_rows_in_several_blocks_are_projected_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(5).normal(size=(50, 6)).astype(np.float32)
    whole = principal_plane(vectors)
    monkeypatch.setattr(plane, "_BLOCK", 7)
    pieces = principal_plane(vectors)
    np.testing.assert_allclose(pieces.points, whole.points, atol=1e-5)


def test_of_many_rows_a_sample_decides_the_axes(monkeypatch: pytest.MonkeyPatch) -> None:
    spread = np.array([3.0, 1.0, 0.1, 0.1, 0.1])
    vectors = (np.random.default_rng(6).normal(size=(4_000, 5)) * spread).astype(np.float32)
    whole = principal_plane(vectors)
    monkeypatch.setattr(plane, "_SAMPLE", 500)
    sampled = principal_plane(vectors)
    held = (sampled.points**2).sum() / (whole.points**2).sum()
    assert 0.99 < held < 1.01
    np.testing.assert_allclose(sampled.explained, whole.explained, atol=0.05)


def test_one_number_a_row_has_one_axis() -> None:
    found = principal_plane(np.array([[2.0], [-3.0], [0.0]], dtype=np.float32))
    np.testing.assert_allclose(found.points, [[1, 0], [-1, 0], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(found.explained, (1.0, 0.0))
