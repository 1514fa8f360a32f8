"""Modularity and conductance against NetworkX."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.evaluation import conductances, modularity
from foundation.errors import InvalidInput
from tests.clustering.weighted_graphs import cliques, matrices, members, networkx_of


@settings(deadline=None, max_examples=80)
@given(matrix=matrices(), resolution=st.sampled_from([0.5, 1.0, 2.0]), data=st.data())
def test_modularity_is_that_of_networkx(matrix: scipy.sparse.csr_array, resolution: float, data: st.DataObject) -> None:
    n = matrix.shape[0]
    labels = np.array(data.draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n)))
    drawn = networkx_of(matrix)
    if drawn.number_of_edges() == 0:
        assert modularity(matrix, labels, resolution=resolution) == 0
        return
    expected = nx.community.modularity(drawn, members(labels), resolution=resolution)
    assert modularity(matrix, labels, resolution=resolution) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=80)
@given(matrix=matrices(loops=False), data=st.data())
def test_conductance_is_that_of_networkx(matrix: scipy.sparse.csr_array, data: st.DataObject) -> None:
    n = matrix.shape[0]
    labels = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    drawn = networkx_of(matrix)
    found = conductances(matrix, labels)
    assert ((found >= 0) & (found <= 1 + 1e-12)).all()
    for nodes, value in zip(members(labels), found, strict=True):
        others = set(drawn) - nodes
        if min(nx.volume(drawn, nodes, weight="weight"), nx.volume(drawn, others, weight="weight")) > 0:
            assert value == pytest.approx(nx.conductance(drawn, nodes, weight="weight"), abs=1e-6)
        else:
            assert value == 0


@pytest.mark.parametrize("labels", [np.zeros(11, dtype=int), np.zeros((12, 1), dtype=int), np.zeros(12)])
def test_labels_that_do_not_fit_the_nodes_are_refused(labels: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="one integer per node"):
        modularity(cliques(3, 4), labels)
    with pytest.raises(InvalidInput, match="one integer per node"):
        conductances(cliques(3, 4), labels)
