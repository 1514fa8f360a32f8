"""Peeling: nodes leave in the order of how few neighbours they have left.

Layout   CSR in which every arc has its reverse; parallel arcs count, self-loops are not there. ``core`` int64
         (n_nodes,) comes in as the degree and leaves as the core number; ``order`` and ``position`` are int64
         (n_nodes,), ``bins`` int64 (largest degree + 1,): scratch, filled by the caller as `peel` says.
Threads  single-threaded: each node depends on all that left before it.
Limits   ``indices`` lie in [0, n_nodes): the caller has checked.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]


@numba.njit(nogil=True, cache=True)
def peel(
    indptr: Int64s, indices: npt.NDArray[Any], core: Int64s, order: Int64s, position: Int64s, bins: Int64s
) -> None:
    """Lower every degree to the core number.

    ``order`` lists the nodes by degree, ``position`` is its inverse, ``bins[d]`` where degree d begins in it.
    """
    for place in range(order.size):
        node = order[place]
        for arc in range(indptr[node], indptr[node + 1]):
            other = indices[arc]
            degree = core[other]
            if degree <= core[node]:
                continue
            # The neighbour changes places with the first of its degree, and the border moves past it.
            first = bins[degree]
            moved = order[first]
            order[position[other]], position[moved] = moved, position[other]
            order[first], position[other] = other, first
            bins[degree] = first + 1
            core[other] = degree - 1
