"""Leiden, Louvain and label propagation: what their results must be, whatever the graph."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.global_communities import label_propagation
from clustering.kernels.local_moving import refine
from clustering.leiden import leiden
from clustering.modularity import modularity, modularity_of_rows
from clustering.symmetric import symmetric_rows
from tests.clustering.weighted_graphs import cliques, matrices, members, networkx_of

ENOUGH = 1000


def karate() -> scipy.sparse.csr_array:
    return scipy.sparse.csr_array(nx.to_scipy_sparse_array(nx.karate_club_graph(), weight=None, dtype=np.float32))


@settings(deadline=None, max_examples=80)
@given(
    matrix=matrices(),
    resolution=st.sampled_from([0.3, 1.0, 3.0]),
    refined=st.booleans(),
    seed=st.integers(0, 3),
)
def test_no_node_gains_by_moving_to_another_community_or_alone(
    matrix: scipy.sparse.csr_array, resolution: float, refined: bool, seed: int
) -> None:
    labels = leiden(symmetric_rows(matrix), resolution, ENOUGH, seed, refined=refined)
    reached = modularity(matrix, labels, resolution=resolution)
    for node in range(labels.size):
        for label in range(int(labels.max()) + 2):
            moved = labels.copy()
            moved[node] = label
            assert modularity(matrix, moved, resolution=resolution) <= reached + 1e-8


@settings(deadline=None, max_examples=80)
@given(matrix=matrices(), n_iterations=st.sampled_from([1, 2, ENOUGH]), seed=st.integers(0, 3))
def test_more_iterations_never_lose_modularity(matrix: scipy.sparse.csr_array, n_iterations: int, seed: int) -> None:
    rows = symmetric_rows(matrix)
    fewer, more = leiden(rows, 1.0, n_iterations, seed), leiden(rows, 1.0, n_iterations + 1, seed)
    n = rows.degree.size
    assert modularity_of_rows(rows, more, n) >= modularity_of_rows(rows, fewer, n) - 1e-9


@settings(deadline=None, max_examples=80)
@given(matrix=matrices(), seed=st.integers(0, 3), data=st.data())
def test_refinement_gives_connected_parts_of_communities(
    matrix: scipy.sparse.csr_array, seed: int, data: st.DataObject
) -> None:
    rows = symmetric_rows(matrix)
    n = rows.degree.size
    labels = np.array(data.draw(st.lists(st.integers(0, min(2, n - 1)), min_size=n, max_size=n)), dtype=np.int32)
    order = np.random.default_rng(seed).permutation(n).astype(np.int32)
    parts = np.empty(n, dtype=np.int32)
    refine(*rows, 1.0 / max(float(rows.degree.sum()), 1.0), order, labels, parts)
    drawn = networkx_of(matrix)
    for part in members(parts):
        assert len({int(labels[node]) for node in part}) == 1
        assert nx.is_connected(drawn.subgraph(part))


def test_the_karate_club_is_divided_as_well_as_is_possible() -> None:
    rows = symmetric_rows(karate())
    found = [modularity_of_rows(rows, leiden(rows, 1.0, 10, seed), 34) for seed in range(10)]
    assert max(found) == pytest.approx(0.4197896, abs=1e-6)  # the optimum: Brandes et al., IEEE TKDE 20:172, 2008


@pytest.mark.parametrize("refined", [True, False])
def test_cliques_are_found(refined: bool) -> None:
    matrix = cliques(8, 6)
    for seed in range(5):
        labels = leiden(symmetric_rows(matrix), 1.0, 3, seed, refined=refined)
        assert sorted(map(sorted, members(labels))) == [list(range(6 * i, 6 * i + 6)) for i in range(8)]


def test_a_high_resolution_leaves_every_node_alone_and_a_low_one_none() -> None:
    rows = symmetric_rows(cliques(4, 5))
    assert leiden(rows, 1e5, 3, 0).tolist() == list(range(20))
    assert set(leiden(rows, 1e-5, 3, 0).tolist()) == {0}


@settings(deadline=None, max_examples=80)
@given(matrix=matrices(), seed=st.integers(0, 3))
def test_no_node_has_neighbours_of_another_label_that_weigh_more(matrix: scipy.sparse.csr_array, seed: int) -> None:
    labels = label_propagation(symmetric_rows(matrix), seed)
    dense = matrix.toarray().astype(np.float64)
    np.fill_diagonal(dense, 0)
    for node in range(labels.size):
        weight = np.bincount(labels, weights=dense[node], minlength=labels.size)
        assert weight[labels[node]] >= weight.max() * (1 - 1e-6)
