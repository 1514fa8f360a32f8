"""NetworkX's dictionaries, walked without a step of Python per arc wherever that can be."""

from __future__ import annotations

import contextlib
import itertools
import operator
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt

from foundation.errors import NotOffered

Float64s = npt.NDArray[np.float64]
Attributes = dict[Any, Any]

_VALUES = operator.methodcaller("values")


@dataclass(frozen=True, slots=True, eq=False)
class Adjacency:
    """What a graph stores for each of its nodes: neighbours with a dictionary, or one by key in a multigraph."""

    nodes: list[Hashable]
    rows: list[Any]
    multigraph: bool

    @classmethod
    def of(cls, graph: nx.Graph[Any]) -> Adjacency:
        """Of any NetworkX graph or view; its order of nodes and neighbours is kept."""
        nodes = list(graph)
        # `graph.adj` would wrap each row, at ten times the cost.
        return cls(nodes, [graph._adj[node] for node in nodes], graph.is_multigraph())

    def indptr(self) -> npt.NDArray[np.int64]:
        """Row pointer, int64 (n_nodes + 1,)."""
        degrees: Iterable[int] = map(len, self.rows)
        if self.multigraph:
            degrees = (sum(map(len, row.values())) for row in self.rows)
        starts = np.zeros(len(self.nodes) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(degrees, dtype=np.int64, count=len(self.nodes)), out=starts[1:])
        return starts

    def indices(self, n_arcs: int) -> npt.NDArray[np.int32]:
        """Row of the neighbour of every arc."""
        if self.nodes == list(range(len(self.nodes))):
            # Nodes are their own rows. A key that equals one and is no integer, such as 1j**4, has to be looked up.
            with contextlib.suppress(TypeError):
                return np.fromiter(self._neighbours(), dtype=np.int32, count=n_arcs)
        row_of = dict(zip(self.nodes, range(len(self.nodes)), strict=True))
        return np.fromiter(map(row_of.__getitem__, self._neighbours()), dtype=np.int32, count=n_arcs)

    def _neighbours(self) -> Iterator[Any]:
        if self.multigraph:
            return (node for row in self.rows for node, parallel in row.items() for _ in range(len(parallel)))
        return itertools.chain.from_iterable(self.rows)

    def keys(self) -> list[Hashable] | None:
        """Key of every arc of a multigraph."""
        return [key for row in self.rows for parallel in row.values() for key in parallel] if self.multigraph else None

    def data(self) -> Iterator[Attributes]:
        """NetworkX's own dictionary of every arc: not to be changed."""
        inner = itertools.chain.from_iterable(map(_VALUES, self.rows))
        return itertools.chain.from_iterable(map(_VALUES, inner)) if self.multigraph else inner


def numbers_of(data: Iterable[Attributes], attribute: str, default: Any, n_arcs: int) -> Float64s:
    """``attribute`` of every arc as numpy makes floats of Python's values, float64 (n_arcs,).

    Raises
    ------
    NotOffered
        When a value is not a number.
    """
    try:
        return np.fromiter((each.get(attribute, default) for each in data), dtype=np.float64, count=n_arcs)
    except (TypeError, ValueError, OverflowError) as error:
        what = f"the edge attribute {attribute!r}, which is not a number everywhere ({error})"
        raise NotOffered(what=what, fix="set it, or name another attribute") from error


def columns_of(adjacency: Adjacency, wanted: Iterable[tuple[str, Any]], n_arcs: int) -> dict[str, Float64s]:
    """`numbers_of` each attribute; ``wanted`` are pairs of a name and a default."""
    columns = {}
    for attribute, default in wanted:
        if any(adjacency.data()):
            columns[attribute] = numbers_of(adjacency.data(), attribute, default, n_arcs)
        else:  # no edge has any attribute, which is a third of the cost to find out
            columns[attribute] = np.repeat(numbers_of([{}], attribute, default, 1), n_arcs)
    return columns
