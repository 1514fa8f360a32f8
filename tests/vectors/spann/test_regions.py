"""Regions of cells: the nearest cells beside brute force, rows in the same lists, indexes older than any."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.vectors.spann.mixtures import Float32s, mixture
from vectors.ann.exact import exact_top_k
from vectors.kernels.spann_heads import choose_cells
from vectors.metrics import row_norms
from vectors.spann.files import DESCRIPTION, body_hash
from vectors.spann.heads import Heads
from vectors.spann.index import SpannIndex
from vectors.spann.measured import Effort
from vectors.spann.params import SpannParams
from vectors.spann.regions import Regions
from vectors.spann.space import Space

OLD = Path(__file__).parent / "format_2"


@pytest.fixture(scope="module")
def rows() -> Float32s:
    return mixture(12_000, 24, 300)


@pytest.fixture(scope="module")
def space(rows: Float32s) -> Space:
    return Space.drawn("l2", 24, float(np.sqrt(row_norms(rows).max())), 0)


def nearest(regions: Regions, space: Space, queries: Float32s, n: int, beam: int) -> np.ndarray:
    out = np.empty((len(queries), n), dtype=np.int32)
    block_bytes, largest = space.block_bytes, space.largest_code
    lists = regions.origins, regions.ats, regions.starts, regions.data, regions.data.view(np.int32)
    choose_cells(queries, regions.n_levels, beam, *lists, block_bytes, largest, out)
    return out


@pytest.mark.parametrize(("most", "n_levels"), [(3000, 1), (500, 2), (20, 3)])
def test_looking_into_all_regions_finds_the_nearest_cells(
    rows: Float32s, space: Space, most: int, n_levels: int
) -> None:
    cells, queries = space.rows(rows[:2500]), space.rows(rows[3000:3100])
    regions = Regions.build(cells, space, 0, most)
    assert regions.n_levels == n_levels
    assert regions.beam(2500) == np.diff(regions.levels).max()
    assert regions.starts[-1] == regions.levels[-1] - 1 + 2500  # every region but the first, and every cell, once
    found = nearest(regions, space, queries, 20, regions.beam(2500))
    true = ((queries[:, None, :].astype(np.float64) - cells[None]) ** 2).sum(axis=2)
    got = np.take_along_axis(true, found.astype(np.int64), axis=1)
    np.testing.assert_allclose(got, np.sort(true, axis=1)[:, :20], rtol=0.05, atol=1e-4)
    every = nearest(regions, space, queries[:3], 2500, regions.beam(2500))
    assert all(np.array_equal(np.sort(one), np.arange(2500)) for one in every)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_there_may_be_hardly_any_cells(space: Space, n: int) -> None:
    cells = np.zeros((n, space.width), dtype=np.float32)
    found = nearest(Regions.build(cells, space, 0), space, np.ones((2, space.width), dtype=np.float32), 3, 1)
    assert np.array_equal(np.sort(found, axis=1), np.tile(([-1] * 3 + list(range(n)))[n:], (2, 1)))


def test_equal_cells_are_in_some_region(space: Space) -> None:
    regions = Regions.build(np.ones((500, space.width), dtype=np.float32), space, 0, 20)
    found = nearest(regions, space, np.zeros((1, space.width), dtype=np.float32), 500, regions.beam(500))
    assert np.array_equal(np.sort(found[0]), np.arange(500))


def test_rows_enter_nearly_the_same_lists_through_regions(rows: Float32s, space: Space) -> None:
    params = SpannParams(metric="l2")
    turned = space.rows(rows)
    heads = Heads.build(turned[:6000], space, 0)
    through = dataclasses.replace(heads, regions=Regions.build(heads.centroids, space, 0, 20))
    assert through.regions.n_levels > heads.regions.n_levels
    lists, others = (one.assign(turned[6000:], heads.vectors(), params)[0] for one in (heads, through))
    assert (lists[:, 0] == others[:, 0]).mean() >= 0.98


def test_an_index_of_format_2_is_read_and_answers_as_brute_force_does() -> None:
    index = SpannIndex.open(OLD)
    vectors: Float32s = np.load(OLD / "vectors.npy")
    rows, values = index.search(vectors, 5, effort=Effort(n_lists=100, rerank=100), n_threads=2)
    true_rows, true_values = exact_top_k(vectors, vectors, 5, metric="l2")
    np.testing.assert_allclose(values, true_values, rtol=1e-6, atol=1e-7)
    assert np.array_equal(rows, true_rows)


def test_an_index_of_format_1_is_read(tmp_path: Path) -> None:
    shutil.copytree(OLD, tmp_path / "i")
    path = tmp_path / "i" / DESCRIPTION
    document = json.loads(path.read_text())
    for name in ("plain", "pruned"):
        del document["measured"][name]
    body = {name: document[name] for name in ("params", "space", "measured", "files")}
    path.write_text(json.dumps({**document, "format_version": 1, "sha256": body_hash(body)}))
    before = SpannIndex.open(tmp_path / "i")
    assert before.measured.plain is None
    assert before.measured.pruning_saves is None
    queries = mixture(10, 4, 3, seed=2)
    assert np.array_equal(before.search(queries)[0], SpannIndex.open(OLD).search(queries)[0])
