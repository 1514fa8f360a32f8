"""Trees of communities, held against a look at all pairs and against SciPy."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
import scipy.cluster.hierarchy as scipy_trees
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.hierarchy import hierarchy
from clustering.neighbourhoods import Sets
from foundation.errors import InvalidInput, InvalidQuery
from tests.clustering.planted import planted_tree
from tests.oracles.edge_density_linkage import edge_density_linkage

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]


@st.composite
def labelled_graphs(draw: st.DrawFn, integers: bool = True) -> tuple[Float64s, Int64s]:
    """A symmetric matrix of weights, dense and often 0, and labels without gaps."""
    n = draw(st.integers(1, 12))
    values = st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.0, 2.0]) if integers else st.floats(0, 1e3, allow_subnormal=False)
    upper = np.zeros((n, n))
    for i, j in itertools.combinations_with_replacement(range(n), 2):
        upper[i, j] = draw(values)
    labels = draw(st.lists(st.integers(0, draw(st.integers(0, n - 1))), min_size=n, max_size=n))
    return upper + np.triu(upper, 1).T, np.unique(labels, return_inverse=True)[1]


def density(weights: Float64s, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> float:
    return float(weights[np.ix_(first, second)].sum() / (first.sum() * second.sum()))


@settings(deadline=None)
@given(labelled_graphs())
def test_merges_are_those_of_a_look_at_all_pairs_ties_included(drawn: tuple[Float64s, Int64s]) -> None:
    weights, labels = drawn
    tree = hierarchy(scipy.sparse.csr_array(weights), labels)
    merged, densities = edge_density_linkage(weights, labels)
    np.testing.assert_array_equal(tree.linkage[:, :2], merged)
    np.testing.assert_allclose(tree.density, densities, rtol=1e-14)
    assert tree.n_inversions == 0


@settings(deadline=None)
@given(labelled_graphs(integers=False))
def test_densities_are_those_counted_from_the_labels_and_descend(drawn: tuple[Float64s, Int64s]) -> None:
    weights, labels = drawn
    tree = hierarchy(scipy.sparse.csr_array(weights), labels)
    n = tree.n_communities
    inside = [labels == community for community in range(n)]
    for (first, second), value in zip(tree.linkage[:, :2].astype(int), tree.density, strict=True):
        assert value == pytest.approx(density(weights, inside[first], inside[second]), rel=1e-12, abs=1e-300)
        inside.append(inside[first] | inside[second])
    np.testing.assert_array_equal(tree.sizes, [nodes.sum() for nodes in inside])
    assert tree.n_inversions == 0
    assert np.all(np.diff(tree.linkage[:, 2]) >= 0)


def test_sizes_are_nodes_not_communities() -> None:
    labels = np.repeat([0, 1, 2], [2, 4, 2])
    ends = [(0, 2), (0, 3), (1, 4), (1, 5), (0, 6), (2, 7)]
    weights = np.zeros((8, 8))
    for u, v in ends:
        weights[u, v] = weights[v, u] = 1
    np.testing.assert_allclose(hierarchy(scipy.sparse.csr_array(weights), labels).density, [1 / 2, 1 / 6], rtol=1e-15)


def test_sibling_leaves_merge_first_and_at_their_planted_densities() -> None:
    weights, leaves = planted_tree(100, (0.02, 0.05, 0.12, 0.35), seed=0)
    tree = hierarchy(weights, leaves)
    assert {tuple(pair) for pair in tree.linkage[:4, :2].astype(int)} == {(0, 1), (2, 3), (4, 5), (6, 7)}
    assert np.all(tree.density[:4] > 0.11)
    assert np.all((tree.density[4:6] > 0.045) & (tree.density[4:6] < 0.055))
    assert 0.018 < tree.density[6] < 0.022
    np.testing.assert_array_equal(tree.cut(n_communities=4), [0, 0, 1, 1, 2, 2, 3, 3])
    np.testing.assert_array_equal(tree.cut(density=0.03), [0, 0, 0, 0, 1, 1, 1, 1])


@settings(deadline=None)
@given(labelled_graphs())
def test_scipy_takes_the_linkage_and_cuts_it_alike(drawn: tuple[Float64s, Int64s]) -> None:
    tree = hierarchy(scipy.sparse.csr_array(drawn[0]), drawn[1])
    if tree.n_communities == 1:
        return
    assert scipy_trees.is_valid_linkage(tree.linkage)
    assert scipy_trees.is_monotonic(tree.linkage)
    drawing = scipy_trees.dendrogram(tree.linkage, no_plot=True)
    assert sorted(drawing["leaves"]) == list(range(tree.n_communities))
    for height in np.unique(tree.linkage[:, 2]):
        theirs = scipy_trees.fcluster(tree.linkage, height, "distance")
        ours = tree.cut(n_communities=int(np.unique(theirs).size))
        assert len(set(zip(ours.tolist(), theirs.tolist(), strict=True))) == np.unique(theirs).size


@settings(deadline=None)
@given(labelled_graphs(), st.data())
def test_a_cut_at_a_density_makes_the_merges_of_that_density(
    drawn: tuple[Float64s, Int64s], data: st.DataObject
) -> None:
    tree = hierarchy(scipy.sparse.csr_array(drawn[0]), drawn[1])
    threshold = data.draw(st.sampled_from([0.0, 0.3, 99.0, *tree.density.tolist()]))
    cut = tree.cut(density=threshold)
    assert cut.dtype == np.int32
    assert cut.max() + 1 == tree.n_communities - np.count_nonzero(tree.density >= threshold)
    np.testing.assert_array_equal(cut, tree.cut(n_communities=int(cut.max()) + 1))
    assert np.all(np.diff(np.unique(cut, return_index=True)[1]) > 0)  # numbered by smallest member


@settings(deadline=None)
@given(labelled_graphs())
def test_ancestors_lead_from_a_community_to_the_root(drawn: tuple[Float64s, Int64s]) -> None:
    tree = hierarchy(scipy.sparse.csr_array(drawn[0]), drawn[1])
    n = tree.n_communities
    for community in range(n):
        path = tree.ancestors(community)
        assert path[0] == community
        assert path[-1] == 2 * n - 2
        for below, above in itertools.pairwise(path):
            assert below in tree.linkage[above - n, :2]
        assert np.all(np.diff(tree.sizes[path]) > 0)


def test_parts_without_links_are_joined_last_by_smallest_community() -> None:
    blocks = scipy.sparse.block_diag([np.ones((2, 2))] * 3, format="csr")
    tree = hierarchy(blocks, np.array([5, 0, 1, 4, 2, 3]))
    np.testing.assert_array_equal(tree.linkage[:, :2], [[0, 5], [1, 4], [2, 3], [6, 7], [8, 9]])
    np.testing.assert_array_equal(tree.density, [1, 1, 1, 0, 0])
    np.testing.assert_array_equal(tree.linkage[:, 2], [0, 0, 0, 1, 1])


def test_a_graph_without_links_and_one_community_are_trees_too() -> None:
    tree = hierarchy(Sets(np.zeros(4, dtype=np.int64), np.empty(0, dtype=np.int32)), np.arange(3))
    np.testing.assert_array_equal(tree.linkage, [[0, 1, 1, 2], [2, 3, 1, 3]])
    single = hierarchy(scipy.sparse.csr_array(np.ones((3, 3))), np.zeros(3, dtype=np.int64))
    assert single.linkage.shape == (0, 4)
    np.testing.assert_array_equal(single.cut(n_communities=1), [0])
    np.testing.assert_array_equal(single.ancestors(0), [0])


@settings(deadline=None)
@given(labelled_graphs())
def test_links_without_weights_count_one_and_arcs_without_reverse_half(drawn: tuple[Float64s, Int64s]) -> None:
    weights, labels = (drawn[0] > 0).astype(float), drawn[1]
    matrix = scipy.sparse.csr_array(weights)
    sets = Sets(matrix.indptr.astype(np.int64), matrix.indices)
    expected = hierarchy(matrix, labels)
    one_way = scipy.sparse.csr_array(np.triu(weights, 1))
    np.testing.assert_array_equal(hierarchy(sets, labels).linkage, expected.linkage)
    np.testing.assert_array_equal(hierarchy(one_way, labels).density, expected.density / 2)


def test_a_hundred_thousand_communities_need_no_square_matrix() -> None:
    n = 100_000
    others = np.arange(1, n)
    star = scipy.sparse.csr_array((np.ones(n - 1), (np.zeros(n - 1, dtype=np.int64), others)), shape=(n, n))
    tree = hierarchy(star + star.T, np.arange(n))
    np.testing.assert_array_equal(tree.density, 1 / np.arange(1, n))  # every leaf joins the cluster round the hub
    np.testing.assert_array_equal(tree.linkage[1:, 0], others[1:])
    rng = np.random.default_rng(0)
    ends = rng.integers(0, n, (2, 150_000))
    loose = scipy.sparse.csr_array((np.ones(150_000), tuple(ends)), shape=(n, n))
    tree = hierarchy(loose + loose.T, np.arange(n))
    assert tree.n_inversions == 0
    assert scipy_trees.is_valid_linkage(tree.linkage)


LINKS = scipy.sparse.csr_array(np.ones((3, 3)))


@pytest.mark.parametrize(
    ("weights", "labels", "what"),
    [
        (LINKS, np.array([0, 1]), "shape (2,) for 3 nodes"),
        (LINKS, np.array([0, 2, 2]), "no node has label 1"),
        (LINKS, np.array([0, -1, 1]), "labels from -1 to 1"),
        (LINKS, np.array([0, 3, 1]), "labels from 0 to 3"),
        (LINKS, np.array([0.0, 1.0, 2.0]), "float64"),
        (LINKS[:2], np.array([0, 1]), "shape (2, 3)"),
        (-LINKS, np.arange(3), "negative"),
        (LINKS * np.nan, np.arange(3), "NaN"),
        (LINKS * np.inf, np.arange(3), "infinite"),
        (scipy.sparse.csr_array((0, 0)), np.empty(0, dtype=np.int64), "without nodes"),
        (Sets(np.array([0, 1, 1]), np.array([2])), np.arange(2), "leaves the 2 nodes"),
        (Sets(np.array([0, 3, 1]), np.array([0])), np.arange(2), "indptr"),
    ],
)
def test_what_makes_no_tree_is_refused_in_one_line(weights: object, labels: Int64s, what: str) -> None:
    with pytest.raises(InvalidInput) as error:
        hierarchy(weights, labels)  # type: ignore[arg-type]
    assert what in str(error.value)
    assert "\n" not in str(error.value)


def test_cuts_and_paths_that_are_not_there_are_refused() -> None:
    tree = hierarchy(LINKS, np.arange(3))
    for cut in (
        {},
        {"n_communities": 1, "density": 0.5},
        {"n_communities": 0},
        {"n_communities": 4},
        {"density": -1.0},
        {"density": np.nan},
    ):
        with pytest.raises(InvalidQuery):
            tree.cut(**cut)  # type: ignore[arg-type]
    for community in (-1, 3):
        with pytest.raises(InvalidQuery):
            tree.ancestors(community)
