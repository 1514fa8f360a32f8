"""A graph read along its arcs, against them, or both ways."""

from __future__ import annotations

import numpy as np

from foundation.errors import InvalidParams
from graph.csr import CSRGraph

ORIENTATIONS = ("natural", "reverse", "undirected")


def oriented(graph: CSRGraph, orientation: str) -> CSRGraph:
    """The same nodes seen as "natural", "reverse" (every arc turned) or "undirected".

    "undirected" stores every arc both ways. Where both were there already their weights are added; a graph
    without weights stays without, each pair once.

    Raises
    ------
    InvalidParams
        For any other orientation.
    """
    if orientation not in ORIENTATIONS:
        raise InvalidParams(name="orientation", value=orientation, allowed=", ".join(ORIENTATIONS))
    if orientation == "natural" or not graph.directed:
        return graph
    if orientation == "reverse":
        return graph.transposed()
    return CSRGraph.from_edges(
        np.repeat(np.arange(graph.n_nodes, dtype=np.int64), graph.out_degree()),
        graph.indices,
        graph.weights,
        node_ids=graph.node_ids,
        directed=False,
        duplicates="first" if graph.weights is None else "sum",
    )
