"""Communities and their hierarchy as they are asked: against SciPy's own reading of the linkage matrix."""

from __future__ import annotations

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import to_tree

from clustering.hierarchy import hierarchy
from clustering.labels import LabelIndex
from foundation.errors import InvalidInput, InvalidQuery
from graph.csr import CSRGraph
from tests.strategies import graphs


def made(
    seed: int, n_nodes: int, n_communities: int
) -> tuple[LabelIndex, npt.NDArray[np.float64], scipy.sparse.csr_array]:
    """A random symmetric graph, random labels, and a random linkage over them with falling densities."""
    random = np.random.default_rng(seed)
    dense = np.triu(random.integers(0, 4, (n_nodes, n_nodes)) * (random.random((n_nodes, n_nodes)) < 0.4))
    graph = scipy.sparse.csr_array((dense + dense.T).astype(np.float32))
    labels = np.concatenate(
        (np.arange(n_communities), random.integers(0, n_communities, n_nodes - n_communities))
    ).astype(np.int32)
    random.shuffle(labels)
    counts, alive = [1] * n_communities, list(range(n_communities))
    linkage = np.empty((n_communities - 1, 4))
    for merge in range(n_communities - 1):
        left, right = sorted(random.choice(len(alive), 2, replace=False).tolist())
        first, second = alive[left], alive[right]
        counts.append(counts[first] + counts[second])  # of communities, as SciPy wants it
        linkage[merge] = first, second, merge + 1, counts[-1]
        alive = [one for one in alive if one not in (first, second)] + [n_communities + merge]
    density = np.sort(random.random(n_communities - 1))[::-1]
    return LabelIndex.build(graph, labels, linkage, density), linkage, graph


@settings(deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 12), st.data())
def test_every_community_of_the_tree_has_the_nodes_scipy_says(
    seed: int, n_communities: int, data: st.DataObject
) -> None:
    n_nodes = data.draw(st.integers(n_communities, 25))
    index, linkage, _ = made(seed, n_nodes, n_communities)
    for tree in to_tree(linkage, rd=True)[1]:
        expected = np.flatnonzero(np.isin(index.labels, tree.pre_order()))
        found = index.top(tree.id, n_nodes)
        assert sorted(found.nodes.tolist()) == expected.tolist()
        assert found.size == expected.size


@settings(deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 12))
def test_a_cut_has_as_many_communities_as_asked_and_is_a_union_of_those_found(seed: int, n_communities: int) -> None:
    index, _, _ = made(seed, 20, n_communities)
    nodes = np.arange(20)
    for wanted in range(1, n_communities + 1):
        cut = index.of(nodes, wanted)
        assert np.unique(cut).size == wanted
        for community in np.unique(cut):
            assert np.array_equal(np.sort(index.top(int(community), 20).nodes), np.flatnonzero(cut == community))
    assert np.array_equal(index.of(nodes, n_communities), index.labels)


def test_members_come_by_the_weight_of_their_links_inside() -> None:
    index, _, graph = made(3, 30, 4)
    dense = graph.toarray()
    np.fill_diagonal(dense, 0)
    inside = (dense * (index.labels[:, None] == index.labels[None, :])).sum(axis=1)
    assert np.allclose(index.inside, inside)
    for community in range(index.sizes.size):
        found = index.top(community, 30)
        assert np.array_equal(found.inside, index.inside[found.nodes])
        assert list(zip(-found.inside, found.nodes, strict=True)) == sorted(
            zip(-found.inside, found.nodes, strict=True)
        )
        assert np.array_equal(index.top(community, 2).nodes, found.nodes[:2])


def test_a_path_leads_to_the_root_and_ends_where_no_links_are() -> None:
    index, _, _ = made(5, 30, 6)
    for community in range(6):
        path = index.path(community)
        assert path[0].density is None
        assert path[-1].size == 30
        assert all(step.density == index.density[step.community - 6] for step in path[1:])
    torn = LabelIndex(**{**index.arrays(), "density": np.where(np.arange(5) < 4, index.density, 0.0)})
    assert max(torn.path(community)[-1].size for community in range(6)) < 30


def test_graphs_without_nodes_and_of_one_community_are_answered() -> None:
    nothing = LabelIndex.build(scipy.sparse.csr_array((0, 0)), np.empty(0, np.int32), np.empty((0, 4)), np.empty(0))
    assert nothing.n_communities == nothing.n_linked == 0
    with pytest.raises(InvalidQuery, match="community 0 of 0"):
        nothing.top(0, 1)
    whole = LabelIndex.build(scipy.sparse.csr_array((3, 3)), np.zeros(3, np.int32), np.empty((0, 4)), np.empty(0))
    assert whole.top(0, 5).nodes.tolist() == [0, 1, 2]
    assert whole.path(0) == [(0, 3, None)]
    assert whole.of(np.array([2]), 1).tolist() == [0]
    assert whole.n_linked == 1


def test_what_cannot_be_answered_is_refused() -> None:
    index, linkage, graph = made(1, 10, 3)
    for community in (-1, 5):
        with pytest.raises(InvalidQuery, match="3 were found"):
            index.top(community, 1)
        with pytest.raises(InvalidQuery, match="3 were found"):
            index.path(community)
    with pytest.raises(InvalidQuery, match="k = 0"):
        index.top(0, 0)
    for wanted in (0, 4):
        with pytest.raises(InvalidQuery, match="ask for 1 to 3"):
            index.of(np.array([0]), wanted)
    with pytest.raises(InvalidInput, match="one label per node"):
        LabelIndex.build(graph, index.labels[:5], linkage, index.density)
    with pytest.raises(InvalidInput, match="one label per node"):
        LabelIndex.build(graph, index.labels, linkage[:1], index.density)


@settings(deadline=None)
@given(graph=graphs(min_nodes=1), data=st.data())
def test_links_make_no_fewer_communities_than_networkx_counts_pieces(graph: CSRGraph, data: st.DataObject) -> None:
    links = graph.to_scipy().astype(np.float64)
    links = scipy.sparse.csr_array(links + links.T)
    n_nodes = graph.n_nodes
    drawn = data.draw(st.lists(st.integers(0, 4), min_size=n_nodes, max_size=n_nodes), label="communities")
    labels = np.unique(np.array(drawn, dtype=np.int64), return_inverse=True)[1].astype(np.int32)
    tree = hierarchy(links, labels)
    between = nx.Graph()
    between.add_nodes_from(range(tree.n_communities))
    linked = scipy.sparse.coo_array(links)
    rows, columns = linked.coords
    alive = linked.data > 0
    between.add_edges_from(zip(labels[rows[alive]].tolist(), labels[columns[alive]].tolist(), strict=True))
    index = LabelIndex.build(links, labels, tree.linkage, tree.density)
    assert index.n_linked == nx.number_connected_components(between)
    cut = index.of(np.arange(n_nodes), index.n_linked)
    assert len(set(cut.tolist())) == index.n_linked
    assert not (cut[rows[alive]] != cut[columns[alive]]).any()
