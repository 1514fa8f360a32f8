"""A PowerWalk index after some edges changed: only what the change can have reached is made again.

A walk is the same when it never visits a node whose arcs differ, and so is a push that never pushes one. Both are known
to the nodes an index stores, so that the test costs a look at the old index. What is kept is what a rebuild would make,
to the byte; only the errors of kept hubs grow, by how far the stationary distribution moved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.matching import matching_rows
from graph.changed_arcs import changed_arcs
from graph.csr import CSRGraph
from graph.powerwalk.fingerprints import Fingerprints, allotted_walks, fingerprints
from graph.powerwalk.hubs import HubVectors, choose_hubs, hub_vectors
from graph.powerwalk.index import PowerWalkIndex
from graph.powerwalk.layout import Layout
from graph.powerwalk.params import PowerWalkParams
from graph.walk_tables import arc_aliases

_ROUNDED = 1.0 + 2.0**-21  # entries are rounded down to float32
Mask = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerWalkChange:
    """A graph before and after; nodes are the same when their ids are.

    Attributes
    ----------
    old, graph : as it was, as it is
    was : int64 (n_nodes,), row that each node had, or -1
    now : int64 (n_old_nodes,), row that each old node has, or -1
    arcs : bool (n_nodes,), nodes whose own arcs differ, new ones among them
    """

    old: CSRGraph
    graph: CSRGraph
    was: Int64s
    now: Int64s
    arcs: Mask

    @classmethod
    def between(cls, old: CSRGraph, graph: CSRGraph) -> PowerWalkChange:
        """Compares the arcs of every node."""
        was = matching_rows(old.node_ids, graph.node_ids, 0, graph.n_nodes)
        now = np.full(old.n_nodes, -1, dtype=np.int64)
        known = np.flatnonzero(was >= 0)
        now[was[known]] = known
        return cls(old=old, graph=graph, was=was, now=now, arcs=changed_arcs(old, graph, was))

    def old_arcs(self) -> Mask:
        """Old nodes whose arcs differ now, or that are gone; bool (n_old_nodes,)."""
        differs = np.ones(self.now.size, dtype=np.bool_)
        kept = np.flatnonzero(self.now >= 0)
        differs[kept] = self.arcs[self.now[kept]]
        return differs


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refreshed:
    """The new index, and how much of it was taken from the old one."""

    index: PowerWalkIndex
    n_hubs_kept: int
    n_walked_rows_kept: int


def refresh(index: PowerWalkIndex, graph: CSRGraph, n_threads: int = 1) -> Refreshed:
    """``index`` for a graph that is its own with some edges changed; what it is made of stays as it was chosen.

    Equal to hubs and walks made anew for ``graph``, byte for byte, but for the errors of kept hubs.

    Raises
    ------
    InvalidInput
        When one graph is directed and the other is not.
    """
    if graph.directed != index.graph.directed:
        raise InvalidInput(
            source="graph", what="it is directed and the index's is not, or the other way round", fix="build an index"
        )
    change = PowerWalkChange.between(index.graph, graph)
    layout = Layout.of(graph, index.params.damping)
    hubs, prints = None, None
    n_hubs_kept, n_rows_kept = 0, 0
    if index.hubs is not None:
        hubs, n_hubs_kept = refreshed_hubs(change, index, layout, choose_hubs(layout, index.hubs.n_hubs), n_threads)
    if index.fingerprints is not None:
        prints, n_rows_kept = refreshed_walks(change, index.fingerprints, index.params, n_threads=n_threads)
    made = PowerWalkIndex(
        graph, index.params, layout=layout, hubs=hubs, fingerprints=prints, background=index.background,
        effort=index.effort,
    )  # fmt: skip
    return Refreshed(index=made, n_hubs_kept=n_hubs_kept, n_walked_rows_kept=n_rows_kept)


def refreshed_hubs(
    change: PowerWalkChange,
    index: PowerWalkIndex,
    layout: Layout,
    hubs: npt.NDArray[np.int32],
    n_threads: int = 1,
) -> tuple[HubVectors, int]:
    """The lists of ``hubs``, rows of the new ``layout``, and how many of them the old ``index`` had.

    A list holds all that its push ever left at a node, or, where it was cut, no less than at any other node. A node is
    pushed when that is more than its limit, so a list without such a node among those that changed is as it would be.
    """
    old = index.hubs
    assert old is not None
    limit = int(old.limits[0]) if old.n_hubs else index.params.max_hub_entries
    kept, there = _kept(change, index, old, layout, hubs)
    moved = _moved(change, index.layout, layout, old.hubs[there], hubs[kept])
    same = old.take(there)
    same = replace(
        same, hubs=hubs[kept], nodes=layout.place[change.now[index.layout.order[same.nodes]]],
        error=same.error + index.params.damping * moved,
    )  # fmt: skip
    others = np.setdiff1d(np.arange(hubs.size), kept)
    fresh = hub_vectors(
        layout, hubs[others], damping=index.params.damping, rmax=index.params.hub_rmax,
        max_entries=np.full(others.size, limit, dtype=np.int32), n_sweeps=index.params.hub_sweeps, n_threads=n_threads,
    )  # fmt: skip
    return HubVectors.concatenate([same, fresh]).take(np.argsort(np.concatenate([kept, others]))), kept.size


def refreshed_walks(
    change: PowerWalkChange, old: Fingerprints, params: PowerWalkParams, n_threads: int = 1
) -> tuple[Fingerprints, int]:
    """Fingerprints of the new graph, and of how many nodes the ``old`` ones were right.

    A node walks again when it or a node it visited has other arcs, or when some of its visits were not stored.
    """
    differs = change.old_arcs()
    stale = differs | (old.lost > 0)
    rows = np.repeat(np.arange(differs.size), np.diff(old.indptr))
    stale[rows[differs[old.nodes]]] = True
    if old.walks is not None:  # in proportion to a degree, and to the mean of all
        wanted = np.broadcast_to(allotted_walks(change.graph, params), change.was.size)
        kept = np.flatnonzero(change.now >= 0)
        stale[kept] |= old.walks[kept] != wanted[change.now[kept]]
    again = np.ones(change.was.size, dtype=np.bool_)
    known = np.flatnonzero(change.was >= 0)
    again[known] = stale[change.was[known]]
    same = old.take(change.was[~again])
    same = replace(same, nodes=change.now[same.nodes].astype(np.int32))
    aliases = arc_aliases(change.graph) if change.graph.weights is not None else None
    fresh = [
        fingerprints(change.graph, params, start, stop, n_threads=n_threads, aliases=aliases)
        for start, stop in _runs(again)
    ]
    order = np.argsort(np.concatenate([np.flatnonzero(~again), np.flatnonzero(again)]))
    return Fingerprints.concatenate([same, *fresh]).take(order), int((~again).sum())


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """Ranges of rows where ``mask`` holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _kept(
    change: PowerWalkChange, index: PowerWalkIndex, old: HubVectors, layout: Layout, hubs: npt.NDArray[np.int32]
) -> tuple[Int64s, Int64s]:
    """Places in ``hubs`` of those whose lists are right, and where in ``old`` these are."""
    if old.off is not None:  # a sweep passes all arcs
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    hub_at = np.full(change.old.n_nodes, -1, dtype=np.int64)
    hub_at[index.layout.order[old.hubs]] = np.arange(old.n_hubs)
    was = change.was[layout.order[hubs]]
    there = np.where(was >= 0, hub_at[np.maximum(was, 0)], -1) if was.size and hub_at.size else np.full(hubs.size, -1)
    right = np.append(~_pushed(change, index, old), False)[there]
    kept = np.flatnonzero((there >= 0) & right)
    return kept, there[kept]


def _pushed(change: PowerWalkChange, index: PowerWalkIndex, old: HubVectors) -> Mask:
    """Old hubs whose push may have pushed, or might push now, a node whose arcs differ."""
    degrees = np.full(change.old.n_nodes, np.inf)
    for graph, rows in ((change.old, np.arange(change.old.n_nodes)), (change.graph, change.now)):
        there = rows >= 0
        degrees[there] = np.minimum(degrees[there], np.diff(graph.indptr)[rows[there]])
    most = np.full(change.old.n_nodes, np.inf)
    differs = change.old_arcs()
    params = index.params
    most[differs] = (1 - params.damping) * params.hub_rmax * degrees[differs] / _ROUNDED
    if not differs.any():
        return np.zeros(old.n_hubs, dtype=np.bool_)
    over = old.values > most[index.layout.order[old.nodes]]
    pushed = np.zeros(old.n_hubs, dtype=np.bool_)
    sizes = np.diff(old.indptr)
    pushed[np.repeat(np.arange(old.n_hubs), sizes)[over]] = True
    cut = np.flatnonzero(sizes >= old.limits)
    pushed[cut] |= old.values[old.indptr[cut + 1] - 1] > most.min()
    pushed |= differs[index.layout.order[old.hubs]]
    return pushed


def _moved(
    change: PowerWalkChange,
    before: Layout,
    after: Layout,
    old_hubs: npt.NDArray[np.int32],
    hubs: npt.NDArray[np.int32],
) -> npt.NDArray[np.float64]:
    """L1 distance between the stationary distributions of each hub's component, then and now; 0 without any."""
    moved = np.zeros(hubs.size)
    if not before.stationary.size or not hubs.size:
        return moved
    pairs, which = np.unique(np.stack([before.component[old_hubs], after.component[hubs]]), axis=1, return_inverse=True)
    for number, (then, now) in enumerate(pairs.T.tolist()):
        spread = np.zeros(change.graph.n_nodes)
        rows = slice(after.starts[now], after.starts[now + 1])
        spread[after.order[rows]] = after.stationary[rows]
        rows = slice(before.starts[then], before.starts[then + 1])
        there = change.now[before.order[rows]]
        known = there >= 0
        spread[there[known]] -= before.stationary[rows][known]
        gone = float(before.stationary[rows][~known].sum())
        moved[which.ravel() == number] = float(np.abs(spread).sum()) + gone
    return moved
