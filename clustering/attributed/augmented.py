"""The augmented graph: nodes, and a vertex for every attribute value, linked with the nodes that have it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from foundation.errors import InvalidInput

Float64s = npt.NDArray[np.float64]


def read_links(weights: scipy.sparse.csr_array | npt.NDArray[Any]) -> scipy.sparse.csr_array:
    """``weights`` without the diagonal, both directions averaged.

    Raises
    ------
    InvalidInput
        On a matrix that is not square, of no node, or not finite or negative somewhere.
    """
    links = _matrix(weights, "weights")
    n_nodes = links.shape[0]
    if links.shape[1] != n_nodes or n_nodes < 1:
        raise _invalid("weights", f"shape {links.shape}", "pass a square matrix of at least one node")
    mean = ((links + links.T) / 2).tocsr()
    mean = (mean - scipy.sparse.diags_array(mean.diagonal())).tocsr()
    mean.eliminate_zeros()
    return mean


def read_attributes(attributes: scipy.sparse.csr_array | npt.NDArray[Any], n_nodes: int) -> scipy.sparse.csr_array:
    """The columns of ``attributes`` that are not empty.

    Raises
    ------
    InvalidInput
        On a matrix of other than ``n_nodes`` rows, or not finite or negative somewhere.
    """
    known = _matrix(attributes, "attributes")
    if known.shape[0] != n_nodes:
        raise _invalid("attributes", f"{known.shape[0]} rows for {n_nodes} nodes", "pass one row per node")
    known.eliminate_zeros()
    return known[:, np.unique(known.indices)]


def augmented(links: scipy.sparse.csr_array, known: scipy.sparse.csr_array, omega: float) -> scipy.sparse.csr_array:
    """``[[A, ω Z], [ω Zᵀ, 0]]``: first the nodes, then the attribute values."""
    return scipy.sparse.block_array([[links, omega * known], [omega * known.T, None]], format="csr")


def normalised_laplacian(adjacency: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """``I − D^-½ A D^-½``; the row of a vertex without links is that of I, so no smooth vector lives there."""
    degree = np.asarray(adjacency.sum(axis=1), dtype=np.float64)
    scale = np.divide(1, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)
    return (
        scipy.sparse.eye_array(degree.size, format="csr")
        - scipy.sparse.diags_array(scale) @ adjacency @ scipy.sparse.diags_array(scale)
    ).tocsr()


def _matrix(values: Any, source: str) -> scipy.sparse.csr_array:
    """float64, duplicates added up, checked."""
    if np.ndim(values) != 2 and not scipy.sparse.issparse(values):
        raise _invalid(source, f"shape {np.shape(values)}", "pass a matrix, dense or sparse")
    matrix = scipy.sparse.csr_array(values, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    if not ((matrix.data >= 0) & (matrix.data < np.inf)).all():
        raise _invalid(source, "a value is NaN, infinite or negative", "values are finite and not negative")
    return matrix


def _invalid(source: str, what: str, fix: str) -> InvalidInput:
    return InvalidInput(source=source, what=what, fix=fix)
