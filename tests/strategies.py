"""Hypothesis strategies shared by the rooms' tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from graph.csr import CSRGraph


@st.composite
def fastrp_graphs(draw: st.DrawFn, max_nodes: int = 12, directed: bool | None = None) -> CSRGraph:
    """Small graphs of every ugly kind: no arcs, isolated nodes, sinks, self-loops, parallel arcs, weights, one node."""
    n = draw(st.integers(1, max_nodes))
    arcs = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=4 * n))
    weights = None
    if draw(st.booleans()):
        values = st.sampled_from([0.25, 0.5, 1.0, 3.0, 1000.0])
        weights = draw(st.lists(values, min_size=len(arcs), max_size=len(arcs)))
    pairs = np.array(arcs, dtype=np.int64).reshape(-1, 2)
    return CSRGraph.from_edges(
        pairs[:, 0],
        pairs[:, 1],
        weights,
        n_nodes=n,
        directed=draw(st.booleans()) if directed is None else directed,
        duplicates=draw(st.sampled_from(["sum", "keep", "first"])),
    )
