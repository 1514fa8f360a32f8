"""Heat diffusion from a few nodes, pushed only where it matters.

Layout   CSR rows of an undirected graph: ``indptr`` int64, ``indices`` int32 or int64. ``heat``, ``mass`` and
         ``spread`` are zeroed float64 (n_nodes,); ``touched``, ``active`` and ``reached`` are int64 scratch (n_nodes,).
Threads  single-threaded; sums run in the order nodes are first reached, so equal calls give equal bytes.
Limits   the first step follows the seeds' arcs, every other at most 1 / tolerance, whatever the graph.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def diffuse(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    seeds: npt.NDArray[np.int64],
    step_weights: npt.NDArray[np.float64],
    tolerance: float,
    heat: npt.NDArray[np.float64],
    mass: npt.NDArray[np.float64],
    spread: npt.NDArray[np.float64],
    touched: npt.NDArray[np.int64],
    active: npt.NDArray[np.int64],
    reached: npt.NDArray[np.int64],
) -> tuple[int, float]:
    """``heat`` becomes the sum of ``step_weights[k]`` times the distribution after k random steps from the seeds.

    Seeds pass their mass on in any case, other nodes while they hold at least ``tolerance`` per arc; smaller
    portions end where they are. Returns how many nodes have heat (``touched`` names them) and the heat lost to
    that cut.
    """
    n_touched, n_active, lost = 0, 0, 0.0
    remaining = step_weights.sum()
    for seed in seeds:
        mass[seed] = 1.0 / seeds.size
        active[n_active] = seed
        n_active += 1
    for k in range(step_weights.size):
        remaining -= step_weights[k]
        n_reached = 0
        for i in range(n_active):
            node = active[i]
            here = mass[node]
            mass[node] = 0.0
            if heat[node] == 0.0:
                touched[n_touched] = node
                n_touched += 1
            heat[node] += step_weights[k] * here
            degree = indptr[node + 1] - indptr[node]
            if degree == 0 or (k > 0 and here < tolerance * degree):
                lost += remaining * here
                continue
            share = here / degree
            for arc in range(indptr[node], indptr[node + 1]):
                other = indices[arc]
                if spread[other] == 0.0:
                    reached[n_reached] = other
                    n_reached += 1
                spread[other] += share
        mass, spread = spread, mass
        active, reached = reached, active
        n_active = n_reached
    return n_touched, lost
