"""NetworkX's `pagerank` over `graph.pagerank`: its arguments, its answers, its errors."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import networkx as nx
import numpy as np

from foundation.errors import InvalidParams, NotConverged, NotOffered
from graph import pagerank as algorithm
from graph.pagerank import Float64s, InArcs, PageRankParams, in_arcs
from purlieu.networkx_backend.graphs import BackendGraph

Shares = Mapping[Hashable, float] | None
NUMBERS = (float, int, np.floating, np.integer)


def refuse_pagerank(
    G: Any,
    alpha: Any = 0.85,
    personalization: Any = None,
    max_iter: Any = 100,
    tol: Any = 1.0e-6,
    nstart: Any = None,
    weight: Any = "weight",
    dangling: Any = None,
    **others: Any,
) -> str | None:
    """Why these arguments are left to NetworkX, or None."""
    if others:
        return f"no such arguments here: {', '.join(others)}"
    if not (isinstance(alpha, NUMBERS) and 0 <= alpha <= 1):
        return f"alpha = {alpha!r} lies outside [0, 1]"
    if not (isinstance(tol, NUMBERS) and 0 < max(len(G), 1) * tol < math.inf):
        return f"tol = {tol!r} is not finite and positive"
    if not hasattr(max_iter, "__index__"):
        return f"max_iter = {max_iter!r} is not an integer"
    if callable(weight) or isinstance(weight, bool):
        return f"weight = {weight!r} names no edge attribute"
    for name, shares in (("personalization", personalization), ("nstart", nstart), ("dangling", dangling)):
        if not (shares is None or isinstance(shares, Mapping)):
            return f"{name} is a {type(shares).__name__}, no mapping of nodes to numbers"
    return None


def pagerank(
    G: BackendGraph,
    alpha: float = 0.85,
    personalization: Shares = None,
    max_iter: int = 100,
    tol: float = 1.0e-6,
    nstart: Shares = None,
    weight: str | None = "weight",
    dangling: Shares = None,
) -> dict[Hashable, float]:
    """As ``networkx.pagerank``: stops where a step changes less than ``len(G) * tol`` in L1.

    Raises
    ------
    ZeroDivisionError
        When ``personalization`` adds up to 0.
    nx.PowerIterationFailedConvergence
        After ``max_iter`` steps.
    NotOffered
        For a weight, or a number in a mapping, that is negative or not finite, and for a ``dangling`` or ``nstart``
        that adds up to 0: NetworkX computes something with those, mostly NaN.
    """
    if len(G) == 0:
        return {}
    arcs = _in_arcs(G, weight)
    start = None if nstart is None else _distribution(G, "nstart", nstart)
    restart = None if personalization is None else _distribution(G, "personalization", personalization)
    leave = None if dangling is None else _distribution(G, "dangling", dangling)
    n_steps = operator.index(max_iter)
    if n_steps < 1:
        raise nx.PowerIterationFailedConvergence(max_iter)
    params = PageRankParams(damping=float(alpha), tol=float(len(G) * tol), max_iter=n_steps)
    try:
        rank = algorithm.pagerank(arcs, params, restart=restart, dangling=leave, start=start, n_threads=_n_threads())
    except NotConverged as error:
        raise nx.PowerIterationFailedConvergence(max_iter) from error
    return dict(zip(G.nodes, rank.tolist(), strict=True))


def _in_arcs(graph: BackendGraph, weight: str | None) -> InArcs:
    """Turned around once for each weight asked for."""
    name = ("in_arcs", weight)
    if name not in graph.derived:
        weights = None if weight is None else graph.column(weight, 1.0)
        if weights is not None and not ((weights >= 0) & (weights < np.inf)).all():
            what = f"pagerank over weights ({weight!r}) that are negative or not finite"
            raise NotOffered(what=what, fix="leave it to networkx, or name another attribute")
        if weights is not None and (weights == 1).all():
            weights = None
        graph.derived[name] = in_arcs(graph.indptr, graph.indices, weights, directed=graph.directed)
    arcs: InArcs = graph.derived[name]
    return arcs


def _distribution(graph: BackendGraph, name: str, shares: Mapping[Hashable, float]) -> Float64s:
    """Shares of all nodes, 0 where the mapping has none; nodes that are not in the graph do not count."""
    get: Callable[[Hashable, float], float] = shares.get
    values = np.array([get(node, 0) for node in graph.nodes], dtype=np.float64)
    total = float(values.sum())
    if name == "personalization" and total == 0:
        raise ZeroDivisionError("personalization adds up to 0 over the nodes of the graph")
    if not ((values >= 0) & (values < np.inf)).all() or not 0 < total < math.inf:
        what = f"a {name} with numbers that are negative or not finite, or that add up to nothing finite"
        raise NotOffered(what=what, fix="leave it to networkx, or give nodes positive numbers")
    return values / total


def _n_threads() -> int:
    asked = nx.config.backends.purlieu.n_threads
    if not isinstance(asked, int) or asked < 1:
        raise InvalidParams(name="nx.config.backends.purlieu.n_threads", value=asked, allowed="an integer, ≥ 1")
    return asked
