"""NetworkX's `triangles`, `transitivity` and `clustering` over `graph.triangles`."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from graph import triangles as algorithm
from purlieu.networkx_backend.graphs import BackendGraph

Int64s = npt.NDArray[np.int64]


def refuse_triangles(_graph: Any, nodes: Any = None) -> str | None:
    """Why these arguments are left to NetworkX, or None."""
    return None if nodes is None else "triangles of some nodes are counted without converting the graph"


def refuse_transitivity(graph: Any) -> str | None:
    """Why these arguments are left to NetworkX, or None."""
    return "a directed graph or a multigraph" if graph.is_directed() or graph.is_multigraph() else None


def refuse_clustering(graph: Any, nodes: Any = None, weight: Any = None) -> str | None:
    """Why these arguments are left to NetworkX, or None."""
    if nodes is not None:
        return "clustering of some nodes is computed without converting the graph"
    if weight is not None:
        return "clustering with weights"
    return refuse_transitivity(graph)


def triangles(G: BackendGraph, nodes: None = None) -> dict[Hashable, int]:  # noqa: ARG001  # refused unless None
    """As ``networkx.triangles`` of all nodes."""
    return dict(zip(G.nodes, _triangles(G).tolist(), strict=True))


def transitivity(G: BackendGraph) -> float:
    """As ``networkx.transitivity``: the share of the pairs of a node's neighbours that are neighbours themselves."""
    closed = 2 * int(_triangles(G).sum())
    return 0 if closed == 0 else closed / int(_ordered_pairs(G).sum())


def clustering(G: BackendGraph, nodes: None = None, weight: None = None) -> dict[Hashable, float]:  # noqa: ARG001
    """As ``networkx.clustering`` of all nodes without weights."""
    shares = zip((2 * _triangles(G)).tolist(), _ordered_pairs(G).tolist(), strict=True)
    return {node: 0 if closed == 0 else closed / pairs for node, (closed, pairs) in zip(G.nodes, shares, strict=True)}


def _triangles(graph: BackendGraph) -> Int64s:
    if "triangles" not in graph.derived:
        graph.derived["triangles"] = algorithm.triangles(graph.indptr, graph.indices)
    counts: Int64s = graph.derived["triangles"]
    return counts


def _ordered_pairs(graph: BackendGraph) -> Int64s:
    """Of the neighbours of every node of a graph without parallel edges, the node itself left out."""
    src = np.repeat(np.arange(len(graph)), np.diff(graph.indptr))
    loops = np.bincount(src[src == graph.indices], minlength=len(graph))
    degree = np.diff(graph.indptr) - loops
    return degree * (degree - 1)
