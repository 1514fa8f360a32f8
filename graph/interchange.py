"""Graphs of NetworkX to arrays of arcs and back, and matrices of SciPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from foundation.ids import Ids
from graph.assembly import invalid
from graph.ids import rows_of_ids

if TYPE_CHECKING:
    import networkx as nx
    import scipy.sparse

    from graph.csr import CSRGraph


def square(matrix: scipy.sparse.sparray | scipy.sparse.spmatrix) -> scipy.sparse.coo_array:
    """The matrix as coordinates; raises `InvalidInput` when it is not square."""
    import scipy.sparse

    coo = scipy.sparse.coo_array(matrix)
    if coo.ndim != 2 or coo.shape[0] != coo.shape[1]:
        raise invalid(f"the matrix has shape {coo.shape}", "an adjacency matrix is square")
    return coo


def arcs_of_networkx(
    graph: nx.Graph[Any], weight: str | None
) -> tuple[Ids, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64] | None]:
    """Ids, then the rows and the weight of both ends of every edge; no weights where all of them are 1."""
    ids, row_of = rows_of_ids(list(graph.nodes))
    n_arcs = graph.number_of_edges()
    src = np.fromiter((row_of[u] for u, _ in graph.edges()), dtype=np.int64, count=n_arcs)
    dst = np.fromiter((row_of[v] for _, v in graph.edges()), dtype=np.int64, count=n_arcs)
    if weight is None:
        return ids, src, dst, None
    values = np.ones(n_arcs)
    for arc, (u, v, given) in enumerate(graph.edges(data=weight, default=1.0)):
        try:
            values[arc] = given
        except (TypeError, ValueError) as error:
            what = f"edge {u!r} → {v!r} has {weight} = {given!r}"
            raise invalid(what, "weights are numbers; set it, or name another attribute") from error
    return ids, src, dst, None if np.all(values == 1) else values


def networkx_of(graph: CSRGraph) -> nx.Graph[Any]:
    """The body of `CSRGraph.to_networkx`."""
    import networkx as nx

    src = np.repeat(np.arange(graph.n_nodes), graph.out_degree())
    dst = np.asarray(graph.indices)
    if ((src[1:] == src[:-1]) & (dst[1:] == dst[:-1])).any():
        out: nx.Graph[Any] = nx.MultiDiGraph() if graph.directed else nx.MultiGraph()
    else:
        out = nx.DiGraph() if graph.directed else nx.Graph()
    ids = graph.node_ids.take(range(graph.n_nodes))
    out.add_nodes_from(ids)
    once = src >= 0 if graph.directed else src <= dst
    pairs = zip(src[once].tolist(), dst[once].tolist(), strict=True)
    if graph.weights is None:
        out.add_edges_from((ids[u], ids[v]) for u, v in pairs)
    else:
        weights = np.asarray(graph.weights)[once].tolist()
        out.add_weighted_edges_from((ids[u], ids[v], w) for (u, v), w in zip(pairs, weights, strict=True))
    return out
