"""How hard a search tries, and what an index knows of its own recall and reads."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from foundation.errors import InvalidQuery
from vectors.metrics import Int64s, Metric

K: Final = 10  # recall is measured at

# What is counted, in vectors scanned: finding a list, beginning it, comparing a vector.
SURE: Final = 1.5  # standard errors that a measured recall is lowered by
FINDING: Final = 60
SCANNING: Final = 20
COMPARING: Final = 25
MICROSECONDS: Final = 2e-4  # of scanning a value: a vector of 96 takes some 20 ns of a core


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What a search reads.

    Attributes
    ----------
    n_lists : lists of the nearest heads, at most
    ratio : lists whose head is farther, in squared distance, than so many times the nearest one (of a query that is a
        head: the nearest other one) are left out; None reads all
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
    def promised(self) -> float:
        """The recall that other queries may be expected to find: of many efforts the cheapest was also a lucky one."""
        return self.recall - SURE * self.standard_error

    @property
    def cost(self) -> float:
        """In vectors scanned."""
        effort = self.effort
        return self.vectors + FINDING * effort.n_lists + SCANNING * self.lists + COMPARING * effort.rerank


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
    plain, pruned : the cheapest that reach it without and with a ratio, None where none does; unknown in an index of
        format version 1
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
    plain: Tried | None = None
    pruned: Tried | None = None

    @property
    def pruning_saves(self) -> float | None:
        """Share of the counted cost that pruning saves, below 0 where it costs more; None where it was not compared."""
        if self.plain is None or self.pruned is None:
            return None
        return round(1 - self.pruned.cost / self.plain.cost, 4)

    @property
    def recall(self) -> float:
        """Recall@10 of the chosen effort."""
        return self.chosen.recall

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Measured:
        """From what JSON makes of it."""
        frontier = tuple(_tried(tried) for tried in fields["frontier"])
        named = {name: _tried(fields[name]) for name in ("chosen", "plain", "pruned") if fields.get(name) is not None}
        return cls(**{**fields, **named, "frontier": frontier})


def described(measured: Measured) -> dict[str, Any]:
    """For a manifest: what it is and finds, what a query reads, and every effort tried, in counted microseconds."""
    chosen, unit = measured.chosen, MICROSECONDS * measured.dim

    def points(is_pruned: bool) -> list[tuple[Any, ...]]:
        return [
            (one.effort.n_lists, one.effort.ratio, one.effort.rerank, one.recall, round(unit * one.cost, 2))
            for one in measured.frontier
            if (one.effort.ratio is not None) == is_pruned
        ]

    return {
        "kind": "spann",
        "storage": "lists on disk",
        "asked": measured.asked,
        "recall": chosen.recall,
        "standard_error": chosen.standard_error,
        "n_queries": measured.n_queries,
        "queries": measured.queries,
        **dataclasses.asdict(chosen.effort),
        "cost": round(unit * chosen.cost, 2),
        "vectors_read": chosen.vectors,
        "pages_read": chosen.pages,
        "pruning": "pays" if chosen.effort.ratio is not None else "does not pay",
        "pruning_saves": measured.pruning_saves,
        "n_rows": measured.n_rows,
        "memory_bytes": measured.memory_bytes,
        "disk_bytes": measured.disk_bytes,
        "tried": [
            {"kind": kind, "n_rows": measured.n_rows, "points": points(is_pruned)}
            for kind, is_pruned in (("spann", False), ("spann, pruned", True))
        ],
    }


def _tried(fields: dict[str, Any]) -> Tried:
    return Tried(**{**fields, "effort": Effort(**fields["effort"])})
