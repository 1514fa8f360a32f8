"""What the tests of global communities draw and hold them against: symmetric matrices, and NetworkX graphs of them."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
import scipy.sparse
from hypothesis import strategies as st

from tests.strategies import graphs


@st.composite
def matrices(draw: st.DrawFn, *, max_nodes: int = 12, loops: bool = True) -> scipy.sparse.csr_array:
    """Symmetric float32, with weights or ones, lone nodes, pieces, self-loops, one node, no links."""
    graph = draw(graphs(min_nodes=1, max_nodes=max_nodes, directed=False))
    matrix = graph.to_scipy()
    if not loops:
        matrix.setdiag(0)
    return scipy.sparse.csr_array(matrix)


def networkx_of(matrix: scipy.sparse.csr_array) -> nx.Graph[int]:
    """The same graph; an entry of the diagonal is the weight of a self-loop."""
    drawn: nx.Graph[int] = nx.Graph()
    drawn.add_nodes_from(range(matrix.shape[0]))
    coo = matrix.tocoo()
    drawn.add_weighted_edges_from(
        (int(u), int(v), float(w)) for u, v, w in zip(*coo.coords, coo.data, strict=True) if u <= v and w > 0
    )
    return drawn


def members(labels: npt.NDArray[Any]) -> list[set[int]]:
    """The communities of a labelling."""
    return [set(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]


def cliques(n_cliques: int, size: int) -> scipy.sparse.csr_array:
    """Cliques in a ring, one link from each to the next."""
    ring = nx.ring_of_cliques(n_cliques, size)
    return scipy.sparse.csr_array(nx.to_scipy_sparse_array(ring, dtype=np.float32))
