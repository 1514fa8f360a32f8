"""Leiden and Louvain: communities of high modularity.

Nodes move to the neighbouring community that gains most, the communities found become the nodes of a smaller graph,
and so on. Leiden merges only parts of a community that hang together well (refinement), which keeps communities
connected and lets later levels move the parts.

Source: Traag, Waltman, van Eck, Scientific Reports 9:5233, 2019, arXiv:1810.08473, with the best merge taken in the
refinement instead of a random one; Blondel et al., arXiv:0803.0476.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clustering.kernels.coarsening import coarsen, group_members, number_labels
from clustering.kernels.local_moving import move_nodes, refine
from clustering.symmetric import SymmetricRows
from foundation.seeds import stream

Labels32 = npt.NDArray[np.int32]


def leiden(rows: SymmetricRows, resolution: float, n_iterations: int, seed: int, *, refined: bool = True) -> Labels32:
    """Communities int32 (n_nodes,), numbered by their first member.

    Parameters
    ----------
    resolution
        Weight of what random links would give; higher means smaller communities.
    n_iterations
        How often the whole is begun anew from the communities found; it ends earlier when nothing changes.
    seed
        Decides the order in which nodes are asked.
    refined
        False leaves the refinement out: Louvain.
    """
    labels = np.arange(rows.degree.size, dtype=np.int32)
    weight = float(rows.degree.sum())
    if weight == 0:
        return labels
    for iteration in range(n_iterations):
        before = labels.copy()
        labels = _descend(rows, labels, resolution / weight, (seed, iteration), refined)
        if np.array_equal(before, labels):
            break
    return labels


def _descend(
    rows: SymmetricRows, labels: Labels32, share: float, coordinates: tuple[int, int], refined: bool
) -> Labels32:
    """Move, merge, and again on the merged graph, until nothing can be merged."""
    node_of = np.arange(labels.size, dtype=np.int32)  # of a node of the graph: the node of the merged graph
    level = 0
    while True:
        n = rows.degree.size
        order = stream(coordinates[0], "clustering.leiden", coordinates[1], level).permutation(n).astype(np.int32)
        move_nodes(*rows, share, order, labels)
        n_communities = number_labels(labels)
        if n_communities == n:
            break
        parts = labels
        if refined:
            parts = np.empty_like(labels)
            refine(*rows, share, order, labels, parts)
            if number_labels(parts) == n:
                break
        rows, starts, members = _merged(rows, parts)
        labels = labels[members[starts[:-1]]] if refined else np.arange(starts.size - 1, dtype=np.int32)
        node_of = parts[node_of]
        level += 1
    found = labels[node_of]
    number_labels(found)
    return found


def _merged(rows: SymmetricRows, labels: Labels32) -> tuple[SymmetricRows, npt.NDArray[np.int64], Labels32]:
    """The graph of communities; where each one's members start, and the members."""
    starts, members = np.empty(int(labels.max()) + 2, dtype=np.int64), np.empty_like(labels)
    group_members(labels, starts, members)
    indptr = np.empty_like(starts)
    indices, weights = np.empty_like(rows.indices), np.empty_like(rows.weights)
    n = coarsen(rows.indptr, rows.indices, rows.weights, labels, starts, members, indptr, indices, weights)
    degree = np.bincount(labels, weights=rows.degree).astype(np.float64, copy=False)
    return SymmetricRows(indptr, indices[:n].copy(), weights[:n].copy(), degree), starts, members
