"""Rows of a graph in another order, and how much of a walk from each is never absorbed.

Layout   CSR rows; ``weights`` is empty when every arc weighs 1. ``order`` is the old row of every new one, ``place``
         the new row of every old one.
Threads  single-threaded.
Limits   node rows fit int32.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

_TOL = 1e-15
_MAX_SWEEPS = 100_000


@numba.njit(nogil=True, cache=True)
def relabel(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    order: npt.NDArray[np.int32],
    place: npt.NDArray[np.int32],
    new_indptr: npt.NDArray[np.int64],
    new_indices: npt.NDArray[np.int32],
    new_weights: npt.NDArray[np.float32],
) -> None:
    """Fill the new arcs; those of a row keep their order."""
    for row in range(order.size):
        shift = indptr[order[row]] - new_indptr[row]
        for arc in range(new_indptr[row], new_indptr[row + 1]):
            new_indices[arc] = place[indices[arc + shift]]
            if weights.size:
                new_weights[arc] = weights[arc + shift]


@numba.njit(nogil=True, cache=True)
def kept_mass(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    out_weight: npt.NDArray[np.float64],
    damping: float,
    totals: npt.NDArray[np.float64],
) -> None:
    """Lower ``totals``, ones on entry, until they are the sums of the rankings, walks ending at dangling nodes.

    ``total[v] = (1 - damping) + damping · mean of total over the out-arcs``. Values fall at every step and are never
    below what is sought, so an answer's bound that is divided by them errs on the safe side by rounding only.
    """
    teleport = 1.0 - damping
    for _ in range(_MAX_SWEEPS):
        change = 0.0
        for row in range(totals.size):
            value = teleport
            if out_weight[row] > 0.0:
                kept = 0.0
                for arc in range(indptr[row], indptr[row + 1]):
                    kept += totals[indices[arc]] * (weights[arc] if weights.size else 1.0)
                value += damping * kept / out_weight[row]
            change = max(change, totals[row] - value)
            totals[row] = value
        if change <= _TOL * teleport:
            return
