"""Loops over a dendrogram: where everything below a merge stands, and what stands above a community."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]


@numba.njit(nogil=True, cache=True)
def lay_out(lefts: Numbers, rights: Numbers, sizes: Numbers, starts: Numbers, parents: Numbers) -> None:
    """Count the nodes of every merge, and give each community the places of its nodes, those of a merge side by side.

    lefts, rights : int64 (n_merges,): the two that merge i joins into community n_leaves + i
    sizes : int64 (n_leaves + n_merges,): nodes of every community; those of merges are written
    starts, parents : int64 (n_leaves + n_merges,), written: first place of a community, and what it merges into, -1
        for the last
    """
    n_leaves = sizes.size - lefts.size
    for merge in range(lefts.size):
        sizes[n_leaves + merge] = sizes[lefts[merge]] + sizes[rights[merge]]
    starts[sizes.size - 1], parents[sizes.size - 1] = 0, -1
    for merge in range(lefts.size - 1, -1, -1):
        whole = n_leaves + merge
        left, right = lefts[merge], rights[merge]
        starts[left] = starts[whole]
        starts[right] = starts[whole] + sizes[left]
        parents[left] = parents[right] = whole


@numba.njit(nogil=True, cache=True)
def climb(parents: Numbers, communities: Numbers, stop: int) -> None:
    """Replace every one of ``communities`` by the last above it, or itself, that is numbered below ``stop``."""
    for i in range(communities.size):
        above = parents[communities[i]]
        while 0 <= above < stop:
            communities[i] = above
            above = parents[above]


@numba.njit(nogil=True, cache=True)
def weights_inside(indptr: Numbers, indices: Numbers, weights: Numbers, labels: Numbers, out: Numbers) -> None:
    """Sum the weights of each node's links to nodes of its own label, itself left out; no weights count as 1."""
    for node in range(indptr.size - 1):
        total = np.float64(0)
        for place in range(indptr[node], indptr[node + 1]):
            other = indices[place]
            if other != node and labels[other] == labels[node]:
                total += weights[place] if weights.size else 1.0
        out[node] = total
