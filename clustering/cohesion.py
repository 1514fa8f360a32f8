"""How closely the members of a community hang together, by the links of the graph."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.kernels.cohesion import count_links
from clustering.neighbourhoods import Sets


class Cohesion(NamedTuple):
    """Both in [0, 1].

    conductance : links that leave the members over the links of the smaller side; 0 when none leave
    density : linked pairs of members over pairs of members; 0 for a single member
    """

    conductance: float
    density: float


def cohesion(links: Sets, members: npt.NDArray[np.int64]) -> Cohesion:
    """Of ``members``, distinct rows, in an undirected graph (every arc with its reverse, a self-loop once)."""
    indptr, indices = links
    inside = np.zeros(indptr.size // 64 + 1, dtype=np.uint64)
    volume, within, loops = count_links(indptr, indices, np.asarray(members, dtype=np.int64), inside)
    smaller = min(volume, indices.size - volume)
    conductance = (volume - within) / smaller if smaller else 0.0
    return Cohesion(conductance, (within - loops) / 2 / max(math.comb(members.size, 2), 1))
