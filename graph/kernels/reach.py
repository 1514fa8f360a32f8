"""How far a change of the arcs reaches.

Layout   two CSR graphs whose nodes are sorted by one order of ids; ``before[node]`` is the row a node had in the old
         one, or -1; masks are bool, one a node.
Threads  single-threaded loops over the nodes [start, stop), one writer per node.
Limits   weights may be empty on both sides; the caller has compared whether they are.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


@numba.njit(nogil=True, cache=True)
def changed_rows(
    old_indptr: npt.NDArray[np.int64],
    old_indices: npt.NDArray[Any],
    old_weights: npt.NDArray[np.float32],
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: npt.NDArray[np.float32],
    before: npt.NDArray[np.int64],
    out: Mask,
    start: int,
    stop: int,
) -> None:
    """``out[node]`` = the node is new, or its arcs or their weights are not what they were."""
    for node in range(start, stop):
        old = before[node]
        first = indptr[node]
        degree = indptr[node + 1] - first
        out[node] = old < 0 or old_indptr[old + 1] - old_indptr[old] != degree
        if not out[node]:
            shift = old_indptr[old] - first
            for arc in range(first, first + degree):
                if before[indices[arc]] != old_indices[arc + shift] or (
                    weights.size > 0 and weights[arc] != old_weights[arc + shift]
                ):
                    out[node] = True
                    break


@numba.njit(nogil=True, cache=True)
def with_neighbour_in(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any], mask: Mask, out: Mask, start: int, stop: int
) -> None:
    """``out[node]`` becomes True where an arc leads to a node of the mask, and stays otherwise."""
    for node in range(start, stop):
        arc, end = indptr[node], indptr[node + 1]
        while arc < end and not out[node]:
            out[node] = mask[indices[arc]]
            arc += 1
