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
    """Nodes with heat, int64 as they were reached; heat per link of every node, float64 (n_nodes,); the share lost."""

    nodes: npt.NDArray[np.int64]
    per_link: npt.NDArray[np.float64]
    lost: float


def heat_from(links: Sets, seeds: npt.NDArray[np.int64], time: float, tolerance: float) -> Heat:
    """Spread one unit of heat, equally parted among ``seeds``, for ``time`` steps on average.

    ``links`` are those of an undirected graph: every arc with its reverse. After the seeds, a node passes heat
    on while it holds ``tolerance`` or more per link, so a step follows at most 1 / tolerance links; what is held
    back is counted in ``lost``, as is what a seed without links cannot pass on.
    """
    n_nodes = links.indptr.size - 1
    heat, mass, spread = (np.zeros(n_nodes) for _ in range(3))
    touched, active, reached = (np.empty(n_nodes, dtype=np.int64) for _ in range(3))
    n_touched, lost = diffuse(
        links.indptr, links.indices, seeds, _step_weights(time), tolerance, heat, mass, spread, touched, active, reached
    )
    nodes = touched[:n_touched]
    heat[nodes] /= np.maximum(links.indptr[nodes + 1] - links.indptr[nodes], 1)
    return Heat(nodes, heat, float(lost))


def _step_weights(time: float) -> npt.NDArray[np.float64]:
    """Poisson probabilities of 0, 1, 2, … steps, up to the tail that is left out."""
    weights = [math.exp(-time)]
    while sum(weights) < 1 - _TAIL:
        weights.append(weights[-1] * time / len(weights))
    return np.array(weights)
