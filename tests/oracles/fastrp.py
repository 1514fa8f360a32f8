"""FastRP written down densely in float64, one line per formula, for small graphs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from graph.csr import CSRGraph

Float64s = npt.NDArray[np.float64]


def dense(graph: CSRGraph) -> Float64s:
    """S: weights of parallel arcs added up."""
    matrix = np.zeros((graph.n_nodes, graph.n_nodes))
    for row in range(graph.n_nodes):
        for arc in range(graph.indptr[row], graph.indptr[row + 1]):
            matrix[row, graph.indices[arc]] += 1.0 if graph.weights is None else float(graph.weights[arc])
    return matrix


def transition(matrix: Float64s) -> Float64s:
    """A = D^-1 S; a row without weight stays zero."""
    degree = matrix.sum(axis=1)
    return np.divide(matrix, degree[:, None], out=np.zeros_like(matrix), where=degree[:, None] > 0)


def degree_normaliser(matrix: Float64s, beta: float) -> Float64s:
    """L = diag((d_j / 2m)^beta), 0 where d_j = 0."""
    degree = matrix.sum(axis=1)
    powers = np.zeros(len(degree))
    powers[degree > 0] = (degree[degree > 0] / degree.sum()) ** beta
    return np.diag(powers)


def unit_rows(block: Float64s) -> Float64s:
    """Rows divided by their L2 norm; a zero row stays zero."""
    norms = np.sqrt((block**2).sum(axis=1, keepdims=True))
    return np.divide(block, norms, out=np.zeros_like(block), where=norms > 0)


def powers(matrix: Float64s, projection: Float64s, beta: float, n_hops: int) -> list[Float64s]:
    """N_1 … N_k: N_1 = A (L R), N_i = A N_{i-1}."""
    a = transition(matrix)
    out = [a @ (degree_normaliser(matrix, beta) @ projection)]
    for _ in range(1, n_hops):
        out.append(a @ out[-1])
    return out


def paper_fastrp(
    matrix: Float64s, projection: Float64s, weights: Sequence[float], beta: float, self_influence: float = 0.0
) -> Float64s:
    """sum alpha_i norm(N_i), and ``self_influence`` times norm(R)."""
    terms = powers(matrix, projection, beta, max(1, len(weights)))
    return self_influence * unit_rows(projection) + sum(
        (weight * unit_rows(term) for weight, term in zip(weights, terms, strict=False)), np.zeros_like(projection)
    )


def gds_fastrp(
    graph: CSRGraph, projection: Float64s, weights: Sequence[float], beta: float, self_influence: float = 0.0
) -> Float64s:
    """Neo4j GDS: divides by the unweighted degree, normalises in place, and feeds the unit rows to the next hop."""
    matrix = dense(graph)
    n_neighbours = np.maximum(1, np.diff(graph.indptr)).astype(np.float64)
    current = projection * (n_neighbours**beta)[:, None]
    embedding = self_influence * unit_rows(current)
    for weight in weights:
        current = unit_rows((matrix @ current) / n_neighbours[:, None])
        embedding += weight * current
    return embedding
