"""node2vec's transition probabilities (Grover, Leskovec, KDD 2016, section 3.2) written out over a dense matrix."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graph.csr import CSRGraph

Float64s = npt.NDArray[np.float64]


def dense_weights(graph: CSRGraph) -> Float64s:
    """Total weight of the arcs from row to column, (n_nodes, n_nodes)."""
    dense = np.zeros((graph.n_nodes, graph.n_nodes))
    src = np.repeat(np.arange(graph.n_nodes), np.diff(graph.indptr))
    np.add.at(dense, (src, graph.indices), np.ones(graph.n_edges) if graph.weights is None else graph.weights)
    return dense


def has_arc(graph: CSRGraph) -> npt.NDArray[np.bool_]:
    """Whether an arc leads from row to column, of whatever weight."""
    found = np.zeros((graph.n_nodes, graph.n_nodes), dtype=bool)
    found[np.repeat(np.arange(graph.n_nodes), np.diff(graph.indptr)), graph.indices] = True
    return found


def next_law(graph: CSRGraph, before: int | None, node: int, p: float, q: float) -> Float64s:
    """Distribution of the node after ``node``, come from ``before`` (None at the start); zero where it is stuck."""
    weight = dense_weights(graph)[node]
    if before is not None:
        arcs = has_arc(graph)
        for x in range(graph.n_nodes):
            if x == before:  # d_tx = 0
                weight[x] *= 1 / p
            elif not arcs[before, x]:  # d_tx = 2
                weight[x] *= 1 / q
    total = weight.sum()
    return weight / total if total > 0 else weight
