"""Neighbourhoods as sets."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.minhash import MinHashParams, minhash
from clustering.neighbourhoods import neighbourhood_signatures, neighbourhoods
from foundation.errors import InvalidParams
from graph.csr import CSRGraph
from tests.clustering.strategies import community_graphs


@settings(deadline=None, max_examples=80)
@given(graph=community_graphs(), direction=st.sampled_from(["in", "out", "both"]), include_self=st.booleans())
def test_sets_are_the_neighbours_each_once_and_in_order(
    graph: CSRGraph, direction: Literal["in", "out", "both"], include_self: bool
) -> None:
    expected: list[set[int]] = [{node} if include_self else set() for node in range(graph.n_nodes)]
    for src, dst in zip(np.repeat(np.arange(graph.n_nodes), graph.out_degree()), graph.indices, strict=True):
        if direction != "in":
            expected[src].add(int(dst))
        if direction != "out":
            expected[dst].add(int(src))
    sets = neighbourhoods(graph, direction, include_self)
    assert sets.indptr.dtype == np.int64
    assert sets.indices.dtype == np.int32
    members = [sets.indices[sets.indptr[node] : sets.indptr[node + 1]].tolist() for node in range(graph.n_nodes)]
    assert members == [sorted(neighbours) for neighbours in expected]


@settings(deadline=None, max_examples=60)
@given(graph=community_graphs(), direction=st.sampled_from(["in", "out", "both"]), include_self=st.booleans())
def test_signatures_are_those_of_the_sets_laid_out(
    graph: CSRGraph, direction: Literal["in", "out", "both"], include_self: bool
) -> None:
    params = MinHashParams(num_perm=40, seed=1)
    found = neighbourhood_signatures(graph, params, direction, include_self)
    np.testing.assert_array_equal(found, minhash(*neighbourhoods(graph, direction, include_self), params))


def test_plain_out_neighbourhoods_share_the_memory_of_the_graph() -> None:
    graph = CSRGraph.from_edges([0, 1, 1], [1, 0, 2])
    assert neighbourhoods(graph, "out").indices is graph.indices


def test_an_unknown_direction_is_refused() -> None:
    graph = CSRGraph.from_edges([0], [1])
    with pytest.raises(InvalidParams, match="in, out, both"):
        neighbourhoods(graph, "up")  # type: ignore[arg-type]
    with pytest.raises(InvalidParams, match="in, out, both"):
        neighbourhood_signatures(graph, MinHashParams(), "up")  # type: ignore[arg-type]
