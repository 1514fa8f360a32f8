"""Hypothesis strategies shared by the rooms' tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from graph.csr import CSRGraph

# Ties, exact halves, and numbers that float32 rounds.
WEIGHTS = st.sampled_from([1.0, 1.0, 2.0, 0.5, 3.0]) | st.floats(2**-20, 2**20, width=32)


@dataclass(frozen=True, kw_only=True)
class Arcs:
    """Arcs as lists, before any graph is made of them; weights are None when there are none."""

    n_nodes: int
    src: list[int]
    dst: list[int]
    weights: list[float] | None


@st.composite
def arcs(
    draw: st.DrawFn,
    *,
    min_nodes: int = 0,
    max_nodes: int = 12,
    max_arcs: int = 40,
    weighted: bool | None = None,
    zeros: bool = True,
) -> Arcs:
    """Arcs with all that is ugly: no nodes, no arcs, one node, self-loops, duplicates, dangling and lone nodes.

    ``weighted=None`` draws whether there are weights; ``zeros`` lets some of them be 0.
    """
    n_nodes = draw(st.integers(min_nodes, max_nodes))
    has_weights = draw(st.booleans()) if weighted is None else weighted
    if n_nodes == 0:
        return Arcs(n_nodes=0, src=[], dst=[], weights=[] if has_weights else None)
    # A few favourite ends make duplicates, loops and rows without arcs likely.
    favourites = draw(st.lists(st.integers(0, n_nodes - 1), min_size=1, max_size=3))
    ends = st.sampled_from(favourites) | st.integers(0, n_nodes - 1)
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=max_arcs))
    values = WEIGHTS | st.just(0.0) if zeros else WEIGHTS
    weights = draw(st.lists(values, min_size=len(pairs), max_size=len(pairs))) if has_weights else None
    return Arcs(n_nodes=n_nodes, src=[u for u, _ in pairs], dst=[v for _, v in pairs], weights=weights)


@st.composite
def graphs(
    draw: st.DrawFn,
    *,
    min_nodes: int = 0,
    max_nodes: int = 12,
    max_arcs: int = 40,
    weighted: bool | None = None,
    directed: bool | None = None,
    parallel: bool = False,
) -> CSRGraph:
    """Graphs made of `arcs`; ``weighted=None`` and ``directed=None`` draw which.

    Duplicates are summed (so an unweighted graph never has any left but may get weights, unless ``weighted`` is
    False, when the first is kept), or kept as parallel arcs with ``parallel``.
    """
    drawn = draw(arcs(min_nodes=min_nodes, max_nodes=max_nodes, max_arcs=max_arcs, weighted=weighted))
    return CSRGraph.from_edges(
        drawn.src,
        drawn.dst,
        drawn.weights,
        n_nodes=drawn.n_nodes,
        directed=draw(st.booleans()) if directed is None else directed,
        duplicates="keep" if parallel else ("first" if weighted is False else "sum"),
    )


@st.composite
def fastrp_graphs(draw: st.DrawFn, max_nodes: int = 12, directed: bool | None = None) -> CSRGraph:
    """Small graphs of every ugly kind: no arcs, isolated nodes, sinks, self-loops, parallel arcs, weights, one node."""
    n = draw(st.integers(1, max_nodes))
    arcs = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=4 * n))
    weights = None
    if draw(st.booleans()):
        values = st.sampled_from([0.25, 0.5, 1.0, 3.0, 1000.0])
        weights = draw(st.lists(values, min_size=len(arcs), max_size=len(arcs)))
    pairs = np.array(arcs, dtype=np.int64).reshape(-1, 2)
    return CSRGraph.from_edges(
        pairs[:, 0],
        pairs[:, 1],
        weights,
        n_nodes=n,
        directed=draw(st.booleans()) if directed is None else directed,
        duplicates=draw(st.sampled_from(["sum", "keep", "first"])),
    )


@st.composite
def walk_graphs(draw: st.DrawFn, max_nodes: int = 9) -> CSRGraph:
    """Small graphs to walk on: dangling and isolated nodes, self-loops, parallel arcs, weights far apart, one node."""
    n_nodes = draw(st.integers(1, max_nodes))
    node = st.integers(0, n_nodes - 1)
    arcs = draw(st.lists(st.tuples(node, node), max_size=3 * n_nodes))
    weights = None
    if draw(st.booleans()):
        values = st.sampled_from([1.0, 2.0, 0.5, 1e-3, 1e3])
        weights = draw(st.lists(values, min_size=len(arcs), max_size=len(arcs)))
    ends = np.array(arcs, dtype=np.int64).reshape(-1, 2)
    return CSRGraph.from_edges(
        ends[:, 0],
        ends[:, 1],
        weights,
        n_nodes=n_nodes,
        directed=draw(st.booleans()),
        duplicates=draw(st.sampled_from(["sum", "keep"])),
    )


@st.composite
def walk_seeds(draw: st.DrawFn, n_nodes: int) -> dict[int, float]:
    """``{row: weight}`` with weights far apart."""
    weights = st.sampled_from([1.0, 1e-6, 0.5, 1e9])
    return draw(st.dictionaries(st.integers(0, n_nodes - 1), weights, min_size=1, max_size=4))
