"""What decides a PowerWalk index, and how much a query does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from foundation.errors import InvalidParams
from graph.ppr import check_damping

Method = Literal["auto", "hubs", "powerwalk", "push"]
Allotment = Literal["even", "degree"]

_MIN_STEPS = 200  # what customary damping never reaches
_MOST_SWEEPS = 1000  # what is left by then is less than float32 tells, or damping is near 1
_UNSEEN_BITS = 53  # a longer walk is less likely than the rounding of a float64


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerWalkParams:
    """Everything that decides the index: equal params on equal graphs give equal bytes.

    Attributes
    ----------
    method : ``"auto"`` measures hubs, walks, both and neither, and keeps what meets the targets with the least work a
        query; ``"hubs"`` and ``"powerwalk"`` (walk fingerprints, the paper's own) and ``"push"`` (no index) force one
    precision : asked precision@50, (0, 1]; None asks for nothing
    rag : asked relative aggregated goodness of the best 100, (0, 1]; None asks for nothing
    l1 : asked mean L1 distance of all scores to the exact ones, > 0; None asks for nothing
    index_bytes : most bytes of index per node, the graph in the order it is read in included; > 0
    miss : what to do when nothing meets the targets: ``"refuse"`` or ``"accept"`` what comes closest
    max_hub_entries : entries stored per hub, ≥ 1
    hub_rmax : how far the rankings of hubs are pushed, > 0
    hub_sweeps : steps over the whole graph that follow, 0 to 1,000, shared by hubs; undirected graphs only
    n_walks : walks per node, ≥ 1; 100 is the paper's customary index. ``"auto"`` takes fewer where space is short
    allotment : "even", ``n_walks`` from every node; or "degree", as many in all (but one at least from every node), in
        proportion to out-arcs
    damping : probability to walk on, [0, 1)
    max_entries : entries stored per fingerprint, the most visited first; None or 0 keeps all
    seed : of the walks, and of the sources that are held out to measure
    """

    method: Method = "auto"
    precision: float | None = None
    rag: float | None = None
    l1: float | None = None
    index_bytes: int = 1024
    miss: Literal["refuse", "accept"] = "refuse"
    max_hub_entries: int = 1024
    hub_rmax: float = 3e-6
    hub_sweeps: int = 0
    n_walks: int = 100
    allotment: Allotment = "even"
    damping: float = 0.85
    max_entries: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_damping(self.damping)
        if self.method not in get_args(Method):
            raise InvalidParams(name="method", value=self.method, allowed=" or ".join(get_args(Method)))
        for name, value in (("precision", self.precision), ("rag", self.rag)):
            if value is not None and not 0 < value <= 1:
                raise InvalidParams(name=name, value=value, allowed="(0, 1], or None")
        if self.l1 is not None and not (math.isfinite(self.l1) and self.l1 > 0):
            raise InvalidParams(name="l1", value=self.l1, allowed="finite, > 0, or None")
        if self.index_bytes < 1:
            raise InvalidParams(name="index_bytes", value=self.index_bytes, allowed="≥ 1")
        if self.miss not in ("refuse", "accept"):
            raise InvalidParams(name="miss", value=self.miss, allowed="refuse or accept")
        if self.max_hub_entries < 1:
            raise InvalidParams(name="max_hub_entries", value=self.max_hub_entries, allowed="≥ 1")
        if not (math.isfinite(self.hub_rmax) and self.hub_rmax > 0):
            raise InvalidParams(name="hub_rmax", value=self.hub_rmax, allowed="finite, > 0")
        if not 0 <= self.hub_sweeps <= _MOST_SWEEPS:
            raise InvalidParams(name="hub_sweeps", value=self.hub_sweeps, allowed=f"0 to {_MOST_SWEEPS}")
        if self.n_walks < 1:
            raise InvalidParams(name="n_walks", value=self.n_walks, allowed="≥ 1")
        if self.n_walks * self.max_steps >= 2**31:
            raise InvalidParams(
                name="n_walks", value=self.n_walks, allowed=f"< {2**31 // self.max_steps} at damping {self.damping}"
            )
        if self.allotment not in get_args(Allotment):
            raise InvalidParams(name="allotment", value=self.allotment, allowed=" or ".join(get_args(Allotment)))
        if self.max_entries is not None and self.max_entries < 0:
            raise InvalidParams(name="max_entries", value=self.max_entries, allowed="≥ 1, or None or 0 for all")

    @property
    def max_steps(self) -> int:
        """Steps after which a walk is ended: so many that no walk gets there."""
        if self.damping == 0:
            return _MIN_STEPS
        return max(_MIN_STEPS, math.ceil(_UNSEEN_BITS * math.log(2) / -math.log(self.damping)))

    @property
    def count_dtype(self) -> np.dtype[Any]:
        """uint16 where the visits of ``n_walks · max_steps`` steps fit, else uint32: no count can wrap."""
        few = self.allotment == "even" and self.n_walks * self.max_steps < 2**16
        return np.dtype(np.uint16 if few else np.uint32)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParams:
    """How much a query does before the index takes over; what is None is as the index was built to.

    Attributes
    ----------
    rmax : push a node while its residual exceeds ``rmax`` times its number of out-arcs; 0 needs ``max_rounds``
    cut : leave out entries of hub lists that would add less, ≥ 0; None keeps its proportion to ``rmax``
    max_rounds : synchronous rounds (the paper's T), ≥ 0; None means until nothing exceeds the threshold
    sweeps : steps over the whole graph after the push, 0 to 1,000, which queries of a batch share; with one or more
        neither hubs nor walks are read
    """

    rmax: float | None = None
    cut: float | None = None
    max_rounds: int | None = None
    sweeps: int | None = None

    def __post_init__(self) -> None:
        if self.rmax is not None and not (math.isfinite(self.rmax) and self.rmax >= 0):
            raise InvalidParams(name="rmax", value=self.rmax, allowed="finite, ≥ 0, or None")
        if self.rmax == 0 and self.max_rounds is None:
            raise InvalidParams(name="rmax", value=self.rmax, allowed="> 0 unless max_rounds is set")
        if self.cut is not None and not (math.isfinite(self.cut) and self.cut >= 0):
            raise InvalidParams(name="cut", value=self.cut, allowed="finite, ≥ 0, or None")
        if self.max_rounds is not None and self.max_rounds < 0:
            raise InvalidParams(name="max_rounds", value=self.max_rounds, allowed="≥ 0, or None")
        if self.sweeps is not None and not 0 <= self.sweeps <= _MOST_SWEEPS:
            raise InvalidParams(name="sweeps", value=self.sweeps, allowed=f"0 to {_MOST_SWEEPS}, or None")
