"""NetworkX graphs as arrays, and back.

Arcs keep the order in which NetworkX stores them; an undirected edge is two arcs, a self-loop one, and parallel edges
stay apart. What NetworkX asks to preserve is kept: attributes by name as one column each, all attributes as copies of
the edges' dictionaries. Graphs here never change, so NetworkX may cache them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import networkx as nx
import numpy as np
import numpy.typing as npt

from foundation.errors import NotOffered
from purlieu.networkx_backend.adjacency import Adjacency, Attributes, Float64s, columns_of, numbers_of


@dataclass(eq=False, repr=False, kw_only=True)
class BackendGraph:
    """What a function of this backend is given in place of an ``nx.Graph``.

    Attributes
    ----------
    nodes : in the order of the NetworkX graph; rows are positions in this list
    indptr, indices : int64 (n_nodes + 1,) and int32 (n_arcs,), rows not sorted
    columns : float64 (n_arcs,) for each edge attribute asked for by name, its default where an edge has none
    keys : of every arc of a multigraph
    edge_data, node_data : dictionaries of every arc and node, where they are preserved
    derived : what functions keep for the next question about this graph, by a name of their own
    """

    __networkx_backend__: ClassVar[str] = "purlieu"

    nodes: list[Hashable]
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    directed: bool
    columns: dict[str, Float64s] = field(default_factory=dict)
    keys: list[Hashable] | None = None
    edge_data: list[Attributes] | None = None
    node_data: list[Attributes] | None = None
    graph_data: Attributes = field(default_factory=dict)
    derived: dict[Hashable, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.__networkx_cache__: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"BackendGraph(n_nodes={len(self)}, n_arcs={self.indices.size}, directed={self.directed})"

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self.nodes)

    def is_directed(self) -> bool:
        return self.directed

    def is_multigraph(self) -> bool:
        return self.keys is not None

    def column(self, attribute: str, default: float) -> Float64s:
        """The numbers of an edge attribute, float64 (n_arcs,); read only.

        Raises
        ------
        NotOffered
            When the attribute was not preserved, or a value of it is not a number.
        """
        if attribute not in self.columns:
            if self.edge_data is None:
                what = f"the edge attribute {attribute!r}, which this converted graph does not hold"
                raise NotOffered(what=what, fix="convert it with preserve_edge_attrs=True")
            self.columns[attribute] = numbers_of(self.edge_data, attribute, default, self.indices.size)
        return self.columns[attribute]


def convert_from_nx(
    graph: Any,
    edge_attrs: Mapping[str, Any] | None = None,
    node_attrs: Mapping[str, Any] | None = None,
    preserve_edge_attrs: bool = False,
    preserve_node_attrs: bool = False,
    preserve_graph_attrs: bool = False,
    name: str | None = None,
    graph_name: str | None = None,
) -> BackendGraph:
    """Any ``nx.Graph``, view or subclass as arrays; called by NetworkX, or by hand to convert once and ask often.

    ``edge_attrs`` and ``node_attrs`` are ``{attribute: default}``; ``name`` and ``graph_name`` say for whom and which.

    Raises
    ------
    NotOffered
        When ``graph`` is not NetworkX's, or an edge attribute asked for is not a number.
    """
    if isinstance(graph, BackendGraph):
        return graph
    if not isinstance(graph, nx.Graph):
        what = f"a {type(graph).__name__} as {graph_name or 'graph'} of {name or 'a call'}"
        raise NotOffered(what=what, fix="make an nx.Graph of it")
    if hasattr(graph, "_graph"):
        # A view is not told when the graph under it changes: what it caches would outlive the change.
        graph.__networkx_cache__ = None
    adjacency = Adjacency.of(graph)
    indptr = adjacency.indptr()
    n_arcs = int(indptr[-1])
    wanted = () if preserve_edge_attrs else (edge_attrs or {}).items()
    return BackendGraph(
        nodes=adjacency.nodes,
        indptr=indptr,
        indices=adjacency.indices(n_arcs),
        directed=graph.is_directed(),
        columns=columns_of(adjacency, wanted, n_arcs),
        keys=adjacency.keys(),
        edge_data=[dict(data) for data in adjacency.data()] if preserve_edge_attrs else None,
        node_data=_node_data(graph, adjacency.nodes, node_attrs, preserve_node_attrs),
        graph_data=dict(graph.graph) if preserve_graph_attrs else {},
    )


def convert_to_nx(result: Any) -> Any:
    """A `BackendGraph` as the NetworkX graph it was, with what it preserved; anything else as it is."""
    if not isinstance(result, BackendGraph):
        return result
    kinds = {(False, False): nx.Graph, (True, False): nx.DiGraph, (False, True): nx.MultiGraph}
    graph = kinds.get((result.directed, result.is_multigraph()), nx.MultiDiGraph)()
    graph.graph.update(result.graph_data)
    graph.add_nodes_from(result.nodes)
    for node, data in zip(result.nodes, result.node_data or (), strict=False):
        graph.nodes[node].update(data)
    src = np.repeat(np.arange(len(result)), np.diff(result.indptr))
    kept = np.arange(src.size) if result.directed else np.flatnonzero(src <= result.indices)
    ends = zip(src[kept].tolist(), result.indices[kept].tolist(), strict=True)
    pairs = ((result.nodes[u], result.nodes[v]) for u, v in ends)
    arcs: Iterable[tuple[Any, ...]] = pairs
    if result.keys is not None:
        arcs = ((*pair, result.keys[arc]) for pair, arc in zip(pairs, kept.tolist(), strict=True))
    data_of = _data_by_arc(result, kept)
    graph.add_edges_from((*ends, data) for ends, data in zip(arcs, data_of, strict=True))
    return graph


def _data_by_arc(graph: BackendGraph, arcs: npt.NDArray[np.int64]) -> Iterator[Attributes]:
    if graph.edge_data is not None:
        return (dict(graph.edge_data[arc]) for arc in arcs.tolist())
    names = list(graph.columns)
    values = [column[arcs].tolist() for column in graph.columns.values()]
    if not names:
        return ({} for _ in range(arcs.size))
    return (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))


def _node_data(
    graph: Any, nodes: list[Hashable], wanted: Mapping[str, Any] | None, everything: bool
) -> list[Attributes] | None:
    if everything:
        return [dict(graph.nodes[node]) for node in nodes]
    if wanted:
        return [{name: graph.nodes[node].get(name, default) for name, default in wanted.items()} for node in nodes]
    return None
