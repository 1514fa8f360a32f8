"""The graph as queries read it: nodes that belong together side by side, and what never changes worked out once.

Rows are ordered by component (undirected graphs), then by how much mass comes by: the largest degree first. Nothing
but speed depends on it, since arcs of a row keep the caller's order and ties go by the caller's row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from graph.arrays import arc_arrays, read_only
from graph.csr import CSRGraph
from graph.kernels.answer import Arcs, Places
from graph.kernels.counting import sum_runs
from graph.kernels.layout import kept_mass, relabel

_NO_FLOATS = np.empty(0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Arrays of n_nodes or n_arcs, in memory or mapped; size 0 where they do not apply.

    Attributes
    ----------
    order : int32, the caller's row of every row here
    place : int32, the row here of every row of the caller's
    indptr, indices, weights : int64, int32, float32, the graph; no weights when every arc weighs 1
    out_weight : float64, sum of each row of ``weights``
    totals : float64, mass of a walk that starts at each node and is not absorbed; none when nothing is
    component : int32, -1 at nodes without arcs; undirected graphs only, as are the next two
    starts : int64, (n_components + 1,), first row of each component, the largest first
    stationary : float64, where a long walk is, adds up to 1 in each component
    """

    order: npt.NDArray[np.int32]
    place: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    out_weight: npt.NDArray[np.float64]
    totals: npt.NDArray[np.float64]
    component: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    stationary: npt.NDArray[np.float64]

    @classmethod
    def of(cls, graph: CSRGraph, damping: float) -> Layout:
        """Lay out a graph; takes one copy of it.

        Raises
        ------
        InvalidInput
            When node rows do not fit int32.
        """
        arcs = arc_arrays(graph)
        out_weight = np.diff(graph.indptr).astype(np.float64)
        if arcs.weights.size:
            sum_runs(arcs.indptr, arcs.weights, out_weight)
        component = np.empty(0, dtype=np.int32)
        starts = np.empty(0, dtype=np.int64)
        if graph.directed:
            rows = np.argsort(-np.bincount(arcs.indices, minlength=graph.n_nodes), kind="stable")
        else:
            rows, component, starts = _by_component(graph, out_weight)
        order: npt.NDArray[np.int32] = rows.astype(np.int32)
        place = np.empty(order.size, dtype=np.int32)
        place[order] = np.arange(order.size, dtype=np.int32)
        indptr = np.zeros_like(graph.indptr)
        np.cumsum(np.diff(graph.indptr)[order], out=indptr[1:])
        indices, weights = np.empty(arcs.indices.size, dtype=np.int32), np.empty_like(arcs.weights)
        relabel(arcs.indptr, arcs.indices, arcs.weights, read_only(order), read_only(place), indptr, indices, weights)
        out_weight = out_weight[order]
        stationary = _NO_FLOATS
        if not graph.directed:
            inside = out_weight[: starts[-1]]
            volume = np.add.reduceat(inside, starts[:-1]) if starts.size > 1 else _NO_FLOATS
            stationary = np.zeros(graph.n_nodes)
            stationary[: starts[-1]] = inside / np.repeat(volume, np.diff(starts))
        totals = _NO_FLOATS
        if (out_weight == 0).any():
            totals = np.ones(graph.n_nodes)
            kept_mass(indptr, indices, weights, out_weight, damping, totals)
        return cls(
            order=order, place=place, indptr=indptr, indices=indices, weights=weights,
            out_weight=out_weight if weights.size else _NO_FLOATS, totals=totals,
            component=component, starts=starts, stationary=stationary,
        )  # fmt: skip

    @property
    def n_nodes(self) -> int:
        return self.order.size

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What to save: ``Layout(**arrays)`` opens it again, mapped or not."""
        return {name: getattr(self, name) for name in self.__slots__}

    def degrees(self) -> npt.NDArray[np.float32]:
        """How many arcs a node has to push along, float32 (n_nodes,); infinite where a push would lead nowhere."""
        degrees = np.diff(self.indptr).astype(np.float32)
        degrees[(self.out_weight if self.out_weight.size else degrees) == 0] = np.inf
        return degrees

    def arcs(self, limits: npt.NDArray[np.float32]) -> Arcs:
        """The graph as kernels take it, with the residual (in units of rmax) that each node may keep."""
        arrays = self.indptr, self.indices, self.weights, self.out_weight, limits
        return Arcs(*(read_only(array) for array in arrays))

    def places(self, *, background: bool) -> Places:
        """What kernels know of every node, the stationary distribution with ``background`` if there is one."""
        spread = (self.component, self.starts, self.stationary)
        if not background:
            spread = tuple(array[:0] for array in spread)  # type: ignore[assignment]  # three of the same
        return Places(*(read_only(array) for array in (self.order, self.place, self.totals, *spread)))


def _by_component(
    graph: CSRGraph, out_weight: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Order of the rows, component of each in that order, first row of each component."""
    values = np.ones(graph.indices.size, dtype=np.int8) if graph.weights is None else graph.weights
    matrix = scipy.sparse.csr_matrix((values, graph.indices, graph.indptr), shape=(graph.n_nodes, graph.n_nodes))
    if graph.weights is not None and not graph.weights.all():
        matrix = matrix.copy()
        matrix.eliminate_zeros()
    _, label = connected_components(matrix, directed=False)
    sizes = np.bincount(label, minlength=1)
    alone = out_weight == 0
    # Largest component first, then the one whose first row comes first; nodes without arcs behind all of them.
    first = np.full(sizes.size, graph.n_nodes)
    np.minimum.at(first, label, np.arange(graph.n_nodes))
    group = np.empty(sizes.size, dtype=np.int64)
    group[np.lexsort((first, -sizes))] = np.arange(sizes.size)
    rank = np.where(alone, graph.n_nodes, group[label])
    order = np.lexsort((-out_weight, rank))
    sorted_rank = rank[order]
    inside = sorted_rank < graph.n_nodes
    names, starts = np.unique(sorted_rank[inside], return_index=True)
    component = np.full(graph.n_nodes, -1, dtype=np.int32)
    component[inside] = np.searchsorted(names, sorted_rank[inside])
    return order, component, np.append(starts, int(inside.sum())).astype(np.int64)
