"""NetworkX graphs of every kind, as people make them."""

from __future__ import annotations

from typing import Any

import networkx as nx
from hypothesis import strategies as st

# Names that share a text, and numbers that are equal to one another: 1, 1.0 and True are one node to NetworkX.
NODES = st.sampled_from([0, 1, 2, -7, "0", "1", "", 1.0, True, 2.5, ("a", 1), frozenset({1}), "naïve", 10**20])
WEIGHTS = st.sampled_from([1, 1.0, 0, 0.1, 0.2, 0.3, 3, 1e-3, 1e6, True, 2**60])
KINDS = st.sampled_from([nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])


@st.composite
def networkx_graphs(draw: st.DrawFn) -> nx.Graph[Any]:
    """Self-loops, parallel edges, isolated nodes, no nodes at all; some edges weigh, some of these nothing."""
    graph = draw(KINDS)(name=draw(st.sampled_from(["", "drawn"])))
    for node in draw(st.lists(NODES, max_size=4)):
        graph.add_node(node, **draw(st.sampled_from([{}, {"colour": "red"}, {"size": 2, "colour": None}])))
    for u, v in draw(st.lists(st.tuples(NODES, NODES), max_size=24)):
        graph.add_edge(
            u, v, **draw(st.sampled_from([{}, {"kind": "road"}]) | st.fixed_dictionaries({"weight": WEIGHTS}))
        )
    return graph


def numbers_for(graph: nx.Graph[Any]) -> st.SearchStrategy[dict[Any, float]]:
    """Numbers for some of the nodes, at least one above 0, and for nodes that are not there."""
    values = st.sampled_from([0, 1, 0.1, 2.5, 1e-9, 10])
    drawn = st.dictionaries(st.sampled_from([*graph, "nowhere"]), values, max_size=6)
    return drawn.filter(lambda numbers: any(value > 0 for node, value in numbers.items() if node in graph))
