"""The links among a few nodes: what a drawing of a neighbourhood needs beside its nodes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graph.csr import CSRGraph


class Links(NamedTuple):
    """Links between nodes of a list: int64 places in it, and float64 weights, by source and target."""

    sources: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]


def links_among(graph: CSRGraph, rows: npt.NDArray[np.int64]) -> Links:
    """Every link between two different nodes of ``rows`` (int64, distinct), parallel arcs as one with their sum.

    A link of an undirected graph is there once, from the earlier place to the later. Looks every pair up in a sorted
    row, so a hub's millions of arcs are not read.
    """
    order = np.argsort(rows, kind="stable")
    wanted = rows[order]
    sources: list[npt.NDArray[np.int64]] = []
    targets: list[npt.NDArray[np.int64]] = []
    weights: list[npt.NDArray[np.float64]] = []
    for place, row in enumerate(rows.tolist()):
        start, end = int(graph.indptr[row]), int(graph.indptr[row + 1])
        arcs = graph.indices[start:end]
        first = np.searchsorted(arcs, wanted, side="left")
        last = np.searchsorted(arcs, wanted, side="right")
        there = (last > first) & (wanted != row)
        if not graph.directed:
            there &= order > place
        found = np.flatnonzero(there)
        found = found[np.argsort(order[found], kind="stable")]
        sources.append(np.full(found.size, place, dtype=np.int64))
        targets.append(order[found])
        weights.append(_sums(graph, start, first[found], last[found]))
    if not sources:
        none = np.empty(0, dtype=np.int64)
        return Links(none, none, np.empty(0))
    return Links(np.concatenate(sources), np.concatenate(targets), np.concatenate(weights))


def _sums(
    graph: CSRGraph, start: int, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    if graph.weights is None:
        return (last - first).astype(np.float64)
    arcs = graph.weights[start:]
    return np.array([arcs[a:b].sum(dtype=np.float64) for a, b in zip(first, last, strict=True)], dtype=np.float64)
