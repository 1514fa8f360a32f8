"""NetworkX's `core_number` over `graph.cores`."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import networkx as nx
import numpy as np

from graph.cores import core_numbers
from purlieu.networkx_backend.graphs import BackendGraph


def refuse_core_number(_graph: Any) -> str | None:
    """Nothing: NetworkX itself turns multigraphs away."""
    return None


def core_number(G: BackendGraph) -> dict[Hashable, int]:
    """As ``networkx.core_number``.

    Raises
    ------
    nx.NetworkXNotImplemented
        When there are self-loops.
    """
    if (np.repeat(np.arange(len(G)), np.diff(G.indptr)) == G.indices).any():
        raise nx.NetworkXNotImplemented("Input graph has self loops, remove nx.selfloop_edges(G) first")
    return dict(zip(G.nodes, core_numbers(G.indptr, G.indices, directed=G.directed).tolist(), strict=True))
