"""One step of PageRank, pulled along the arcs that come in.

Layout   CSR over targets: row v of ``indptr`` and ``sources`` lists the nodes with an arc to v. ``shares`` float64
         holds what each arc takes of its source's rank; it is empty when every arc of a source takes the same, which
         is then part of ``mass``. All other arrays are float64 (n_nodes,).
Threads  single-threaded loops over the rows [start, stop), one writer per row; the sums returned are of these rows.
Limits   ``sources`` lie in [0, n_nodes): the caller has checked.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Float64s = npt.NDArray[np.float64]


@numba.njit(nogil=True, cache=True)
def pull_rank(
    indptr: npt.NDArray[np.int64],
    sources: npt.NDArray[Any],
    shares: Float64s,
    inverse: Float64s,
    mass: Float64s,
    stuck: float,
    damping: float,
    restart: Float64s,
    dangling: Float64s,
    rank: Float64s,
    following: Float64s,
    following_mass: Float64s,
    start: int,
    stop: int,
) -> tuple[float, float]:
    """``following`` = damping · (arcs + ``stuck`` · ``dangling``) + (1 - damping) · ``restart``.

    ``inverse`` is 1 / out-weight, 0 at nodes that pass nothing on; ``mass`` is ``rank`` times it, or ``rank`` itself
    where there are ``shares``. Returns the sum of |``following`` - ``rank``|, and the rank of nodes that pass nothing
    on.
    """
    change, held = 0.0, 0.0
    for row in range(start, stop):
        first, last = indptr[row], indptr[row + 1]
        # Two sums at a time, since each addition waits for the one before it.
        even, odd = 0.0, 0.0
        pairs = first + (last - first) // 2 * 2
        if shares.size:
            for arc in range(first, pairs, 2):
                even += shares[arc] * mass[sources[arc]]
                odd += shares[arc + 1] * mass[sources[arc + 1]]
            if pairs < last:
                even += shares[pairs] * mass[sources[pairs]]
        else:
            for arc in range(first, pairs, 2):
                even += mass[sources[arc]]
                odd += mass[sources[arc + 1]]
            if pairs < last:
                even += mass[sources[pairs]]
        value = damping * ((even + odd) + stuck * dangling[row]) + (1.0 - damping) * restart[row]
        change += abs(value - rank[row])
        following[row] = value
        following_mass[row] = value if shares.size else value * inverse[row]
        if inverse[row] == 0.0:
            held += value
    return change, held
