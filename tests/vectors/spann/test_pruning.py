"""Pruning by distance ratio is taken where it pays on the measured curve, and what it is worth is recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.vectors.spann.mixtures import Float32s
from vectors.spann.index import SpannIndex
from vectors.spann.measured import Effort, described
from vectors.spann.params import SpannParams


def tight_and_noise(n: int) -> Float32s:
    """Three quarters in tight clusters of 40 far from one another, whose queries need a list or two; the rest noise."""
    draw, dim = np.random.default_rng(4), 32
    rows = 3 * draw.standard_normal((n, dim))
    centres = np.repeat(6 * draw.standard_normal((3 * n // 160, dim)), 40, axis=0)
    rows[: len(centres)] = centres + 0.3 * draw.standard_normal(centres.shape)
    return draw.permutation(rows).astype(np.float32)


def even_noise(n: int, dim: int = 16) -> Float32s:
    """Every list is about as far as any other: leaving out the farthest leaves out answers."""
    return np.random.default_rng(5).standard_normal((n, dim)).astype(np.float32)


@pytest.mark.parametrize(("make", "pays"), [(tight_and_noise, True), (even_noise, False)])
def test_pruning_is_taken_where_it_pays(make: object, pays: bool, tmp_path: Path) -> None:
    assert callable(make)
    index = SpannIndex.build(make(6000), directory=tmp_path / "i", metric="l2", recall=0.98)
    measured = index.measured
    assert measured.plain is not None
    assert measured.plain.effort.ratio is None
    assert (measured.chosen.effort.ratio is not None) == pays
    assert measured.chosen == (measured.pruned if pays else measured.plain)
    assert {measured.plain, measured.pruned} - {None} <= set(measured.frontier)
    met = [one for one in measured.frontier if one.promised >= 0.98]
    if pays:
        assert measured.pruned is not None
        assert measured.chosen.cost == min(one.cost for one in met)
        assert measured.pruning_saves == pytest.approx(1 - measured.pruned.cost / measured.plain.cost, abs=1e-4)
        assert measured.pruning_saves >= 0.05
    else:
        assert all(one.cost > 0.95 * measured.plain.cost for one in met if one.effort.ratio is not None)
    found = described(measured)
    assert found["pruning"] == ("pays" if pays else "does not pay")
    assert sum(len(form["points"]) for form in found["tried"]) == len(measured.frontier)
    assert SpannIndex.open(tmp_path / "i").measured == measured


def test_a_query_that_is_a_head_is_pruned_by_the_next_one(tmp_path: Path) -> None:
    rows = even_noise(2000)
    index = SpannIndex.build(rows, SpannParams(metric="l2", recall=0.9, head_share=0.5), directory=tmp_path / "i")
    reads = index.search_counted(rows, effort=Effort(n_lists=32, ratio=4.0))[2]
    assert index.measured.n_heads == 1000  # each of them at a distance of about 0 from itself
    assert (reads.lists > 4).mean() >= 0.95
