"""Everything that decides a partition: equal params on equal points give equal bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from foundation.errors import InvalidParams

Covariance = Literal["full", "diag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitiveParams:
    """What is tried, and what it must reach.

    Numbers of clusters from ``min_clusters`` to ``max_clusters`` are tried with ``n_runs`` runs of k-means each, on at
    most ``max_points`` points (a random sample of more) of at most ``max_dim`` dimensions (principal components of
    more). The last four are thresholds: of the agreement of a candidate (ARI), of the share of a cluster that its
    Gaussian owns and of its points' mean responsibility, and of the responsibility of a separable point.
    """

    min_clusters: int = 1
    max_clusters: int = 10
    n_runs: int = 8
    covariance: Covariance = "full"
    max_points: int = 20_000
    max_dim: int = 50
    min_agreement: float = 0.9
    min_ownership: float = 0.95
    min_certainty: float = 0.95
    separable_certainty: float = 0.99
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (
            ("min_clusters", 1),
            ("max_clusters", self.min_clusters),
            ("n_runs", 1),
            ("max_points", 2),
            ("max_dim", 1),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InvalidParams(name=name, value=value, allowed=f"an integer, {least} or more")
        for name in ("min_agreement", "min_ownership", "min_certainty", "separable_certainty"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidParams(name=name, value=getattr(self, name), allowed="a number in 0 … 1")
        if self.covariance not in get_args(Covariance):
            raise InvalidParams(name="covariance", value=self.covariance, allowed="full, diag")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise InvalidParams(name="seed", value=self.seed, allowed="an integer")
