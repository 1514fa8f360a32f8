"""How well communities cut a graph: modularity and conductance.

Source: Newman, Girvan, Physical Review E 69:026113, 2004; with resolution: Reichardt, Bornholdt, 2006.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from clustering.kernels.partition import inner_weights
from clustering.symmetric import SymmetricRows, symmetric_rows
from foundation.errors import InvalidInput


def modularity(weights: Any, labels: npt.NDArray[np.integer], *, resolution: float = 1.0) -> float:
    """Share of the weight inside communities, less ``resolution`` times what random links of equal degrees would give.

    Parameters
    ----------
    weights
        Symmetric sparse matrix, (n_nodes, n_nodes); entry (u, u) is the weight of a self-loop.
    labels
        One integer per node, any numbers.

    A graph without links has modularity 0.

    Raises
    ------
    InvalidInput
        As `clustering.symmetric.symmetric_rows`, or when there is not one label per node.
    """
    rows = symmetric_rows(weights)
    numbered, n_labels = _numbered(labels, rows.degree.size)
    return modularity_of_rows(rows, numbered, n_labels, resolution)


def modularity_of_rows(
    rows: SymmetricRows, labels: npt.NDArray[np.int32], n_labels: int, resolution: float = 1.0
) -> float:
    """`modularity` of checked rows and labels in [0, n_labels)."""
    total = float(rows.degree.sum())
    if total == 0:
        return 0.0
    inner, degrees = _inner(rows, labels, n_labels)
    return float(inner.sum() / total - resolution * ((degrees / total) ** 2).sum())


def conductances(weights: Any, labels: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Weight that leaves each community over the weight of its smaller side, float64, by ascending label.

    In [0, 1]; 0 when none leaves. Raises as `modularity`.
    """
    rows = symmetric_rows(weights)
    numbered, n_labels = _numbered(labels, rows.degree.size)
    inner, degrees = _inner(rows, numbered, n_labels)
    smaller = np.minimum(degrees, degrees.sum() - degrees)
    leaving = np.maximum(degrees - inner, 0.0)
    return np.asarray(np.divide(leaving, smaller, out=np.zeros(n_labels), where=smaller > 0))


def _inner(
    rows: SymmetricRows, labels: npt.NDArray[np.int32], n_labels: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    inner = np.zeros(n_labels)
    inner_weights(rows.indptr, rows.indices, rows.weights, labels, inner)
    return inner, np.bincount(labels, weights=rows.degree, minlength=n_labels).astype(np.float64, copy=False)


def _numbered(labels: npt.NDArray[np.integer], n_nodes: int) -> tuple[npt.NDArray[np.int32], int]:
    given = np.asarray(labels)
    if given.shape != (n_nodes,) or given.dtype.kind not in "iu":
        raise InvalidInput(
            source="labels",
            what=f"{given.dtype} of shape {given.shape} for {n_nodes} nodes",
            fix="pass one integer per node",
        )
    values, numbered = np.unique(given, return_inverse=True)
    return numbered.astype(np.int32), int(values.size)
