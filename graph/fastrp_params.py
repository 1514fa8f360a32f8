"""What decides a FastRP embedding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from foundation.errors import InvalidParams
from graph.propagation import Precision

Mode = Literal["paper", "gds"]

DEFAULTS: dict[Mode, dict[str, object]] = {
    "paper": {"iteration_weights": (0.0, 0.0, 1.0, 6.67), "normalization_strength": -0.6},
    "gds": {"iteration_weights": (0.0, 1.0, 1.0), "normalization_strength": 0.0},
}
MAX_DIM = 1 << 16
SMALL_GRAPH = 10_000  # below this many nodes sqrt(n) leaves too few entries, and paper mode takes ACHLIOPTAS


@dataclass(frozen=True, slots=True, kw_only=True)
class FastRPParams:
    """Everything that decides the embedding: equal params on equal graphs give equal bytes.

    Attributes
    ----------
    mode : "paper" averages raw powers and normalises what it sums; "gds" also feeds the normalised rows to the next hop
    dim : width of the embedding, at most 65,536
    iteration_weights : weight of hop 1, 2, …; empty only when ``self_influence`` > 0. None: (0, 0, 1, 6.67)
        in paper mode, from the authors' search on BlogCatalog, and (0, 1, 1) in GDS mode
    normalization_strength : degree exponent beta in [-1, 1]; below 0 plays hubs down. None: -0.6 (paper), 0 (GDS)
    self_influence : weight (≥ 0) of the node's own L2-normalised initial row
    property_ratio : share of the columns, the last ``int(dim * property_ratio)``, that start from node features
    precision : how the rows of a power are kept, "float16", "float32" or "int8"; sums are float32 in any case
    sparsity : s ≥ 1, one entry in s of the projection is not 0; for features always 3. None: 3, but sqrt(n_nodes) to
        four bits in paper mode from 10,000 nodes on
    seed : any integer
    """

    mode: Mode = "paper"
    dim: int = 256
    iteration_weights: tuple[float, ...] = None  # type: ignore[assignment]  # never None after __post_init__
    normalization_strength: float = None  # type: ignore[assignment]  # likewise
    self_influence: float = 0.0
    property_ratio: float = 0.0
    precision: Precision = "float16"
    sparsity: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise InvalidParams(name="mode", value=self.mode, allowed='"paper" or "gds"')
        if self.precision not in get_args(Precision):
            raise InvalidParams(name="precision", value=self.precision, allowed='"float16", "float32" or "int8"')
        for name, value in DEFAULTS[self.mode].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        weights = tuple(float(weight) for weight in self.iteration_weights)
        object.__setattr__(self, "iteration_weights", weights)
        own, ratio, s = self.self_influence, self.property_ratio, self.sparsity
        for name, holds, allowed in (
            ("dim", type(self.dim) is int and 1 <= self.dim <= MAX_DIM, f"an integer from 1 to {MAX_DIM}"),
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

    @property
    def hops(self) -> tuple[float, ...]:
        """Weights up to the last one that is not 0."""
        weights = self.iteration_weights
        return weights[: max((hop for hop, weight in enumerate(weights, start=1) if weight), default=0)]
