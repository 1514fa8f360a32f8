"""The powers of one projection, kept so that other weights are summed without another walk over the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy.typing as npt

from foundation.errors import InvalidParams
from graph.csr import CSRGraph
from graph.fastrp import (
    FastRPParams,
    Float32s,
    Float64s,
    Power,
    combine_panel,
    hop_panel,
    hop_scale,
    initial_panel,
    row_norms,
)
from graph.projection import squared_norms


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Powers:
    """The initial block, then the block of every hop, float32 (n_nodes, dim) each, beside the L2 norms of its rows."""

    blocks: tuple[Float32s, ...]
    norms: tuple[Float64s, ...]

    def combine(self, iteration_weights: Sequence[float], self_influence: float = 0.0, n_threads: int = 1) -> Float32s:
        """What `fastrp` returns for these weights, float32 (n_nodes, dim).

        Raises
        ------
        InvalidParams
            For more weights than there are hops, or nothing but zeros.
        """
        weights = (self_influence, *iteration_weights)
        if len(weights) > len(self.blocks) or not any(weights):
            allowed = f"at most {len(self.blocks) - 1} numbers, not all 0"
            raise InvalidParams(name="iteration_weights", value=tuple(iteration_weights), allowed=allowed)
        terms = zip(weights, self.norms, self.blocks, strict=False)
        return combine_panel([Power(*term) for term in terms if term[0]], n_threads)


def fastrp_powers(
    graph: CSRGraph,
    params: FastRPParams,
    *,
    features: npt.ArrayLike | None = None,
    initial: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Powers:
    """All hops that ``params.iteration_weights`` counts, whatever their weights; the rest is as in `fastrp`."""
    block = initial_panel(graph, params, 0, params.dim, features=features, initial=initial, n_threads=n_threads)
    blocks, norms = [block], [row_norms([squared_norms(block, n_threads)])]
    last = None
    for _ in params.iteration_weights:
        block, squares = hop_panel(graph, block, hop_scale(graph, params, last), n_threads)
        last = row_norms([squares])
        blocks.append(block)
        norms.append(last)
    return Powers(blocks=tuple(blocks), norms=tuple(norms))
