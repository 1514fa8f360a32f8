"""A node's neighbourhood as a set: what its signature is made of."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from clustering.minhash import MinHashParams, Signatures, minhash
from clustering.sets import Sets as Sets
from foundation.errors import InvalidParams
from graph.csr import CSRGraph

Direction = Literal["in", "out", "both"]


def neighbourhoods(graph: CSRGraph, direction: Direction = "in", include_self: bool = False) -> Sets:
    """One set of neighbours per node; weights play no part.

    Parameters
    ----------
    direction
        "in": those that point to the node (followers, as in the paper); "out": those it points to; "both":
        their union. An undirected graph has one neighbourhood, whatever the direction.
    include_self
        Add every node to its own set. Linked nodes then share at least two elements, and a node without
        neighbours has the set of itself. A self-loop of the graph puts a node into its own set in any case.

    Returns
    -------
    Sets
        (indptr, indices) over all nodes, sharing the graph's memory where they are the same arrays.
    """
    if direction not in get_args(Direction):
        raise InvalidParams(name="direction", value=direction, allowed=", ".join(get_args(Direction)))
    base = graph.transposed() if direction == "in" else graph
    if not include_self and not (direction == "both" and graph.directed) and not _has_repeats(base):
        return Sets(base.indptr, base.indices)
    owners = np.repeat(np.arange(base.n_nodes, dtype=np.int64), base.out_degree())
    members = base.indices.astype(np.int64)
    if direction == "both" and graph.directed:
        owners, members = np.concatenate((owners, members)), np.concatenate((members, owners))
    if include_self:
        everyone = np.arange(base.n_nodes, dtype=np.int64)
        owners, members = np.concatenate((owners, everyone)), np.concatenate((members, everyone))
    merged = CSRGraph.from_edges(owners, members, n_nodes=base.n_nodes, duplicates="first")
    return Sets(merged.indptr, merged.indices)


def neighbourhood_signatures(
    graph: CSRGraph,
    params: MinHashParams,
    direction: Direction = "in",
    include_self: bool = False,
    *,
    n_threads: int = 1,
) -> Signatures:
    """Signatures of `neighbourhoods`, uint32 (n_nodes, num_perm), without laying the sets out.

    A node's own membership is added by the loop that sketches, and the signature of both directions together is the
    smaller of the two in every slot.
    """
    if direction not in get_args(Direction):
        raise InvalidParams(name="direction", value=direction, allowed=", ".join(get_args(Direction)))
    base = graph.transposed() if direction == "in" else graph
    signatures = minhash(base.indptr, base.indices, params, include_self=include_self, n_threads=n_threads)
    if direction == "both" and graph.directed:
        other = graph.transposed()
        np.minimum(signatures, minhash(other.indptr, other.indices, params, n_threads=n_threads), out=signatures)
    return signatures


def _has_repeats(graph: CSRGraph) -> bool:
    """Whether parallel arcs were kept; rows are sorted, so repeats stand side by side."""
    if graph.n_edges < 2:
        return False
    repeats = np.flatnonzero(graph.indices[1:] == graph.indices[:-1]) + 1
    row_starts = np.asarray(graph.indptr)
    return bool(np.any(row_starts[np.searchsorted(row_starts, repeats)] != repeats)) if repeats.size else False
