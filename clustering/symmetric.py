"""Weighted graphs without direction, as the searches for communities want them: checked once, here."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse

from foundation.errors import InvalidInput
from graph.csr import CSRGraph

_MOST_NODES = 2**31 - 1


class SymmetricRows(NamedTuple):
    """A symmetric matrix in CSR form, columns ascending, without zeros, and the weight of every node.

    ``indptr`` int64, ``indices`` int32, ``weights`` float64; ``degree`` float64 (n_nodes,), a self-loop counts twice.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float64]
    degree: npt.NDArray[np.float64]


def symmetric_rows(matrix: Any) -> SymmetricRows:
    """The rows of a sparse matrix; entry (u, u) is the weight of a self-loop.

    Raises
    ------
    InvalidInput
        When it is no square sparse matrix, or a weight is negative, NaN or infinite, or differs from its mirror image.
    """
    if not scipy.sparse.issparse(matrix) or matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        kind = f"{type(matrix).__name__} of shape {getattr(matrix, 'shape', '?')}"
        raise _invalid(kind, "pass a square sparse matrix, e.g. graph.to_scipy()")
    n = matrix.shape[0]
    if n > _MOST_NODES:
        raise _invalid(f"{n} nodes", f"up to {_MOST_NODES}")
    rows = scipy.sparse.csr_array(matrix)
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    if rows.data.dtype.kind not in "fiub":
        raise _invalid(f"weights of type {rows.data.dtype}", "weights are real numbers")
    weights = rows.data.astype(np.float64)
    if not ((weights >= 0) & (weights < np.inf)).all():
        raise _invalid("a weight that is NaN, infinite or negative", "weights are finite and not negative")
    has_zeros = not weights.all()
    rows = scipy.sparse.csr_array((weights, rows.indices, rows.indptr), shape=rows.shape, copy=has_zeros)
    if has_zeros:
        rows.eliminate_zeros()
    mirror = rows.T.tocsr()
    if not np.array_equal(mirror.indptr, rows.indptr) or not np.array_equal(mirror.indices, rows.indices):
        raise _invalid("a link without its reverse", "add the transpose, or use clustering.symmetric.undirected")
    if not np.array_equal(mirror.data, rows.data):
        raise _invalid("a link that weighs other than its reverse", "use clustering.symmetric.undirected")
    degree = np.asarray(rows.sum(axis=1)).ravel() + rows.diagonal()
    return SymmetricRows(
        indptr=rows.indptr.astype(np.int64, copy=False),
        indices=rows.indices.astype(np.int32, copy=False),
        weights=rows.data,
        degree=degree.astype(np.float64, copy=False),
    )


def undirected(graph: CSRGraph) -> scipy.sparse.csr_array:
    """The links of a graph, float32, sorted, without self-loops: 1 each, or the weights of both directions together.

    An undirected graph keeps its weights. Parallel arcs of a graph without weights count once.
    """
    arcs = graph.to_scipy()
    if graph.weights is None:
        arcs = scipy.sparse.csr_array((np.ones(graph.n_edges, dtype=np.float32), arcs.indices, arcs.indptr), arcs.shape)
    links = arcs + arcs.T if graph.directed else arcs.copy()
    links = scipy.sparse.csr_array(links)
    links.sum_duplicates()
    if links.diagonal().any():
        links.setdiag(0)
        links.eliminate_zeros()
    if graph.weights is None:
        links.data[:] = 1
    return links


def _invalid(what: str, fix: str) -> InvalidInput:
    return InvalidInput(source="weights", what=what, fix=fix)
