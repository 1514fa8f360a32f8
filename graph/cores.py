"""Core numbers: the largest k for which a node belongs to a part of the graph whose nodes all have k neighbours in it.

Source: Batagelj, Zaversnik, *An O(m) Algorithm for Cores Decomposition of Networks*, 2003, arXiv:cs/0310049.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graph.kernels.cores import peel
from graph.kernels.counting import count_rows, place_arcs

Int64s = npt.NDArray[np.int64]


def core_numbers(indptr: Int64s, indices: npt.NDArray[Any], *, directed: bool) -> Int64s:
    """Core number of every node, int64 (n_nodes,).

    A neighbour is one at either end of an arc, counted once for each arc: twice for a pair of arcs of a directed graph.
    ``directed=False`` states that every arc is stored with its reverse, as one edge. There are no self-loops.
    """
    if directed:
        indptr, indices = _both_ways(indptr, indices)
    core = np.diff(indptr)
    order = np.argsort(core, kind="stable")
    position = np.empty_like(order)
    position[order] = np.arange(order.size)
    bins = np.searchsorted(core[order], np.arange(int(core.max(initial=0)) + 1))
    peel(indptr, indices, core, order, position, bins)
    return core


def _both_ways(indptr: Int64s, indices: npt.NDArray[Any]) -> tuple[Int64s, npt.NDArray[Any]]:
    src = np.repeat(np.arange(indptr.size - 1, dtype=indices.dtype), np.diff(indptr))
    ends, others = np.concatenate([src, indices]), np.concatenate([indices, src])
    starts, rows = np.zeros_like(indptr), np.empty_like(ends)
    count_rows(ends, starts)
    no_weights = np.empty(0, dtype=np.float32)
    place_arcs(ends, others, no_weights, starts[:-1].copy(), rows, no_weights)
    return starts, rows
