"""Weights of links between communities, added up.

Layout   CSR rows; ``members`` lists the nodes community by community. Row a of the result is written by one pass over
         the arcs of community a's nodes, in that order.
Threads  single-threaded.
Limits   memory n_communities beside the result, never its square.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


@numba.njit(nogil=True, cache=True)
def community_weights(
    indptr: Int64s,
    indices: Int32s,
    weights: Float64s,
    labels: Int64s,
    members: Int64s,
    starts: Int64s,
    out_starts: Int64s,
    out_labels: Int64s,
    out_weights: Float64s,
) -> None:
    """Rows of the community-by-community matrix of summed weights, without its diagonal.

    ``members[starts[a]:starts[a + 1]]`` are the nodes of community a. ``weights`` may be empty: every arc is 1 then.
    With ``out_labels`` empty only ``out_starts`` is written. Columns stand in the order they are met.
    """
    n = starts.size - 1
    seen = np.full(n, -1, dtype=np.int64)
    out_starts[0] = 0
    for a in range(n):
        at = out_starts[a]
        begin = at
        for m in range(starts[a], starts[a + 1]):
            node = members[m]
            for arc in range(indptr[node], indptr[node + 1]):
                weight = weights[arc] if weights.size else 1.0
                b = labels[indices[arc]]
                if b == a or weight == 0.0:
                    continue
                if seen[b] < begin:
                    seen[b] = at
                    if out_labels.size:
                        out_labels[at] = b
                        out_weights[at] = 0.0
                    at += 1
                if out_labels.size:
                    out_weights[seen[b]] += weight
        out_starts[a + 1] = at
