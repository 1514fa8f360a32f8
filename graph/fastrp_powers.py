"""Powers that are kept, so that other weights need no other walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams
from graph.csr import CSRGraph
from graph.fastrp_combination import combined_rows
from graph.fastrp_params import FastRPParams
from graph.fastrp_start import Start, next_source, start_panel
from graph.propagation import Float32s, Rows, Walk, row_norms


@final
@dataclass(frozen=True, slots=True, eq=False)
class Powers:
    """The powers of a graph, from which `combine` makes embeddings without walking again.

    Attributes
    ----------
    graph, params : what they were made from and with; the weights only say how many powers there are
    n_made : nodes whose rows were computed, of each power; the others were taken from earlier powers
    """

    graph: CSRGraph
    params: FastRPParams
    walk: Walk
    start: Start
    rows: tuple[Rows, ...]
    n_made: tuple[int, ...]

    def power(self, hop: int) -> Float32s:
        """N_hop, hop 1, 2, …, float32 (n_nodes, dim), up to one constant; rows are not normalised."""
        out = np.zeros((self.graph.n_nodes, self.params.dim), dtype=np.float32)
        rows, stored = self.rows[hop - 1], self.walk.places >= 0
        means = rows.floats() * self.walk.share[:, None]
        out[stored] = means[self.walk.places[stored], : self.params.dim]
        return out

    def asked_for(self, iteration_weights: Sequence[float], self_influence: float) -> FastRPParams:
        """The params with other weights; raises `InvalidParams` as `combine` does."""
        asked = replace(self.params, iteration_weights=tuple(iteration_weights), self_influence=self_influence)
        if len(asked.hops) > len(self.rows):
            allowed = f"at most {len(self.rows)} weights"
            raise InvalidParams(name="iteration_weights", value=asked.iteration_weights, allowed=allowed)
        return asked

    def combine(
        self, iteration_weights: Sequence[float], *, self_influence: float = 0.0, n_threads: int = 1
    ) -> Float32s:
        """The bytes of `fastrp` with these weights, float32 (n_nodes, dim).

        Raises
        ------
        InvalidParams
            For weights that `FastRPParams` refuses, or more of them than there are powers.
        """
        asked = self.asked_for(iteration_weights, self_influence)
        n_nodes = self.graph.n_nodes
        return combined_rows(asked, self.start.rows, self.rows, self.walk.places, 0, n_nodes, n_threads)


def fastrp_powers(
    graph: CSRGraph,
    params: FastRPParams,
    *,
    features: npt.ArrayLike | None = None,
    initial: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Powers:
    """As many powers as ``params`` has weights, kept in its precision: about ``dim`` · 2 bytes a node and power."""
    walk = Walk.over(graph, params.precision)
    start = start_panel(graph, params, 0, params.dim, features=features, initial=initial, n_threads=n_threads, own=True)
    source, powers = start.source, []
    for _ in params.iteration_weights:
        powers.append(walk.step(source, n_threads))
        source = next_source(walk, params, powers[-1], row_norms([powers[-1].squares]))
    return Powers(graph, params, walk, start, tuple(powers), (graph.n_nodes,) * len(powers))
