"""Balanced clusters: as many as asked for, of every row once, and of even size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vectors.spann.mixtures import mixture
from vectors.spann.clusters import balanced_clusters
from vectors.spann.index import SpannIndex
from vectors.spann.params import SpannParams


def points_of(n: int, kind: str) -> Any:
    draw = np.random.default_rng(n)
    noise = draw.standard_normal((n, 16), dtype=np.float32)
    match kind:
        case "noise":
            return noise
        case "equal":
            return np.ones_like(noise)
        case "giant":  # nearly all in one place
            return np.where(draw.random((n, 1)) < 0.9, 1e-3, 10.0).astype(np.float32) * noise
        case _:
            return noise + 5 * draw.standard_normal((8, 16), dtype=np.float32)[draw.integers(8, size=n)]


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 600),
    n_clusters=st.integers(1, 700),
    kind=st.sampled_from(["noise", "equal", "giant", "mixture"]),
    seed=st.integers(0, 3),
)
def test_there_are_as_many_as_asked_for_with_every_row_in_one(n: int, n_clusters: int, kind: str, seed: int) -> None:
    points = points_of(n, kind)
    found = balanced_clusters(points, n_clusters, seed, "test")
    assert len(found) == min(n, n_clusters)
    assert all(members.size and (np.diff(members) > 0).all() for members in found)
    assert sorted(np.concatenate(found).tolist()) == list(range(n))
    again = balanced_clusters(points, n_clusters, seed, "test")
    assert all(np.array_equal(one, other) for one, other in zip(found, again, strict=True))


def test_of_no_rows_there_are_none() -> None:
    assert balanced_clusters(np.zeros((0, 16), dtype=np.float32), 3, 0, "test") == []


@pytest.mark.parametrize("kind", ["noise", "equal", "giant", "mixture"])
def test_none_is_much_larger_than_the_others(kind: str) -> None:
    sizes = np.array([members.size for members in balanced_clusters(points_of(12_000, kind), 500, 0, "test")])
    assert sizes.max() <= 3 * sizes.mean()
    assert (sizes**2).mean() <= 1.5 * sizes.mean() ** 2  # what a scan of the nearest ones takes


def test_clusters_that_came_of_one_lie_side_by_side() -> None:
    points = points_of(8_000, "mixture")
    centres = np.array([points[members].mean(axis=0) for members in balanced_clusters(points, 200, 0, "test")])
    apart = np.linalg.norm(centres[:, None] - centres[None, :], axis=2)
    assert np.diagonal(apart, 1).mean() < 0.7 * apart.mean()


@pytest.mark.parametrize("memory", [None, 100_000])
def test_balanced_heads_are_as_many_as_the_share_and_the_memory_say(memory: int | None, tmp_path: Path) -> None:
    params = SpannParams(metric="l2", recall=0.8, heads="balanced", memory=memory)
    index = SpannIndex.build(mixture(6_000, 24, 30), params, directory=tmp_path / "i")
    assert np.load(tmp_path / "i" / "lists.counts.npy").size == params.n_heads(6_000, 24)
    assert memory is None or index.memory_bytes <= memory
