"""Which rows of a graph are not what they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graph.arrays import read_only
from graph.csr import CSRGraph
from graph.kernels.reach import changed_rows


def changed_arcs(old: CSRGraph, new: CSRGraph, was: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """True where a node of ``new`` is new or has other arcs or weights, bool (n_nodes,).

    ``was`` is the row of ``old`` that each node had, or -1. A graph with weights and one without differ everywhere.
    """
    out = np.ones(new.n_nodes, dtype=np.bool_)
    if (old.weights is None) == (new.weights is None):
        nothing = np.empty(0, dtype=np.float32)
        arrays: list[Any] = [
            read_only(array)
            for graph in (old, new)
            for array in (graph.indptr, graph.indices, nothing if graph.weights is None else graph.weights)
        ]
        changed_rows(*[*arrays, was, out, 0, new.n_nodes])
    return out
