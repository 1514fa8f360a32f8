"""What decides a SPANN index."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, Literal

from foundation.errors import InvalidParams
from vectors.ann.params import parse_bytes
from vectors.metrics import Metric, check_metric

HeadChoice = Literal["random", "balanced"]
HEAD_CHOICES: Final[tuple[HeadChoice, ...]] = ("random", "balanced")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpannParams:
    """Equal params on equal vectors give equal bytes.

    Attributes
    ----------
    metric : "l2", "inner_product" or "cosine"
    recall : recall@10 asked for, in (0, 1]
    heads : "random" takes heads from the distinct rows by lot; "balanced" clusters rows into clusters of like size and
        takes the row nearest each centroid
    head_share : heads per distinct row, in (0, 0.5]
    sample : "balanced" clusters at most so many rows
    replicas : lists a row is in at most
    candidates : nearest heads among which a row's lists are chosen
    list_limit : a list longer than this loses the farthest of the rows that are nearer to another head; None keeps all
    seed : of heads, rotation and held-out queries
    memory : most bytes that an opened index holds, a number or text such as "2 GB" or "512 MiB": fewer rows become
        heads where ``head_share`` of them would need more; None sets no limit
    """

    metric: Metric = "cosine"
    recall: float = 0.95
    heads: HeadChoice = "random"
    head_share: float = 0.1
    sample: int = 1 << 20
    replicas: int = 8
    candidates: int = 64
    list_limit: int | None = None
    seed: int = 0
    memory: int | str | None = None

    def __post_init__(self) -> None:
        check_metric(self.metric)
        if not 0.0 < self.recall <= 1.0:
            raise InvalidParams(name="recall", value=self.recall, allowed="a share in (0, 1]")
        if self.heads not in HEAD_CHOICES:
            raise InvalidParams(name="heads", value=self.heads, allowed=", ".join(HEAD_CHOICES))
        if not 0.0 < self.head_share <= 0.5:
            raise InvalidParams(name="head_share", value=self.head_share, allowed="a share in (0, 0.5]")
        if self.sample < 1:
            raise InvalidParams(name="sample", value=self.sample, allowed="at least 1 row")
        if not 1 <= self.replicas <= 255:
            raise InvalidParams(name="replicas", value=self.replicas, allowed="1 to 255 lists")
        if self.candidates < self.replicas:
            raise InvalidParams(
                name="candidates", value=self.candidates, allowed=f"at least replicas = {self.replicas}"
            )
        if self.list_limit is not None and self.list_limit < 1:
            raise InvalidParams(name="list_limit", value=self.list_limit, allowed="at least 1 row, or None")
        if self.memory is not None:
            parse_bytes(self.memory)

    def n_heads(self, n_distinct: int, dim: int) -> int:
        """How many of the distinct rows become heads, one at least if there is any."""
        wanted = max(1, round(self.head_share * n_distinct))
        if self.memory is not None:
            wanted = max(1, min(wanted, parse_bytes(self.memory) // head_bytes(dim)))
        return min(n_distinct, wanted)


def head_bytes(dim: int) -> int:
    """Memory that a head takes at most, on average: two codes, a share of its cell, its list's place, numbers."""
    return 12 * (dim + 16) // 5 + 64


def stated(params: SpannParams) -> dict[str, Any]:
    """Params as they are written down and identify an index: ``memory`` only where it is set."""
    fields = dataclasses.asdict(params)
    return {name: value for name, value in fields.items() if name != "memory" or value is not None}
