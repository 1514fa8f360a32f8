"""A graph's arrays as the walk and push kernels take them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from graph.csr import INT32_NODES, CSRGraph


class ArcArrays(NamedTuple):
    """Read-only views; ``weights`` is empty when every arc weighs 1."""

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A plain view that cannot be written, so that kernels compile once for arrays in memory and mapped ones."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def rows_taken(
    indptr: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row pointer of some rows of a CSR laid end to end, and the place of every entry in the whole.

    ``sizes`` (n_rows,) says how many entries of each row to take, from its first on.
    """
    taken = np.zeros(rows.size + 1, dtype=np.int64)
    np.cumsum(sizes[rows], out=taken[1:])
    return taken, np.arange(int(taken[-1])) + np.repeat(indptr[rows] - taken[:-1], sizes[rows])


def arc_arrays(graph: CSRGraph) -> ArcArrays:
    """Views of ``graph``; nothing is copied.

    Raises
    ------
    InvalidInput
        When node rows do not fit int32.
    """
    if graph.n_nodes > INT32_NODES:
        raise InvalidInput(
            source="graph",
            what=f"{graph.n_nodes} nodes, walks and pushes take at most {INT32_NODES}",
            fix="split the graph into components",
        )
    weights = np.empty(0, dtype=np.float32) if graph.weights is None else graph.weights
    return ArcArrays(read_only(graph.indptr), read_only(graph.indices), read_only(weights))
