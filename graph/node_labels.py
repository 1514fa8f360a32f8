"""Labels of nodes: any number of nodes without, with one, or with many."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from foundation.errors import InvalidInput

LEAST_NODES = 20  # labelled nodes below which a share of them says nothing


def label_matrix(labels: Any, n_nodes: int, source: str = "labels") -> scipy.sparse.csr_array:
    """Membership of every node in every label, bool CSR (n_nodes, n_labels), labels nobody has left out.

    Parameters
    ----------
    labels
        A sparse or dense matrix (n_nodes, n_labels), not zero where a node has a label; or integers (n_nodes,), one
        label a node, negative for none.
    source
        Named by errors.

    Raises
    ------
    InvalidInput
        For a wrong shape or kind, fewer than two labels, or fewer than 20 labelled nodes.
    """
    matrix = (
        scipy.sparse.csr_array(labels) if scipy.sparse.issparse(labels) else _from_array(np.asarray(labels), source)
    )
    if matrix.shape[0] != n_nodes:
        what = f"labels of {matrix.shape[0]} nodes, the graph has {n_nodes}"
        raise InvalidInput(source=source, what=what, fix="pass one row of labels per node")
    matrix = matrix.astype(bool)
    matrix.eliminate_zeros()
    matrix = scipy.sparse.csr_array(matrix[:, np.unique(matrix.indices)])
    if matrix.shape[1] < 2:
        what = f"{matrix.shape[1]} different labels"
        raise InvalidInput(source=source, what=what, fix="name two or more: there is nothing to tell apart")
    if (n_labelled := labelled_nodes(matrix).size) < LEAST_NODES:
        what = f"{n_labelled} labelled nodes"
        raise InvalidInput(source=source, what=what, fix=f"label {LEAST_NODES} or more")
    return matrix


def labelled_nodes(matrix: scipy.sparse.csr_array) -> npt.NDArray[np.int64]:
    """Rows with at least one label, ascending."""
    return np.flatnonzero(np.diff(matrix.indptr)).astype(np.int64)


def _from_array(given: npt.NDArray[Any], source: str) -> scipy.sparse.csr_array:
    if given.ndim == 2 and given.dtype.kind in "biuf":
        return scipy.sparse.csr_array(given != 0)
    if given.ndim != 1 or given.dtype.kind not in "iu":
        what = f"labels are {given.dtype} of shape {given.shape}"
        raise InvalidInput(source=source, what=what, fix="pass integers (n_nodes,), or a matrix (n_nodes, n_labels)")
    nodes = np.flatnonzero(given >= 0)
    names, column = np.unique(given[nodes], return_inverse=True)
    entries = np.ones(nodes.size, dtype=bool)
    return scipy.sparse.csr_array((entries, (nodes, column)), shape=(given.size, names.size))
