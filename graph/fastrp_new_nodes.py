"""FastRP of nodes that are not in the graph, from its powers and their arcs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.ids import Ids
from graph.csr import CSRGraph
from graph.fastrp_powers import Powers
from graph.fastrp_start import next_source, start_panel
from graph.propagation import Float32s, Listed, Stored, Walk, row_norms, unit_factors


def embed_new_nodes(
    powers: Powers,
    src: npt.ArrayLike,
    dst: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    node_ids: Ids,
    iteration_weights: Sequence[float] | None = None,
    features: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Float32s:
    """Embed nodes that are not in the graph, which stays as it is: float32 (len(node_ids), dim).

    A new node averages its neighbours' rows hop by hop, as in a graph to which it and its arcs were added and nothing
    else: nobody in the graph hears it.

    Parameters
    ----------
    src : rows of ``node_ids``
    dst : rows of the graph
    weights : one finite number ≥ 0 per arc; those of equal arcs are added. None: 1 each
    node_ids : ids of the new nodes, which decide their own random rows
    iteration_weights : those of the params by default
    features : of the new nodes, needed when the params have ``property_ratio`` > 0

    Raises
    ------
    InvalidInput
        For rows out of range or weights that cannot be used.
    """
    weights_of_hops = powers.params.iteration_weights if iteration_weights is None else iteration_weights
    asked = powers.asked_for(weights_of_hops, powers.params.self_influence)
    arcs = _arcs_into(powers.graph, src, dst, weights, len(node_ids))
    walk = Walk.of_rows(*arcs, powers.params.precision)
    out = np.zeros((len(node_ids), asked.dim), dtype=np.float32)
    if asked.self_influence:
        alone = CSRGraph.from_edges([], [], node_ids=node_ids)
        pinned = replace(asked, sparsity=powers.start.sparsity)
        own = start_panel(alone, pinned, 0, asked.dim, features=features, own=True)
        walk.add_all([own.own(asked.self_influence)], out, n_threads)
    source: Stored | Listed = powers.start.source
    for weight, old in zip(asked.hops, powers.rows, strict=False):
        rows = walk.step(source, n_threads)
        if weight:
            factors = unit_factors(weight, rows, row_norms([rows.squares]))
            walk.add_all([Stored(rows.values, factors, walk.places)], out, n_threads)
        source = next_source(powers.walk, powers.params, old, row_norms([old.squares]))
    return out


def _arcs_into(
    graph: CSRGraph, src: npt.ArrayLike, dst: npt.ArrayLike, weights: npt.ArrayLike | None, n_new: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any], Float32s]:
    """CSR of arcs from new nodes into the graph, those of weight 0 left out."""
    import scipy.sparse

    source, target = np.asarray(src), np.asarray(dst)
    values = np.ones(source.size) if weights is None else np.asarray(weights, dtype=np.float64)
    for name, rows, n in (("src", source, n_new), ("dst", target, graph.n_nodes)):
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
            raise InvalidInput(source=name, what=f"{rows.dtype} of shape {rows.shape}", fix="pass a list of rows")
        if rows.size and not (rows.min() >= 0 and rows.max() < n):
            raise InvalidInput(source=name, what=f"a row outside [0, {n})", fix="look ids up first")
    if not source.shape == target.shape == values.shape:
        raise InvalidInput(source="src", what=f"{source.size} arcs, dst {target.size}", fix="pass one of each")
    if not (np.isfinite(values) & (values >= 0)).all():
        raise InvalidInput(source="weights", what="NaN, infinite or negative", fix="pass finite numbers of at least 0")
    matrix = scipy.sparse.coo_array(
        (values, (source.astype(np.int64), target.astype(np.int64))), shape=(n_new, graph.n_nodes)
    ).tocsr()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    indices = matrix.indices.astype(graph.indices.dtype)
    return matrix.indptr.astype(np.int64), indices, matrix.data.astype(np.float32)
