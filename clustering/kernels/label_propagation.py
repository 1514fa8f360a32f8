"""Every node takes the label its links weigh most for, until all have it.

Layout   CSR rows and labels as in `clustering.kernels.local_moving`.
Threads  single-threaded: the outcome is decided by ``order`` and ``key``.
Limits   a node keeps its label unless another weighs more by `_TOLERANCE` of all, so that the weight of links inside
         communities grows with every change, and changes end.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.splitmix import hash2

_TOLERANCE = 1e-10


@numba.njit(nogil=True, cache=True)
def propagate_labels(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float64],
    degree: npt.NDArray[np.float64],
    order: npt.NDArray[np.int32],
    key: np.uint64,
    labels: npt.NDArray[np.int32],
) -> int:
    """Change ``labels`` until no node has a better one; of equally good new ones ``key`` picks. Returns the changes."""
    n = degree.size
    linked, near = np.full(n, -1.0), np.empty(n, dtype=np.int32)  # -1: not met
    queue, is_waiting = order.copy(), np.ones(n, dtype=np.bool_)
    first, n_waiting, n_changes = 0, n, 0
    while n_waiting > 0:
        node = queue[first]
        first = first + 1 if first + 1 < n else 0
        n_waiting -= 1
        is_waiting[node] = False
        own, n_near = labels[node], 0
        for arc in range(indptr[node], indptr[node + 1]):
            if indices[arc] == node:
                continue
            label = labels[indices[arc]]
            if linked[label] < 0.0:
                linked[label] = 0.0
                near[n_near] = label
                n_near += 1
            linked[label] += weights[arc]
        least = _TOLERANCE * degree[node]
        best, best_weight, best_draw = own, max(linked[own], 0.0) + least, np.uint64(0)
        for i in range(n_near):
            label = near[i]
            if label != own and linked[label] >= best_weight:
                draw = hash2(key, np.uint64(label) ^ (np.uint64(node) << np.uint64(32)))
                if best == own or linked[label] > best_weight + least or draw > best_draw:
                    best, best_weight, best_draw = label, linked[label], draw
            linked[label] = -1.0
        if best == own:
            continue
        n_changes += 1
        labels[node] = best
        for arc in range(indptr[node], indptr[node + 1]):
            other = indices[arc]
            if not is_waiting[other] and labels[other] != best:
                is_waiting[other] = True
                last = first + n_waiting
                queue[last if last < n else last - n] = other
                n_waiting += 1
    return n_changes
