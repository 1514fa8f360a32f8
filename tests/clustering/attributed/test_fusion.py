"""Communities from links and attributes, on planted graphs and beside scikit-learn and dense algebra."""

from __future__ import annotations

import importlib.util

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.attributed.attributes import bins, categories
from clustering.attributed.augmented import augmented, normalised_laplacian, read_attributes, read_links
from clustering.attributed.balance import fit
from clustering.attributed.fusion import OMEGAS, AttributedParams, attributed_communities
from clustering.attributed.smooth_vectors import exact_vectors, multigrid_vectors
from clustering.evaluation import adjusted_rand_index
from foundation.errors import InvalidInput, InvalidParams, MissingExtra
from tests.clustering.planted import planted

Graph = tuple[scipy.sparse.csr_array, scipy.sparse.csr_array, npt.NDArray[np.int64]]


def blocks(seed: int, inside: float, across: float) -> Graph:
    """Four blocks of a hundred nodes, and a category that is the block, redrawn for a fifth of the nodes."""
    block = np.repeat(np.arange(4), 100)
    rng = np.random.default_rng(seed)
    category = np.where(rng.random(400) < 0.2, rng.integers(0, 4, 400), block)
    chances = np.where(np.eye(4) > 0, inside, across)
    return planted(block, chances, seed), categories(category.tolist()), block


def ari(graph: Graph, omega: float | None, **changes: object) -> float:
    params = AttributedParams(n_communities=4, omega=omega, **changes)  # type: ignore[arg-type]
    return adjusted_rand_index(attributed_communities(graph[0], graph[1], params).labels, graph[2])


@pytest.mark.parametrize("vectors", ["exact", "multigrid"])
def test_strong_blocks_are_found_with_and_without_attributes(vectors: str) -> None:
    graph = blocks(0, 0.30, 0.02)
    for omega in (0.0, 1.0, None):
        assert ari(graph, omega, vectors=vectors) >= 0.99


@pytest.mark.parametrize("seed", range(4))
def test_attributes_help_where_links_are_weak(seed: int) -> None:
    graph = blocks(seed, 0.15, 0.05)
    alone, fused = (ari(graph, omega, vectors="exact") for omega in (0.0, 1.0))
    assert alone >= 0.82
    assert fused >= max(alone, 0.92)
    assert ari(graph, None) >= ari(graph, 0.0)


def test_without_weight_attributes_change_nothing() -> None:
    links, known, _ = blocks(0, 0.15, 0.05)
    params = AttributedParams(n_communities=4, omega=0.0)
    expected = attributed_communities(links, None, params)
    found = attributed_communities(links, known, params)
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert found.labels.shape == (400,)
    assert found.embedding.shape == (400, 4)
    nothing = attributed_communities(links, np.zeros((400, 2)), AttributedParams(n_communities=4))
    np.testing.assert_array_equal(nothing.labels, expected.labels)
    assert nothing.omega == 0


def test_rayleigh_quotients_lie_above_the_exact_eigenvalues() -> None:
    links, known, _ = blocks(1, 0.15, 0.05)
    laplacian = normalised_laplacian(augmented(read_links(links), read_attributes(known, 400), 1.0))
    dense = np.linalg.eigvalsh(laplacian.toarray())[:4]
    exact = exact_vectors(laplacian, 4, seed=0)
    smooth = multigrid_vectors(laplacian, 4, iterations=10, seed=0)
    np.testing.assert_allclose(exact.values, dense, atol=1e-9)
    assert np.all(smooth.values >= dense - 1e-8)
    assert np.all(smooth.values <= dense + 0.15)
    for found in (exact, smooth):
        np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(4), atol=1e-9)
        residual = found.vectors.T @ (laplacian @ found.vectors)
        np.testing.assert_allclose(residual, np.diag(found.values), atol=1e-9)


def test_equal_seeds_give_equal_bytes_and_numpys_stream_is_left_alone() -> None:
    links, known, _ = blocks(2, 0.15, 0.05)
    params = AttributedParams(n_communities=4, omega=1.0, seed=5)
    np.random.seed(3)  # noqa: NPY002
    first = attributed_communities(links, known, params)
    drawn = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    assert drawn == np.random.random()  # noqa: NPY002
    again = attributed_communities(links, known, params)
    assert again.labels.tobytes() == first.labels.tobytes()
    assert again.embedding.tobytes() == first.embedding.tobytes()
    other = attributed_communities(links, known, AttributedParams(n_communities=4, omega=1.0, seed=6))
    assert other.embedding.tobytes() != first.embedding.tobytes()


def test_the_omega_kept_has_the_best_fit_of_all_tried() -> None:
    links, known, _ = blocks(3, 0.15, 0.05)
    chosen = attributed_communities(links, known, AttributedParams(n_communities=4))
    fits = {}
    for omega in OMEGAS:
        labels = attributed_communities(links, known, AttributedParams(n_communities=4, omega=omega)).labels
        fits[omega] = fit(links, known, labels)
    assert fits[chosen.omega] == max(fits.values()) > 0


def test_the_fit_is_the_product_of_two_modularities_of_dense_graphs() -> None:
    links, known, _ = blocks(0, 0.15, 0.05)
    labels = np.where(np.arange(400) < 300, np.repeat(np.arange(4), 100), np.arange(400) % 3)
    together = labels[:, None] == labels
    dense, shared = links.toarray(), known.toarray()
    expected = 1.0
    for matrix in (dense, shared / shared.sum(axis=0) @ shared.T):
        degree, total = matrix.sum(axis=1), matrix.sum()
        expected *= float(((matrix - np.outer(degree, degree) / total) * together).sum() / total)
    assert fit(links, known, labels) == pytest.approx(expected, rel=1e-10)
    assert fit(links, known, np.zeros(400, dtype=int)) == pytest.approx(0, abs=1e-12)


def test_a_node_without_links_and_attributes_is_counted_and_harms_nobody() -> None:
    links, known, block = blocks(0, 0.30, 0.02)
    lonely = scipy.sparse.block_diag([links, np.zeros((2, 2))], format="csr")
    wider = scipy.sparse.vstack([known, scipy.sparse.csr_array(([1.0], ([0], [1])), shape=(2, 4))], format="csr")
    found = attributed_communities(lonely, wider, AttributedParams(n_communities=4, omega=1.0))
    assert found.n_isolated == 1
    assert not found.embedding[401].any()
    assert found.labels[400] == found.labels[150]  # known by its category alone
    assert adjusted_rand_index(found.labels[:400], block) >= 0.99


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_small_graph_gets_a_label_per_node(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 7))
    entry = st.sampled_from([0.0, 0.0, 1.0, 0.5])
    links = np.array(data.draw(st.lists(entry, min_size=n * n, max_size=n * n))).reshape(n, n)
    known = np.array(data.draw(st.lists(entry, min_size=n * 3, max_size=n * 3))).reshape(n, 3)
    params = AttributedParams(
        n_communities=data.draw(st.integers(1, n)), omega=data.draw(st.sampled_from([None, 0, 1.0]))
    )
    found = attributed_communities(scipy.sparse.csr_array(links), known, params)
    assert found.labels.shape == (n,)
    assert 0 <= found.labels.min() <= found.labels.max() < params.n_communities
    assert np.all(np.diff(np.bincount(found.labels)) <= 0)
    length = np.linalg.norm(found.embedding, axis=1)
    assert np.all((np.abs(length - 1) < 1e-9) | (length == 0))


SQUARE = scipy.sparse.csr_array(np.ones((3, 3)))


@pytest.mark.parametrize(
    ("weights", "attributes", "k", "what"),
    [
        (SQUARE, np.ones((2, 1)), 1, "2 rows for 3 nodes"),
        (SQUARE, np.ones(3), 1, "shape (3,)"),
        (SQUARE, np.full((3, 1), np.nan), 1, "NaN"),
        (SQUARE, -np.ones((3, 1)), 1, "negative"),
        (-SQUARE, None, 1, "negative"),
        (SQUARE * np.inf, None, 1, "infinite"),
        (SQUARE[:2], None, 1, "shape (2, 3)"),
        (SQUARE, None, 4, "3 nodes for 4 communities"),
        (scipy.sparse.csr_array((0, 0)), None, 1, "at least one node"),
    ],
)
def test_what_cannot_be_clustered_is_refused_in_one_line(
    weights: scipy.sparse.csr_array, attributes: npt.NDArray[np.float64] | None, k: int, what: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        attributed_communities(weights, attributes, AttributedParams(n_communities=k))
    assert what in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [{"n_communities": 0}, {"omega": -1.0}, {"omega": np.nan}, {"vectors": "x"}, {"iterations": 0}, {"n_starts": 0}],
)
def test_params_that_cannot_run_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidParams):
        AttributedParams(**{"n_communities": 2, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize("package", ["sklearn", "pyamg"])
def test_a_package_that_is_missing_is_named_with_its_extra(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    links, known, _ = blocks(0, 0.30, 0.02)
    with pytest.raises(MissingExtra, match=r"purlieu\[clustering\]"):
        attributed_communities(links, known, AttributedParams(n_communities=4))


def test_categories_become_columns_in_order_and_none_an_empty_row() -> None:
    np.testing.assert_array_equal(categories(["b", None, "a", "b"]).toarray(), [[0, 1], [0, 0], [1, 0], [0, 1]])
    for bad in ([1.0, float("nan")], [1, "a"]):
        with pytest.raises(InvalidInput):
            categories(bad)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0]), max_size=30), st.integers(1, 6))
def test_bins_keep_the_order_and_hold_about_equally_many(values: list[float], n_bins: int) -> None:
    numbers = np.array(values)
    found = bins(numbers, n_bins).toarray()
    assert found.shape[0] == numbers.size
    assert found.shape[1] <= n_bins
    np.testing.assert_array_equal(found.sum(axis=1), 1)
    order = np.argsort(numbers, kind="stable")
    assert np.all(np.diff(found.argmax(axis=1)[order]) >= 0) if numbers.size else True
    if np.unique(numbers).size == numbers.size >= n_bins:
        assert found.sum(axis=0).max() - found.sum(axis=0).min() <= 1


def test_numbers_that_are_none_are_refused() -> None:
    for bad in (np.array([1.0, np.nan]), np.array([np.inf]), np.ones((2, 2)), np.array(["a"])):
        with pytest.raises(InvalidInput):
            bins(bad)
    with pytest.raises(InvalidParams):
        bins(np.ones(3), 0)
