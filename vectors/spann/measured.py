"""How hard a search tries, and what an index knows of its own recall and reads."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from foundation.errors import InvalidQuery
from vectors.metrics import Int64s, Metric

K: Final = 10  # recall is measured at


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What a search reads.

    Attributes
    ----------
    n_lists : lists of the nearest heads, at most
    ratio : lists whose head is farther, in squared distance, than so many times the nearest one are left out; None
        reads all
    rerank : rows nearest by their codes that are compared by their vectors
    """

    n_lists: int
    ratio: float | None = None
    rerank: int = 40

    def __post_init__(self) -> None:
        if self.n_lists < 1 or self.rerank < 1:
            what = f"n_lists = {self.n_lists}, rerank = {self.rerank} read nothing"
            raise InvalidQuery(what=what, fix="ask for 1 or more of both")
        if self.ratio is not None and not self.ratio >= 1.0:
            raise InvalidQuery(
                what=f"ratio = {self.ratio} leaves out the nearest list", fix="ask for 1 or more, or None"
            )

    def widened(self, k: int) -> Effort:
        """In proportion, for k above 10."""
        if k <= K:
            return self
        return Effort(n_lists=-(-self.n_lists * k // K), ratio=self.ratio, rerank=-(-self.rerank * k // K))


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reads:
    """What each query read, int64 (n_queries,).

    ``lists``, the coded ``vectors`` in them and the ``list_pages`` of 4,096 bytes they fill; ``reranked``
    vectors and the ``vector_pages`` these lie on.
    """

    lists: Int64s
    vectors: Int64s
    list_pages: Int64s
    reranked: Int64s
    vector_pages: Int64s

    @classmethod
    def none(cls, n_queries: int) -> Reads:
        """Nothing read yet."""
        return cls(**{field.name: np.zeros(n_queries, dtype=np.int64) for field in dataclasses.fields(cls)})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """An effort, its recall@10 on held-out queries with its standard error, and its mean reads."""

    effort: Effort
    recall: float
    standard_error: float
    lists: float
    vectors: float
    pages: float

    @property
    def cost(self) -> float:
        """In vectors scanned: finding a list costs about as much as 60, beginning it 20, comparing a vector 25."""
        return self.vectors + 60 * self.effort.n_lists + 20 * self.lists + 25 * self.effort.rerank


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was found out when the index was built; the same on every run.

    Attributes
    ----------
    n_rows, n_distinct : vectors, and those kept after equal ones were merged
    n_heads, n_entries, longest_list : lists, rows in all of them, and in the longest
    disk_bytes, memory_bytes : of the files, and of what an opened index holds in memory
    asked : recall@10 asked for
    n_queries, queries : how many held-out queries, and whether they are "rows" of the data or were "given"
    chosen : the cheapest effort that reaches what was asked
    frontier : every effort tried
    """

    metric: Metric
    n_rows: int
    n_distinct: int
    dim: int
    n_heads: int
    n_entries: int
    longest_list: int
    disk_bytes: int
    memory_bytes: int
    asked: float
    n_queries: int
    queries: str
    chosen: Tried
    frontier: tuple[Tried, ...]

    @property
    def recall(self) -> float:
        """Recall@10 of the chosen effort."""
        return self.chosen.recall

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Measured:
        """From what JSON makes of it."""
        frontier = tuple(_tried(tried) for tried in fields["frontier"])
        return cls(**{**fields, "chosen": _tried(fields["chosen"]), "frontier": frontier})


def _tried(fields: dict[str, Any]) -> Tried:
    return Tried(**{**fields, "effort": Effort(**fields["effort"])})
