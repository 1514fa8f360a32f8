"""Heat that has spread from a few nodes over the links of a graph.

The heat of a node is the probability that a random walk from a random seed, stopped after a Poisson-distributed
number of steps with mean ``time``, ends there. Divided by the node's degree it no longer favours hubs.

Source: Chung, PNAS 2007 (heat kernel PageRank); the cut of small portions follows the push algorithms of
Andersen, Chung, Lang, FOCS 2006.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.kernels.diffusion import diffuse
from clustering.neighbourhoods import Sets

# Walks longer than all but this share of them are not followed: 13 steps at time = 5.
_TAIL = 1e-3


class Heat(NamedTuple):
    """Where heat has come to.

    nodes : int64, as they were reached; per_link : heat over the node's links, float64, in the same order
    lost : the share that was held back
    place : int32 (n_nodes,): where a node stands in ``nodes``, counted from 1; 0 where no heat came to
    """

    nodes: npt.NDArray[np.int64]
    per_link: npt.NDArray[np.float64]
    lost: float
    place: npt.NDArray[np.int32]

    def at(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Heat per link of some nodes, float64, 0 where none came to."""
        return np.append(0.0, self.per_link)[self.place[rows]]


def heat_from(links: Sets, seeds: npt.NDArray[np.int64], time: float, tolerance: float) -> Heat:
    """Spread one unit of heat, equally parted among ``seeds``, for ``time`` steps on average.

    ``links`` are those of an undirected graph: every arc with its reverse. After the seeds, a node passes heat
    on while it holds ``tolerance`` or more per link, so a step follows at most 1 / tolerance links; what is held
    back is counted in ``lost``, as is what a seed without links cannot pass on.
    """
    indptr, step_weights = links.indptr, _step_weights(time)
    n_followed = int((indptr[seeds + 1] - indptr[seeds]).sum()) + step_weights.size / tolerance
    n_places = int(min(indptr.size - 1, seeds.size + n_followed))
    place = np.zeros(indptr.size - 1, dtype=np.int32)
    nodes, active, reached = (np.empty(n_places, dtype=np.int64) for _ in range(3))
    heat, mass, spread = (np.empty(n_places) for _ in range(3))
    n_reached, lost = diffuse(
        indptr, links.indices, seeds, step_weights, tolerance, place, nodes, heat, mass, spread, active, reached
    )
    nodes = nodes[:n_reached].copy()
    per_link = heat[:n_reached] / np.maximum(indptr[nodes + 1] - indptr[nodes], 1)
    return Heat(nodes, per_link, float(lost), place)


def _step_weights(time: float) -> npt.NDArray[np.float64]:
    """Poisson probabilities of 0, 1, 2, … steps, up to the tail that is left out."""
    weights = [math.exp(-time)]
    while sum(weights) < 1 - _TAIL:
        weights.append(weights[-1] * time / len(weights))
    return np.array(weights)
