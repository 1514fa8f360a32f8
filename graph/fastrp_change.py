"""What a changed graph leaves of the powers of the graph as it was: steps over the rows that differ, and only those.

A step works on any panel of columns, as in `graph.fastrp`. A row differs where the hop after it would read other
bytes: other values, or another factor, which in GDS mode holds the norm of the whole row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.matching import matching_rows
from foundation.threads import even_ranges
from graph.changed_arcs import changed_arcs
from graph.csr import CSRGraph
from graph.fastrp_start import Start
from graph.kernels.reach import with_neighbour_in
from graph.propagation import Listed, Rows, Stored, Walk, frozen

_ROWS = 65_536  # rows looked at or moved at a time
Mask = npt.NDArray[np.bool_]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A graph before and after. Nodes are the same when their ids are.

    Attributes
    ----------
    graph, walk, old_walk : the graph as it is, prepared for steps; the graph as it was
    was : int64 (n_nodes,), row that each node had, or -1
    arcs : (n_nodes,), nodes whose own arcs differ, new ones among them: there is nothing of theirs to be taken
    """

    graph: CSRGraph
    walk: Walk
    old_walk: Walk
    was: npt.NDArray[np.int64]
    arcs: Mask

    @classmethod
    def between(cls, old: CSRGraph, old_walk: Walk, graph: CSRGraph, walk: Walk) -> Change:
        """Compares the arcs of every node."""
        was = matching_rows(old.node_ids, graph.node_ids, 0, graph.n_nodes)
        arcs = changed_arcs(old, graph, was)
        known = np.flatnonzero(was >= 0)
        arcs[known] |= (walk.places[known] >= 0) & (old_walk.places[was[known]] < 0)
        return cls(graph, walk, old_walk, was, arcs)

    def step(self, source: Stored | Listed, old: Rows, differs: Mask, n_threads: int = 1) -> tuple[Rows, Mask]:
        """`Walk.step` where ``source`` reads as it did except for the nodes that ``differs``; which rows were made.

        Rows of nodes with changed arcs, or an arc to a node that differs, are made; the others are copied from ``old``,
        the same columns of the same power of then.
        """
        made = self.arcs.copy()
        arrays = (frozen(self.graph.indptr), frozen(self.graph.indices))
        with_neighbour_in(*arrays, differs, made, 0, self.graph.n_nodes)
        rows = Rows.empty(self.walk.n_places, old.values.shape[1], self.walk.precision)
        self._copy(old, rows, ~made)
        return self.walk.step(source, n_threads, into=rows, only=made), made

    def starts(self, old: Start, new: Start) -> Mask:
        """Nodes whose row reads differently at the first hop."""
        if old.drawn is not None and new.drawn is not None:
            return self.draws(old.sparsity, old.drawn, new.sparsity, new.drawn)
        if isinstance(old.source, Stored) and isinstance(new.source, Stored):
            return self._reads(old.source, new.source, np.arange(self.was.size), self.was)
        return np.ones(self.was.size, dtype=np.bool_)

    def draws(
        self,
        old_sparsity: float,
        old_factors: npt.NDArray[np.float32],
        sparsity: float,
        factors: npt.NDArray[np.float32],
    ) -> Mask:
        """The same for random rows, of which equal ids have equal signs: arguments are those of `drawn_factors`."""
        differs = np.full(self.was.size, old_sparsity != sparsity)
        differs[self.was < 0] = True
        known = np.flatnonzero(~differs)
        differs[known] = old_factors[self.was[known]] != factors[known]
        return differs

    def reads(self, old: Stored, new: Stored, among: Mask | None = None) -> Mask:
        """Nodes whose row of a power reads differently at the next hop; with ``among`` only these can."""
        stored = self.walk.places >= 0
        nodes = np.flatnonzero(stored if among is None else stored & among)
        there, known = np.full(nodes.size, -1), self.was[nodes] >= 0
        there[known] = self.old_walk.places[self.was[nodes[known]]]
        return self._reads(old, new, nodes, there)

    def _reads(self, old: Stored, new: Stored, nodes: npt.NDArray[np.int64], there: npt.NDArray[Any]) -> Mask:
        """Compares the rows of ``nodes`` with the rows ``there`` of ``old``, -1 for none."""
        differs = np.zeros(self.was.size, dtype=np.bool_)
        if old.values.dtype != new.values.dtype or old.values.shape[1] != new.values.shape[1]:
            differs[nodes] = True
            return differs
        here = new.slots[nodes]
        for start, stop in even_ranges(nodes.size, _ROWS):
            left, right = there[start:stop], here[start:stop]
            unlike = left < 0
            both = np.flatnonzero(~unlike)
            left, right = left[both], right[both]
            unlike[both] = (old.factors[left] != new.factors[right]).any(axis=1)
            unlike[both] |= (old.values[left] != new.values[right]).any(axis=1)
            differs[nodes[start:stop]] = unlike
        return differs

    def _copy(self, old: Rows, new: Rows, which: Mask) -> None:
        nodes = np.flatnonzero(which & (self.walk.places >= 0))
        for start, stop in even_ranges(nodes.size, _ROWS):
            here = self.walk.places[nodes[start:stop]]
            there = self.old_walk.places[self.was[nodes[start:stop]]]
            new.values[here] = old.values[there]
            new.scales[here] = old.scales[there]
            new.squares[here] = old.squares[there]
