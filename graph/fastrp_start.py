"""Where FastRP starts: the rows of the random projection, or of features, that the first hop reads."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import key
from graph import projection
from graph.csr import INT32_NODES, CSRGraph
from graph.fastrp_params import SMALL_GRAPH, FastRPParams
from graph.propagation import (
    GROUP,
    Float32s,
    Float64s,
    Listed,
    Rows,
    Stored,
    Walk,
    packed,
    padded,
    row_norms,
    unit_factors,
)


class Start(NamedTuple):
    """What the first hop reads, and the nodes' own rows where they are wanted.

    ``drawn`` (n_nodes,) is what the first hop multiplies each node's signs by; None where rows are not random signs.
    """

    source: Stored | Listed
    rows: Rows | None
    sparsity: float
    drawn: Float32s | None

    def own(self, weight: float, norms: Float64s | None = None) -> Stored:
        """The term that ``self_influence`` adds; ``norms`` are those of all panels, by default of this one."""
        assert self.rows is not None
        return own_term(self.rows, weight, row_norms([self.rows.squares]) if norms is None else norms)


def own_term(rows: Rows, weight: float, norms: Float64s) -> Stored:
    """The nodes' own rows, ``weight`` long; ``norms`` are of whole rows."""
    return Stored(rows.values, unit_factors(weight, rows, norms), _every_node(len(norms)))


def start_panel(
    graph: CSRGraph,
    params: FastRPParams,
    start: int,
    stop: int,
    *,
    features: npt.ArrayLike | None = None,
    initial: npt.ArrayLike | None = None,
    own: bool = False,
    n_threads: int = 1,
) -> Start:
    """Columns [start, stop) of what the first hop reads.

    First the ``dim - n_property`` columns of the projection R, an entry a function of (seed, node id, column); in GDS
    mode they carry the factor degree**beta, in paper mode the whole row is read times L = degree**beta, up to a
    constant that normalising removes; a node without out-arcs has L = 0. Then the features, projected.
    ``own`` keeps the rows themselves too, as ``self_influence`` does.
    """
    if start % GROUP or not 0 <= start < stop <= params.dim:
        raise InvalidParams(name="panel", value=(start, stop), allowed=f"up to dim, start a multiple of {GROUP}")
    if initial is not None and params.n_property:
        raise InvalidInput(source="initial", what="given, and property_ratio > 0", fix="leave one of them out")
    own = own or params.self_influence > 0
    sparsity, heard = _sparsity(graph, params), _heard(graph, params)
    if initial is not None or params.n_property:
        dense = _dense_columns(graph, params, start, stop, features, initial, n_threads)
        rows = packed(dense, params.precision, n_threads)
        return Start(_read_with(rows, heard), rows, sparsity, None)
    magnitude = _magnitude(graph, params)
    drawn = magnitude if heard is None else magnitude * heard
    stream, n_columns = key(params.seed, "fastrp.projection"), stop - start
    if sparsity >= projection.LISTED and params.dim <= projection.MOST_LISTED:
        lists = projection.sign_lists(stream, graph.node_ids, sparsity, params.dim, n_threads)
        listed = Listed(lists, drawn, start, padded(n_columns))
        if not own:
            return Start(listed, None, sparsity, drawn)
        rows = _signed_rows(projection.expanded(lists, start, stop, padded(n_columns)), magnitude)
        return Start(listed, rows, sparsity, drawn)
    signs = projection.dense_signs(stream, graph.node_ids, sparsity, start, start + padded(n_columns), n_threads)
    signs[:, n_columns:] = 0
    rows = _signed_rows(signs, magnitude)
    return Start(_read_with(rows, heard), rows, sparsity, drawn)


def drawn_factors(graph: CSRGraph, params: FastRPParams) -> tuple[float, Float32s]:
    """``sparsity`` and ``drawn`` of the start of any panel, without its rows."""
    magnitude, heard = _magnitude(graph, params), _heard(graph, params)
    return _sparsity(graph, params), magnitude if heard is None else magnitude * heard


def initial_rows(
    graph: CSRGraph, params: FastRPParams, *, features: npt.ArrayLike | None = None, n_threads: int = 1
) -> Float32s:
    """R, with its factors in GDS mode and the projected features: float32 (n_nodes, dim)."""
    rows = start_panel(graph, params, 0, params.dim, features=features, own=True, n_threads=n_threads).rows
    assert rows is not None
    return rows.floats()[:, : params.dim]


def next_source(walk: Walk, params: FastRPParams, rows: Rows, norms: Float64s) -> Stored:
    """What the hop after ``rows`` reads: means in paper mode, unit rows in GDS mode. ``norms`` are of whole rows.

    The mean divides by the sum of the weights in both modes. GDS divides by the number of neighbours; it normalises the
    row right after, so the result is the same.
    """
    factors = unit_factors(1.0, rows, norms) if params.mode == "gds" else rows.scales * walk.share[:, None]
    return Stored(rows.values, factors, walk.places)


def _dense_columns(
    graph: CSRGraph,
    params: FastRPParams,
    start: int,
    stop: int,
    features: npt.ArrayLike | None,
    initial: npt.ArrayLike | None,
    n_threads: int,
) -> Float32s:
    """Columns of R beside columns of the projected features, or of ``initial``, as floats."""
    n, n_topology = graph.n_nodes, params.dim - params.n_property
    cut = min(max(start, n_topology), stop)
    if initial is not None:
        given = np.asarray(initial, dtype=np.float32)
        if given.shape != (n, params.dim):
            raise InvalidInput(source="initial", what=f"shape {given.shape}", fix=f"pass ({n}, {params.dim})")
        if not np.isfinite(given).all():
            raise InvalidInput(source="initial", what="an entry is not finite", fix="fill it in")
        return given[:, start:stop] * _degree_factor(graph, params).astype(np.float32)[:, None]
    parts = []
    if start < cut:
        stream = key(params.seed, "fastrp.projection")
        signs = projection.dense_signs(stream, graph.node_ids, _sparsity(graph, params), start, cut, n_threads)
        parts.append(signs * _magnitude(graph, params)[:, None])
    if cut < stop:
        columns = (cut - n_topology, stop - n_topology)
        parts.append(projection.project_features(features, n, params.n_property, params.seed, *columns, n_threads))
    return np.concatenate(parts, axis=1)


def _signed_rows(signs: npt.NDArray[np.int8], magnitude: Float32s) -> Rows:
    """``±magnitude`` as stored rows, without rounding."""
    n_nodes, width = signs.shape
    counts = np.count_nonzero(signs.reshape(n_nodes, width // GROUP, GROUP), axis=2)
    scales = np.repeat(magnitude[:, None], width // GROUP, axis=1)
    return Rows(signs, scales, counts * magnitude.astype(np.float64)[:, None] ** 2)


def _read_with(rows: Rows, heard: Float32s | None) -> Stored:
    factors = rows.scales if heard is None else rows.scales * heard[:, None]
    return Stored(rows.values, factors, _every_node(len(rows.values)))


def _every_node(n_nodes: int) -> npt.NDArray[np.int64]:
    return np.arange(n_nodes, dtype=np.int32 if n_nodes <= INT32_NODES else np.int64)


def _sparsity(graph: CSRGraph, params: FastRPParams) -> float:
    """The one asked for, or sqrt(n_nodes) to four bits, so that a few nodes more do not change every row of R."""
    root = math.sqrt(graph.n_nodes)
    step = 2.0 ** (math.frexp(root)[1] - 4)
    default = step * round(root / step) if params.mode == "paper" and graph.n_nodes >= SMALL_GRAPH else None
    return params.sparsity or default or projection.ACHLIOPTAS


def _magnitude(graph: CSRGraph, params: FastRPParams) -> Float32s:
    """Size of the entries of each node's row of R, with the factor that GDS mode gives it."""
    size = math.sqrt(_sparsity(graph, params) / (params.dim - params.n_property))
    return (_degree_factor(graph, params) * size).astype(np.float32)


def _degree_factor(graph: CSRGraph, params: FastRPParams) -> Float64s:
    beta = params.normalization_strength if params.mode == "gds" else 0.0
    factor: Float64s = np.maximum(graph.out_degree(), 1.0) ** beta
    return factor


def _heard(graph: CSRGraph, params: FastRPParams) -> Float32s | None:
    return _degree_powers(graph, params.normalization_strength) if params.mode == "paper" else None


def _degree_powers(graph: CSRGraph, beta: float) -> Float32s:
    """``degree**beta``, 0 where the degree is 0.

    Where weights are so large or small that float32 could not hold them, times a power of two that leaves the bits of
    the result alone: nodes keep their bits when others change.
    """
    degree = graph.out_weight()
    positive = degree[degree > 0] if degree.any() else np.ones(1)
    exponent = beta * math.log2(positive.min() if beta < 0 else positive.max())
    powers: Float64s = np.power(degree, beta, out=np.zeros(degree.size), where=degree > 0)
    return np.ldexp(powers, -64 * round(exponent / 64)).astype(np.float32)
