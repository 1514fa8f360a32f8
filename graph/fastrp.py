"""FastRP node embeddings: very sparse random projection of the transition matrix's powers.

Source: Chen, Sultan, Tian, Chen, Skiena, *Fast and Accurate Network Embeddings via Very Sparse Random Projection*,
CIKM 2019, arXiv:1908.11512; ``mode="gds"`` follows the semantics of Neo4j Graph Data Science.

Steps work on any panel of columns [start, stop) whose ``start`` is a multiple of `GROUP`. Panels meet only in
`row_norms`, once a hop in GDS mode and once at the end in paper mode. Put side by side they are the bytes of `fastrp`,
for any panels and any number of threads.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.memory import written_once
from graph.csr import CSRGraph
from graph.fastrp_params import FastRPParams as FastRPParams
from graph.fastrp_powers import Powers as Powers
from graph.fastrp_powers import fastrp_powers as fastrp_powers
from graph.fastrp_start import next_source, start_panel
from graph.propagation import Float32s, Rows, Stored, Walk, row_norms, unit_factors


def fastrp(
    graph: CSRGraph,
    params: FastRPParams,
    *,
    features: npt.ArrayLike | None = None,
    initial: npt.ArrayLike | None = None,
    out: Float32s | None = None,
    n_threads: int = 1,
) -> Float32s:
    """Embed every node.

    Parameters
    ----------
    graph
        Arcs are followed from source to target, so a directed graph, its transpose and its undirected form have three
        different embeddings. Weights multiply what is averaged.
    features
        Finite numbers, shape (n_nodes, n_features). Needed when ``property_ratio`` > 0, unused otherwise.
    initial
        Shape (n_nodes, dim): replaces the random projection R, before any scaling by degree.
    out
        C-contiguous float32 (n_nodes, dim) to write into, of memory or a writable map of a file.

    Returns
    -------
    float32, shape (n_nodes, dim)
        Rows are not normalised. A node without out-arcs gets the zero vector unless ``self_influence`` > 0.

    Raises
    ------
    InvalidInput
        When features are missing or not finite, a shape is wrong, or ``initial`` meets ``property_ratio`` > 0.
    """
    embedding = _room_for(graph, params, out)
    walk = Walk.over(graph, params.precision)
    start = start_panel(graph, params, 0, params.dim, features=features, initial=initial, n_threads=n_threads)
    terms = [start.own(params.self_influence)] if params.self_influence else []
    source, hops = start.source, params.hops
    spare: Rows | None = None
    idle: Rows | None = None
    for weight in hops[:-1]:
        rows = walk.step(source, n_threads, into=spare)
        norms = row_norms([rows.squares])
        if weight:
            terms.append(Stored(rows.values, unit_factors(weight, rows, norms), walk.places))
        source = next_source(walk, params, rows, norms)
        spare, idle = idle, None if weight else rows  # two blocks take turns where nothing is kept
    if hops:
        walk.step_and_add(source, hops[-1], terms, embedding, n_threads)
    else:
        walk.add_all(terms, embedding, n_threads)
    return embedding


def _room_for(graph: CSRGraph, params: FastRPParams, out: Float32s | None) -> Float32s:
    shape = (graph.n_nodes, params.dim)
    if out is None:
        return written_once(shape, np.float32)
    if out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous or not out.flags.writeable:
        what = f"{out.dtype} of shape {out.shape}"
        raise InvalidInput(source="out", what=what, fix=f"pass a writable C-contiguous float32 array of shape {shape}")
    out[...] = 0.0
    return out
