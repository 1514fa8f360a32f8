"""Rows of dissimilarities, whoever computes them and in whatever blocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from clustering.medoids.dissimilarities import Dissimilarities, Matrix, numbers
from clustering.medoids.ranks import RankDissimilarities
from clustering.medoids.sketches import SketchDissimilarities
from clustering.medoids.vectors import VectorDissimilarities
from clustering.sketches.sketch import Sketches, SketchParams, all_similarities, sketch
from foundation.errors import InvalidInput, InvalidParams
from graph.csr import CSRGraph
from graph.powerwalk.index import PowerWalkIndex
from tests.clustering.medoids.matrices import blobs, euclidean
from tests.clustering.strategies import as_csr

POINTS = blobs(40, 4, dim=7)


def sketches() -> Sketches:
    rng = np.random.default_rng(0)
    sets = [rng.integers(0, 30, rng.integers(0, 25)).tolist() for _ in range(40)]
    sets[3] = []
    return sketch(*as_csr(sets), SketchParams(num_perm=64))


def index() -> PowerWalkIndex:
    rng = np.random.default_rng(0)
    src, dst = rng.integers(0, 40, (2, 120))
    return PowerWalkIndex.build(CSRGraph.from_edges(src, dst, n_nodes=40, directed=True, duplicates="first"))


KINDS: dict[str, Callable[[], Dissimilarities]] = {
    "matrix": lambda: Matrix(euclidean(POINTS)),
    "l2": lambda: VectorDissimilarities(POINTS),
    "cosine": lambda: VectorDissimilarities(POINTS, "cosine"),
    "sketches": lambda: SketchDissimilarities(sketches()),
    "ranks": lambda: RankDissimilarities(index()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_does_not_depend_on_its_block(kind: str) -> None:
    dissimilarities = KINDS[kind]()
    n = len(dissimilarities)
    whole = dissimilarities.rows(slice(0, n))
    assert whole.shape == (n, n)
    assert whole.dtype == dissimilarities.dtype
    assert not whole.flags.writeable
    assert np.isfinite(whole).all()
    some, others = np.array([5, 2, 33]), np.array([39, 0, 7, 7])
    for candidates in (slice(0, 1), slice(3, 30), some):
        for objects in (slice(None), slice(4, 11), others):
            rows = dissimilarities.rows(candidates, objects)
            assert rows.flags.c_contiguous
            there = np.ix_(numbers(candidates, n), numbers(objects, n))
            assert rows.tobytes() == np.ascontiguousarray(whole[there]).tobytes()


@settings(deadline=None)
@given(
    points=st_numpy.arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(1, 9)),
        elements=st.integers(-3, 3) | st.floats(-100, 100, width=32),
    )
)
def test_distances_of_vectors_are_those_of_wide_arithmetic(points: np.ndarray) -> None:
    every = slice(None)
    exact = euclidean(points)
    # Squares below 2**-126 lose digits, and so do distances below 2**-63.
    np.testing.assert_allclose(VectorDissimilarities(points).rows(every), exact, rtol=1e-5, atol=2**-63)
    np.testing.assert_allclose(VectorDissimilarities(points, "squared_l2").rows(every), exact**2, rtol=1e-5, atol=1e-30)
    wide = points.astype(np.float64)
    norms = np.sqrt((wide**2).sum(axis=1))
    unit = np.divide(wide, norms[:, None], out=np.zeros_like(wide), where=norms[:, None] > 0)
    np.testing.assert_allclose(VectorDissimilarities(points, "cosine").rows(every), 1 - unit @ unit.T, atol=2e-6)


def test_near_vectors_far_from_zero_keep_their_distances() -> None:
    points = np.array([[4096.0, 0], [4096.001, 0]], dtype=np.float32)
    exact = float(np.float64(points[1, 0]) - np.float64(points[0, 0]))
    assert VectorDissimilarities(points).rows(slice(0, 1))[0].tolist() == pytest.approx([0, exact], rel=1e-6)


def test_sketches_give_one_minus_their_similarity() -> None:
    rows = sketches()
    expected = 1 - all_similarities(rows, rows).estimate
    np.testing.assert_allclose(SketchDissimilarities(rows).rows(slice(None)), expected, rtol=1e-6)
    assert SketchDissimilarities(rows).rows(slice(3, 4))[0, 3] == 1  # without elements


def test_ranks_give_scores_of_the_candidates_walks() -> None:
    walks = index()
    scores = walks.vectors([{node: 1.0} for node in range(40)]).scores
    linear = RankDissimilarities(walks, scale="linear").rows(slice(None))
    np.testing.assert_allclose(linear, 1 - scores, rtol=1e-6)
    log = RankDissimilarities(walks, floor=1e-3).rows(slice(None))
    np.testing.assert_allclose(log, -np.log(np.maximum(scores, 1e-3)), rtol=1e-6)
    few = np.array([30, 4, 11])
    assert RankDissimilarities(walks, few).rows(slice(None)).tobytes() == (
        np.ascontiguousarray(RankDissimilarities(walks).rows(few, few)).tobytes()
    )


def test_mapped_matrices_and_integers_are_taken(tmp_path: Path) -> None:
    matrix = euclidean(POINTS).astype(np.float32)
    np.save(tmp_path / "matrix.npy", matrix)
    mapped = Matrix(np.load(tmp_path / "matrix.npy", mmap_mode="r"))
    assert mapped.rows(slice(3, 5)).tobytes() == matrix[3:5].tobytes()
    assert Matrix(np.arange(9).reshape(3, 3)).dtype == np.float64
    assert Matrix(np.zeros((2, 2), dtype=np.float16)).dtype == np.float32


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_entries_that_are_no_numbers_are_refused_in_one_line(value: float) -> None:
    matrix = euclidean(POINTS)
    matrix[35, 2] = value
    with pytest.raises(InvalidInput, match="row 35, column 2") as raised:
        Matrix(matrix, n_threads=2)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("shape", [(2, 3), (0, 0), (4,)])
def test_what_is_no_square_matrix_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="no square matrix"):
        Matrix(np.zeros(shape))


def test_unknown_kinds_and_nodes_are_refused() -> None:
    with pytest.raises(InvalidParams, match="distance"):
        VectorDissimilarities(POINTS, "inner_product")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="NaN"):
        VectorDissimilarities(np.array([[np.nan]]))
    walks = index()
    with pytest.raises(InvalidParams, match="scale"):
        RankDissimilarities(walks, scale="square")  # type: ignore[arg-type]
    with pytest.raises(InvalidParams, match="floor"):
        RankDissimilarities(walks, floor=0)
    for nodes in ([1, 1], [40], [-1]):
        with pytest.raises(InvalidInput, match="name each node once"):
            RankDissimilarities(walks, nodes)
