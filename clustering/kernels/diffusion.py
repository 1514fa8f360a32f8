"""Heat diffusion from a few nodes, pushed only where it matters.

Layout   CSR rows of an undirected graph: ``indptr`` int64, ``indices`` int32 or int64. Nodes get places 0, 1, 2, … as
         they are reached: ``place``, zeroed int32 (n_nodes,), holds place + 1. By place: ``nodes`` int64, ``heat``,
         ``mass``, ``spread`` float64, and the scratch ``active`` and ``reached`` int64, none of them initialised.
Threads  single-threaded; sums run in the order nodes are first reached, so equal calls give equal bytes.
Limits   the first step follows the seeds' arcs, every other at most 1 / tolerance, whatever the graph; there must be a
         place for every seed and every arc that is followed, or for every node.
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
    place: npt.NDArray[np.int32],
    nodes: npt.NDArray[np.int64],
    heat: npt.NDArray[np.float64],
    mass: npt.NDArray[np.float64],
    spread: npt.NDArray[np.float64],
    active: npt.NDArray[np.int64],
    reached: npt.NDArray[np.int64],
) -> tuple[int, float]:
    """``heat`` becomes the sum of ``step_weights[k]`` times the distribution after k random steps from the seeds.

    Seeds pass their mass on in any case, other nodes while they hold at least ``tolerance`` per arc; smaller
    portions end where they are. Returns how many nodes were reached and the heat lost to that cut.
    """
    n_nodes, n_active, lost = seeds.size, seeds.size, 0.0
    remaining = step_weights.sum()
    for at in range(seeds.size):
        nodes[at], place[seeds[at]], active[at] = seeds[at], at + 1, at
        heat[at], mass[at], spread[at] = 0.0, 1.0 / seeds.size, 0.0
    for k in range(step_weights.size):
        remaining -= step_weights[k]
        n_reached = 0
        for i in range(n_active):
            at = active[i]
            node, here = nodes[at], mass[at]
            mass[at] = 0.0
            heat[at] += step_weights[k] * here
            degree = indptr[node + 1] - indptr[node]
            if degree == 0 or (k > 0 and here < tolerance * degree):
                lost += remaining * here
                continue
            if k == step_weights.size - 1:
                continue
            share = here / degree
            for arc in range(indptr[node], indptr[node + 1]):
                other = int(place[indices[arc]]) - 1
                if other < 0:
                    other = n_nodes
                    nodes[other], place[indices[arc]] = indices[arc], other + 1
                    heat[other] = mass[other] = spread[other] = 0.0
                    n_nodes += 1
                if spread[other] == 0.0:
                    reached[n_reached] = other
                    n_reached += 1
                spread[other] += share
        mass, spread = spread, mass
        active, reached = reached, active
        n_active = n_reached
    return n_nodes, lost
