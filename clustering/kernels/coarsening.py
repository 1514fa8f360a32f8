"""Communities become nodes; labels become 0, 1, 2, …

Layout   CSR rows as in `clustering.kernels.local_moving`; ``labels`` int32 in [0, n_communities).
Threads  single-threaded; sums run in the order of rows and arcs, so that equal calls give equal bytes.
Limits   links inside a community are left out of the coarse rows: its degree remembers them.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def number_labels(labels: npt.NDArray[np.int32]) -> int:
    """Renumber ``labels``, each in [0, n_nodes), by their first member; returns how many there are."""
    new = np.full(labels.size, -1, dtype=np.int32)
    n_labels = 0
    for node in range(labels.size):
        if new[labels[node]] < 0:
            new[labels[node]] = n_labels
            n_labels += 1
        labels[node] = new[labels[node]]
    return n_labels


@numba.njit(nogil=True, cache=True)
def group_members(labels: npt.NDArray[np.int32], starts: npt.NDArray[np.int64], members: npt.NDArray[np.int32]) -> None:
    """``members[starts[c]:starts[c + 1]]`` become the nodes of community c, ascending."""
    starts[:] = 0
    for label in labels:
        starts[label + 1] += 1
    for label in range(starts.size - 1):
        starts[label + 1] += starts[label]
    at = starts[:-1].copy()
    for node in range(labels.size):
        members[at[labels[node]]] = node
        at[labels[node]] += 1


@numba.njit(nogil=True, cache=True)
def coarsen(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int64],
    members: npt.NDArray[np.int32],
    out_indptr: npt.NDArray[np.int64],
    out_indices: npt.NDArray[np.int32],
    out_weights: npt.NDArray[np.float64],
) -> int:
    """Sum of the weights between any two communities, as rows; returns how many entries there are.

    ``starts`` and ``members`` are those of `group_members`; the last two arrays need room for as many entries as
    there are arcs.
    """
    n_communities = starts.size - 1
    place = np.full(n_communities, -1, dtype=np.int64)
    n_out = 0
    out_indptr[0] = 0
    for community in range(n_communities):
        first = n_out
        for i in range(starts[community], starts[community + 1]):
            node = members[i]
            for arc in range(indptr[node], indptr[node + 1]):
                other = labels[indices[arc]]
                if other == community:
                    continue
                if place[other] < first:
                    place[other] = n_out
                    out_indices[n_out] = other
                    out_weights[n_out] = 0.0
                    n_out += 1
                out_weights[place[other]] += weights[arc]
        out_indptr[community + 1] = n_out
    return n_out
