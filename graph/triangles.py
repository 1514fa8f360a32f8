"""Triangles at every node of an undirected graph.

Source: Chiba, Nishizeki, *Arboricity and Subgraph Listing Algorithms*, SIAM J. Comput. 1985; Latapy, TCS 2008: each
edge points to its end of higher degree, so that no node looks through more than √(2m) neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graph.csr import CSRGraph
from graph.kernels.triangles import count_triangles

Int64s = npt.NDArray[np.int64]


def triangles(indptr: Int64s, indices: npt.NDArray[Any]) -> Int64s:
    """Number of triangles that each node is part of, int64 (n_nodes,).

    The arcs are those of an undirected graph, each stored with its reverse; parallel ones count once, self-loops not.
    """
    n_nodes = indptr.size - 1
    rank = np.empty(n_nodes, dtype=np.int64)
    rank[np.argsort(np.diff(indptr), kind="stable")] = np.arange(n_nodes)
    src, dst = np.repeat(rank, np.diff(indptr)), rank[indices]
    upward = src < dst
    ranked = CSRGraph.from_edges(src[upward], dst[upward], n_nodes=n_nodes, duplicates="first")
    counts, seen = np.zeros(n_nodes, dtype=np.int64), np.full(n_nodes, -1, dtype=np.int64)
    count_triangles(ranked.indptr, ranked.indices, seen, counts)
    return counts[rank]
