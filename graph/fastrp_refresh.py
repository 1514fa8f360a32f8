"""FastRP of a graph that changed, from the powers of the graph as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.matching import matching_rows
from foundation.threads import even_ranges
from graph.csr import CSRGraph
from graph.fastrp_powers import Powers
from graph.fastrp_start import Start, next_source, start_panel
from graph.kernels.reach import changed_rows, with_neighbour_in
from graph.propagation import Listed, Rows, Stored, Walk, frozen, row_norms

_ROWS = 65_536  # rows looked at or moved at a time


def refreshed(
    before: Powers,
    graph: CSRGraph,
    *,
    features: npt.ArrayLike | None = None,
    initial: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Powers:
    """`fastrp_powers` of a changed graph with the same params, from the powers of the graph as it was.

    Nodes are the same when their ids are. Only rows that a change can reach are computed: of nodes whose arcs changed,
    or that point to a node whose row of the hop before changed. In paper mode a changed degree changes how its
    neighbours hear a node. The bytes are those of `fastrp_powers`.
    """
    params, walk = before.params, Walk.over(graph, before.params.precision)
    own = start_panel(graph, params, 0, params.dim, features=features, initial=initial, n_threads=n_threads, own=True)
    was = _earlier_rows(before.graph, graph)
    arcs = _changed_arcs(before.graph, graph, was)
    known = np.flatnonzero(was >= 0)
    arcs[known] |= (walk.places[known] >= 0) & (before.walk.places[was[known]] < 0)  # nothing there to be copied
    changed = _changed_starts(before.start, own, was)
    source, powers, n_made = own.source, [], []
    for old in before.rows:
        reached = arcs.copy()
        with_neighbour_in(frozen(graph.indptr), frozen(graph.indices), changed, reached, 0, graph.n_nodes)
        rows = Rows.empty(walk.n_places, old.values.shape[1], params.precision)
        _copy(old, before.walk, rows, walk, was, ~reached)
        walk.step(source, n_threads, into=rows, only=reached)
        changed = _changed_powers(old, before.walk, rows, walk, was, reached)
        source = next_source(walk, params, rows, row_norms([rows.squares]))
        powers.append(rows)
        n_made.append(int(np.count_nonzero(reached)))
    return Powers(graph, params, walk, own, tuple(powers), tuple(n_made))


def _earlier_rows(old: CSRGraph, new: CSRGraph) -> npt.NDArray[np.int64]:
    """Row that each node had in ``old``, or -1."""
    return matching_rows(old.node_ids, new.node_ids, 0, new.n_nodes)


def _changed_arcs(old: CSRGraph, new: CSRGraph, was: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    out = np.ones(new.n_nodes, dtype=np.bool_)
    if (old.weights is None) == (new.weights is None):
        nothing = np.empty(0, dtype=np.float32)
        arrays: list[Any] = [
            frozen(array)
            for graph in (old, new)
            for array in (graph.indptr, graph.indices, nothing if graph.weights is None else graph.weights)
        ]
        changed_rows(*[*arrays, was, out, 0, new.n_nodes])
    return out


def _changed_starts(old: Start, new: Start, was: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Nodes whose row reads differently at the first hop."""
    changed = was < 0
    if old.sparsity != new.sparsity or type(old.source) is not type(new.source):
        return np.ones_like(changed)
    kept = np.flatnonzero(~changed)
    if isinstance(old.source, Listed) and isinstance(new.source, Listed):
        changed[kept] = old.source.magnitude[was[kept]] != new.source.magnitude[kept]
    elif isinstance(old.source, Stored) and isinstance(new.source, Stored):
        changed[kept] = _differ(
            old.source.values, old.source.factors, was[kept], new.source.values, new.source.factors, kept
        )
    return changed


def _changed_powers(
    old: Rows, old_walk: Walk, new: Rows, walk: Walk, was: npt.NDArray[np.int64], made: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Nodes whose row reads differently at the next hop: those that were made, but came out as they were."""
    changed = made.copy()
    both = np.flatnonzero(made & (was >= 0))
    there, here = old_walk.places[was[both]], walk.places[both]
    both, there, here = (array[(there >= 0) & (here >= 0)] for array in (both, there, here))
    same_share = old_walk.share[there] == walk.share[here]
    changed[both] = ~same_share | _differ(old.values, old.scales, there, new.values, new.scales, here)
    return changed


def _differ(a: Any, a_scales: Any, a_rows: Any, b: Any, b_scales: Any, b_rows: Any) -> npt.NDArray[np.bool_]:
    """Whether rows ``a_rows`` of a block and ``b_rows`` of another are not the same bytes."""
    out = np.empty(len(a_rows), dtype=np.bool_)
    for start, stop in even_ranges(len(a_rows), _ROWS):
        left, right = a_rows[start:stop], b_rows[start:stop]
        out[start:stop] = (a[left] != b[right]).any(axis=1) | (a_scales[left] != b_scales[right]).any(axis=1)
    return out


def _copy(
    old: Rows, old_walk: Walk, new: Rows, walk: Walk, was: npt.NDArray[np.int64], which: npt.NDArray[np.bool_]
) -> None:
    nodes = np.flatnonzero(which & (walk.places >= 0))
    for start, stop in even_ranges(nodes.size, _ROWS):
        here, there = walk.places[nodes[start:stop]], old_walk.places[was[nodes[start:stop]]]
        new.values[here] = old.values[there]
        new.scales[here] = old.scales[there]
        new.squares[here] = old.squares[there]
