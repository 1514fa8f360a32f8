"""Forward push: settle walk mass near the source, keep the rest as a residual where it lies.

Source: Andersen, Chung, Lang, FOCS 2006 (threshold on residual by degree); Liu, Li, Lui, Cheng, CIKM 2016
(synchronous rounds, "VERD"). Nothing is dropped: a mass below the threshold stays in the residual.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams
from graph.arrays import arc_arrays, read_only
from graph.csr import CSRGraph
from graph.kernels.push import push
from graph.ppr import check_damping
from graph.sources import restart_shares

UNLIMITED_ROUNDS = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class PushParams:
    """When to stop.

    Attributes
    ----------
    damping : probability to walk on, [0, 1)
    rmax : push a node while its residual exceeds ``rmax`` times its number of out-arcs; 0 needs ``max_rounds``
    max_rounds : synchronous rounds, ≥ 0; None means until nothing exceeds the threshold
    """

    damping: float = 0.85
    rmax: float = 1e-6
    max_rounds: int | None = None

    def __post_init__(self) -> None:
        check_damping(self.damping)
        if not (math.isfinite(self.rmax) and self.rmax >= 0):
            raise InvalidParams(name="rmax", value=self.rmax, allowed="finite, ≥ 0")
        if self.max_rounds is None and self.rmax == 0:
            raise InvalidParams(name="rmax", value=self.rmax, allowed="> 0 unless max_rounds is set")
        if self.max_rounds is not None and self.max_rounds < 0:
            raise InvalidParams(name="max_rounds", value=self.max_rounds, allowed="≥ 0, or None")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PushResult:
    """Where the mass is: ``p = settled + Σ residual[v] · p_v`` holds exactly, p counting absorbed walks.

    Attributes
    ----------
    settled, residual : float64, shape (n_nodes,); without dangling nodes they sum to 1 together
    n_arcs : arcs walked, at most 1 / ((1 - damping) · rmax)
    """

    settled: npt.NDArray[np.float64]
    residual: npt.NDArray[np.float64]
    n_arcs: int


def forward_push(graph: CSRGraph, source: int | Mapping[int, float], params: PushParams | None = None) -> PushResult:
    """Push from ``source`` (a row, or ``{row: weight}``) until the threshold or the last round is reached.

    A walk ends at a node without out-arcs: the node settles the teleport share of what it holds, the other share is
    lost. Dividing by the total mass at the very end is the same as restarting at the source.

    Raises
    ------
    InvalidQuery
        When the source is empty, unknown, or weighted by what is not positive and finite.
    """
    params = params or PushParams()
    n_nodes = graph.n_nodes
    nodes, shares = restart_shares(source, n_nodes)
    arcs = arc_arrays(graph)
    state, moving = np.zeros(2 * n_nodes), np.empty(n_nodes)
    seen = np.zeros(n_nodes, dtype=np.bool_)
    touched, front, following = (np.empty(n_nodes, dtype=np.int32) for _ in range(3))
    state[2 * nodes], seen[nodes], touched[: nodes.size] = shares, True, nodes
    rounds = UNLIMITED_ROUNDS if params.max_rounds is None else params.max_rounds
    out_weight = read_only(graph.out_weight()) if arcs.weights.size else np.empty(0)
    limits = np.diff(graph.indptr).astype(np.float32)
    _, n_arcs = push(
        *arcs, read_only(out_weight), read_only(limits), params.damping, params.rmax, rounds,
        state, seen, touched, nodes.size, front, following, moving,
    )  # fmt: skip
    return PushResult(settled=state[1::2].copy(), residual=state[::2].copy(), n_arcs=n_arcs)
