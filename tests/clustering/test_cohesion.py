"""Conductance and density of a set of members."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.cohesion import cohesion
from clustering.neighbourhoods import neighbourhoods
from graph.csr import CSRGraph
from tests.clustering.strategies import community_graphs


@settings(deadline=None, max_examples=80)
@given(graph=community_graphs(), data=st.data())
def test_both_agree_with_networkx(graph: CSRGraph, data: st.DataObject) -> None:
    members = data.draw(st.lists(st.integers(0, graph.n_nodes - 1), min_size=1, unique=True))
    conductance, density = cohesion(neighbourhoods(graph, "both"), np.array(members))
    plain = nx.Graph(graph.to_networkx())
    inside = plain.subgraph(members)
    n_pairs = max(len(members) * (len(members) - 1) / 2, 1)
    assert density == pytest.approx(sum(u != v for u, v in inside.edges) / n_pairs)
    # networkx counts both ends of a self-loop; here it is one link of its node.
    volume = [sum(len(set(plain[u])) for u in side) for side in (members, set(plain) - set(members))]
    expected = nx.cut_size(plain, members) / min(volume) if min(volume) else 0
    assert conductance == pytest.approx(expected)
