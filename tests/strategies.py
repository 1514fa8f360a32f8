"""Hypothesis strategies shared by the rooms' tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from graph.csr import CSRGraph


@st.composite
def walk_graphs(draw: st.DrawFn, max_nodes: int = 9) -> CSRGraph:
    """Small graphs to walk on: dangling and isolated nodes, self-loops, parallel arcs, weights far apart, one node."""
    n_nodes = draw(st.integers(1, max_nodes))
    node = st.integers(0, n_nodes - 1)
    arcs = draw(st.lists(st.tuples(node, node), max_size=3 * n_nodes))
    weights = None
    if draw(st.booleans()):
        values = st.sampled_from([1.0, 2.0, 0.5, 1e-3, 1e3])
        weights = draw(st.lists(values, min_size=len(arcs), max_size=len(arcs)))
    ends = np.array(arcs, dtype=np.int64).reshape(-1, 2)
    return CSRGraph.from_edges(
        ends[:, 0],
        ends[:, 1],
        weights,
        n_nodes=n_nodes,
        directed=draw(st.booleans()),
        duplicates=draw(st.sampled_from(["sum", "keep"])),
    )


@st.composite
def walk_seeds(draw: st.DrawFn, n_nodes: int) -> dict[int, float]:
    """``{row: weight}`` with weights far apart."""
    weights = st.sampled_from([1.0, 1e-6, 0.5, 1e9])
    return draw(st.dictionaries(st.integers(0, n_nodes - 1), weights, min_size=1, max_size=4))
