"""FastRP node embeddings: very sparse random projection of the transition matrix's powers.

Source: Chen, Sultan, Tian, Chen, Skiena, *Fast and Accurate Network Embeddings via Very Sparse Random Projection*,
CIKM 2019, arXiv:1908.11512; ``mode="gds"`` follows the semantics of Neo4j Graph Data Science.

The pieces of `fastrp` work on any panel of columns [start, stop) whose ``start`` is a multiple of `COLUMNS`. Panels
meet only in `row_norms`, once a hop in GDS mode and once at the end in paper mode. Put side by side they are the bytes
of `fastrp`, for any panels and any number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import key
from foundation.threads import even_ranges, run_ranges
from graph import projection
from graph.csr import CSRGraph
from graph.kernels.spmm import COLUMNS, add_scaled_rows

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Mode = Literal["paper", "gds"]

DEFAULTS: dict[Mode, dict[str, object]] = {
    "paper": {"iteration_weights": (0.0, 0.0, 1.0, 6.67), "normalization_strength": -0.6},
    "gds": {"iteration_weights": (0.0, 1.0, 1.0), "normalization_strength": 0.0},
}
SMALL_GRAPH = 10_000  # below this many nodes sqrt(n) leaves too few entries, and paper mode takes ACHLIOPTAS


@dataclass(frozen=True, slots=True, kw_only=True)
class FastRPParams:
    """Everything that decides the embedding: equal params on equal graphs give equal bytes.

    Attributes
    ----------
    mode : "paper" averages raw powers and normalises what it sums; "gds" also feeds the normalised rows to the next hop
    dim : width of the embedding
    iteration_weights : weight of hop 1, 2, …; empty only when ``self_influence`` > 0. None: (0, 0, 1, 6.67)
        in paper mode, from the authors' search on BlogCatalog, and (0, 1, 1) in GDS mode
    normalization_strength : degree exponent beta in [-1, 1]; below 0 plays hubs down. None: -0.6 (paper), 0 (GDS)
    self_influence : weight (≥ 0) of the node's own L2-normalised initial row
    property_ratio : share of the columns, the last ``int(dim * property_ratio)``, that start from node features
    sparsity : s ≥ 1, one entry in s of the projection is not 0; for features always 3. None: 3, but sqrt(n_nodes) in
        paper mode from 10,000 nodes on
    seed : any integer
    """

    mode: Mode = "paper"
    dim: int = 256
    iteration_weights: tuple[float, ...] = None  # type: ignore[assignment]  # never None after __post_init__
    normalization_strength: float = None  # type: ignore[assignment]  # likewise
    self_influence: float = 0.0
    property_ratio: float = 0.0
    sparsity: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise InvalidParams(name="mode", value=self.mode, allowed='"paper" or "gds"')
        for name, value in DEFAULTS[self.mode].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        weights = tuple(float(weight) for weight in self.iteration_weights)
        object.__setattr__(self, "iteration_weights", weights)
        own, ratio, s = self.self_influence, self.property_ratio, self.sparsity
        for name, holds, allowed in (
            ("dim", type(self.dim) is int and self.dim >= 1, "an integer of at least 1"),
            ("iteration_weights", all(map(math.isfinite, weights)), "finite numbers"),
            ("iteration_weights", any(weights) or own > 0, "one or more that are not 0, or self_influence > 0"),
            ("normalization_strength", -1 <= self.normalization_strength <= 1, "a number in [-1, 1]"),
            ("self_influence", 0 <= own < math.inf, "a finite number of at least 0"),
            ("property_ratio", ratio == 0 or (ratio <= 1 and self.n_property > 0), "0, or a number in [1 / dim, 1]"),
            ("sparsity", s is None or 1 <= s < math.inf, "a finite number of at least 1, or nothing"),
            ("seed", type(self.seed) is int, "an integer"),
        ):
            if not holds:
                raise InvalidParams(name=name, value=getattr(self, name), allowed=allowed)

    @property
    def n_property(self) -> int:
        """Number of columns, the last ones, that start from node features."""
        return int(self.dim * self.property_ratio)


class Power(NamedTuple):
    """One term of the sum: ``weight * block / norms``."""

    weight: float
    norms: Float64s
    block: Float32s


def fastrp(
    graph: CSRGraph,
    params: FastRPParams,
    *,
    features: npt.ArrayLike | None = None,
    initial: npt.ArrayLike | None = None,
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

    Returns
    -------
    float32, shape (n_nodes, dim)
        Rows are not normalised. A node without out-arcs gets the zero vector unless ``self_influence`` > 0.

    Raises
    ------
    InvalidInput
        When features are missing or not finite, a shape is wrong, or ``initial`` meets ``property_ratio`` > 0.
    """
    block = initial_panel(graph, params, 0, params.dim, features=features, initial=initial, n_threads=n_threads)
    powers = []
    if params.self_influence:
        own = row_norms([projection.squared_norms(block, n_threads)])
        powers.append(Power(params.self_influence, own, block))
    norms = None
    for weight in params.iteration_weights:
        block, squares = hop_panel(graph, block, hop_scale(graph, params, norms), n_threads)
        norms = row_norms([squares])
        if weight:
            powers.append(Power(weight, norms, block))
    return combine_panel(powers, n_threads)


def initial_panel(
    graph: CSRGraph,
    params: FastRPParams,
    start: int,
    stop: int,
    *,
    features: npt.ArrayLike | None = None,
    initial: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Float32s:
    """Columns [start, stop) of the block that the first hop reads, float32 (n_nodes, stop - start).

    First the ``dim - n_property`` columns of the projection R, an entry a function of (seed, node row, column); in GDS
    mode they carry the factor degree**beta, which paper mode leaves to `hop_scale`. Then the features, projected.
    """
    if start % COLUMNS or not 0 <= start < stop <= params.dim:
        raise InvalidParams(name="panel", value=(start, stop), allowed=f"up to dim, start a multiple of {COLUMNS}")
    n_topology = params.dim - params.n_property
    cut = min(max(start, n_topology), stop)
    parts = []
    if initial is not None and params.n_property:
        raise InvalidInput(source="initial", what="given, and property_ratio > 0", fix="leave one of them out")
    if start < cut:
        parts.append(_topology_columns(graph, params, start, cut, initial, n_threads))
    if cut < stop:
        sizes, columns = (graph.n_nodes, params.n_property), (cut - n_topology, stop - n_topology)
        parts.append(projection.project_features(features, *sizes, params.seed, *columns, n_threads))
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def hop_scale(graph: CSRGraph, params: FastRPParams, norms: Float64s | None) -> Float32s | None:
    """What multiplies a node's row when the next hop reads it, float32 (n_nodes,), or None for 1.

    ``norms`` are the row norms of the hop before, None before the first. Paper mode applies L = degree**beta to the
    first hop, up to a constant that normalising the rows removes; a node without out-arcs has L = 0. GDS mode divides
    by the norms from the second hop on.
    """
    if params.mode == "gds":
        return None if norms is None else _over(1.0, norms).astype(np.float32)
    return _degree_powers(graph, params.normalization_strength) if norms is None else None


def hop_panel(
    graph: CSRGraph, block: Float32s, scale: Float32s | None, n_threads: int = 1
) -> tuple[Float32s, Float64s]:
    """One step of the walk: the weighted mean of the neighbours' rows, each times its ``scale``, and `squared_norms`.

    The mean divides by the sum of the weights in both modes. GDS divides by the number of neighbours; it normalises the
    row right after, so the result is the same.
    """
    inverse = _over(1.0, graph.out_weight())
    return projection.sum_rows(graph.indptr, graph.indices, graph.weights, inverse, scale, block, n_threads)


def row_norms(squares: Sequence[Float64s]) -> Float64s:
    """L2 norm of whole rows, float64 (n_nodes,), from the `squared_norms` of all panels in column order."""
    total = np.zeros(squares[0].shape[1])
    for panel in squares:
        for group in panel:  # one after the other, so that it does not matter where panels were cut
            total += group
    return np.sqrt(total)


def combine_panel(powers: Sequence[Power], n_threads: int = 1) -> Float32s:
    """Sum of the weighted, L2-normalised powers: the panel's columns of the embedding. Rows of norm 0 add nothing."""
    out = np.zeros(powers[0].block.shape, dtype=np.float32)
    terms = [(projection.frozen(block), _over(weight, norms).astype(np.float32)) for weight, norms, block in powers]

    def work(start: int, stop: int) -> None:
        for block, factor in terms:
            add_scaled_rows(block, factor, out, start, stop)

    run_ranges(work, even_ranges(len(out), projection.ROWS), n_threads)
    return out


def _topology_columns(
    graph: CSRGraph, params: FastRPParams, start: int, stop: int, initial: npt.ArrayLike | None, n_threads: int
) -> Float32s:
    n = graph.n_nodes
    beta = params.normalization_strength if params.mode == "gds" else 0.0
    factor = np.maximum(graph.out_degree(), 1.0) ** beta
    if initial is not None:
        given = np.asarray(initial, dtype=np.float32)
        if given.shape != (n, params.dim):
            raise InvalidInput(source="initial", what=f"shape {given.shape}", fix=f"pass ({n}, {params.dim})")
        return np.ascontiguousarray(given[:, start:stop] * factor.astype(np.float32)[:, None])
    default = math.sqrt(n) if params.mode == "paper" and n >= SMALL_GRAPH else projection.ACHLIOPTAS
    sparsity = params.sparsity or default
    magnitude = (factor * math.sqrt(sparsity / (params.dim - params.n_property))).astype(np.float32)
    return projection.sparse_signs(key(params.seed, "fastrp.projection"), sparsity, magnitude, start, stop, n_threads)


def _degree_powers(graph: CSRGraph, beta: float) -> Float32s:
    """``degree**beta``, 0 where the degree is 0, divided by the largest such power so that float32 holds them all."""
    degree = graph.out_weight()
    positive = degree[degree > 0] if degree.any() else np.ones(1)
    best = positive.min() if beta < 0 else positive.max()
    powers: Float64s = np.power(degree / best, beta, out=np.zeros(degree.size), where=degree > 0)
    return powers.astype(np.float32)


def _over(value: float, divisor: Float64s) -> Float64s:
    """``value / divisor``, 0 where the divisor is 0."""
    return np.divide(value, divisor, out=np.zeros(divisor.size), where=divisor > 0)
