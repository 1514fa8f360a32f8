"""Recall measured on held-out queries, and the least effort that reaches what was asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.errors import TargetMissed
from foundation.seeds import stream
from vectors.ann.effort import K
from vectors.ann.exact import exact_top_k, exact_values
from vectors.ann.forms import Kind, Storage
from vectors.ann.params import ANNParams
from vectors.evaluation import recall_at_k
from vectors.metrics import Float32s, Float64s, Int64s, Metric, is_distance, parse_taken

N_QUERIES: Final[dict[Kind, int]] = {  # that a kind is measured on; a scan errs by its storage alone, which few tell
    "flat": 100,
    "hnsw": 500,
    "ivf": 2000,
    "ivfsq": 2000,
    "ivfpq": 2000,
    "rabitq": 2000,
}
# Steps of about a quarter, then of a half: what a wider beam gains shrinks.
LADDER: Final = (12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512, 768, 1024)
TARGET: Final = "recall@10 less its standard error"

Search = Callable[[Float32s, int, Int64s | None, int], Int64s]
"""Rows found for (queries, k, excluded rows, ef_search)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A form that was measured, on ``n_rows`` of the vectors.

    ``points``: (n_probe or ef_search, k_factor, recall@10, counted microseconds a query), those that no other beats in
    both of the last two, cheapest first.
    """

    kind: Kind
    storage: Storage
    n_rows: int
    n_bytes: int
    n_lists: int
    n_columns: int
    points: tuple[tuple[int, int, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What an index is and what it was found to do. Holds no times: it is the same on every run.

    Attributes
    ----------
    kind, storage, reason : what was built and why (`vectors.ann.params.plan`)
    n_rows, n_distinct, n_zero : vectors, those kept after equal ones were merged, and those that are zero
    n_bytes : of the index's files
    asked, recall, standard_error : recall@10 asked for, measured, and how far the sample may mislead
    n_queries, queries : how many held-out queries, and whether they are "rows" of the data or were "given"
    ef_search : beam chosen; None where there is no graph
    frontier : (ef_search, recall@10) of every beam tried; empty where there is no graph
    n_probe, k_factor : lists read and vectors scored again for each of k, as chosen; None where there are no lists
    cost : counted microseconds a query (`vectors.ann.cost`), where forms were compared
    tried : every form that was compared
    """

    metric: Metric
    kind: Kind
    storage: Storage
    reason: str
    n_rows: int
    n_distinct: int
    n_zero: int
    dim: int
    n_bytes: int
    asked: float
    recall: float
    standard_error: float
    n_queries: int
    queries: str
    ef_search: int | None
    frontier: tuple[tuple[int, float], ...]
    n_probe: int | None = None
    k_factor: int | None = None
    cost: float | None = None
    tried: tuple[Tried, ...] = ()


def described(measured: Measured) -> dict[str, Any]:
    """As it is written down: without what says nothing about the kind of index."""
    fields = dataclasses.asdict(measured)
    return {
        name: value
        for name, value in fields.items()
        if name not in ("n_probe", "k_factor", "cost", "tried") or value not in (None, ())
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The part of `Measured` that tuning finds."""

    recall: float
    standard_error: float
    n_queries: int
    queries: str
    ef_search: int | None
    frontier: tuple[tuple[int, float], ...]
    n_probe: int | None = None
    k_factor: int | None = None
    cost: float | None = None
    tried: tuple[Tried, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOut:
    """Queries, and what an exact search answers.

    Attributes
    ----------
    queries : float32, shape (n_queries, dim)
    exclude : int64, shape (n_queries,), the row each query is; None when they are no rows
    k : neighbours asked for: 10, or as many as there are
    true_kth : float32, shape (n_queries,), value of the k-th best row
    """

    queries: Float32s
    exclude: Int64s | None
    k: int
    true_kth: Float32s

    @property
    def source(self) -> str:
        """ "rows" or "given"."""
        return "given" if self.exclude is None else "rows"


def held_out(
    vectors: npt.NDArray[Any],
    distinct: Int64s,
    params: ANNParams,
    n_queries: int,
    given: Float32s | None = None,
    *,
    n_threads: int = 1,
) -> HeldOut:
    """``given`` queries, or ``n_queries`` rows of ``vectors`` drawn by the seed from ``distinct``.

    Those are the rows that repeat no earlier one, so that repeated rows, easy to answer, do not flatter the figure.
    Such a row is left out of both its true neighbours and its answer; a search still passes through it, so a query
    that is not a row may do a little worse.
    """
    n = vectors.shape[0]
    exclude: Int64s | None = None
    if given is None:
        draw = stream(params.seed, "ann.heldout")
        exclude = np.sort(draw.choice(distinct, size=min(n_queries, distinct.size), replace=False))
        queries, k = parse_taken(vectors, exclude, params.metric), min(K, n - 1)
    else:
        queries, k = given, min(K, n)
    if k < 1 or queries.shape[0] == 0:
        queries, k = queries[:0], 1
        exclude = None if exclude is None else exclude[:0]
    _, true = exact_top_k(vectors, queries, k, metric=params.metric, exclude=exclude, n_threads=n_threads)
    return HeldOut(queries=queries, exclude=exclude, k=k, true_kth=true[:, k - 1])


def find_beam(
    search: Search,
    vectors: npt.NDArray[Any],
    held: HeldOut,
    params: ANNParams,
    *,
    kind: Kind,
    storage: Storage,
) -> Tuned:
    """The first beam of the ladder whose recall@10, less its standard error, reaches ``params.recall``.

    A returned row is right when its exact value reaches that of the true tenth neighbour, so ties count.

    Raises
    ------
    TargetMissed
        When no beam does, unless ``params.allow_missed``; carries the best recall seen.
    """
    frontier: list[tuple[int, float]] = []
    best = (0.0, 0.0, 0)
    for ef_search in LADDER if kind == "hnsw" else LADDER[:1]:
        found = search(held.queries, held.k, held.exclude, ef_search)
        values = exact_values(vectors, held.queries, found, metric=params.metric)
        recall, error = mean_share(shares(values, held.true_kth, params.metric))
        frontier.append((ef_search, recall))
        best = max(best, (recall, error, ef_search), key=lambda tried: tried[0])
        if recall - error >= params.recall:
            break
    else:
        if not params.allow_missed:
            where = f" at ef_search = {best[2]}" if kind == "hnsw" else ""
            raise TargetMissed(
                target=TARGET, asked=params.recall, best=best[0] - best[1], candidate=f"{kind} of {storage}{where}"
            )
        recall, error, ef_search = best
    return Tuned(
        recall=recall,
        standard_error=error,
        n_queries=held.queries.shape[0],
        queries=held.source,
        ef_search=ef_search if kind == "hnsw" else None,
        frontier=tuple(frontier) if kind == "hnsw" else (),
    )


def shares(found: Float32s, true_kth: Float32s, metric: Metric) -> Float64s:
    """Recall of each query alone, float64 (n_queries,), from the exact values of what it was answered with."""
    higher = not is_distance(metric)
    return np.array(
        [
            recall_at_k(found[query : query + 1], true_kth[query : query + 1], higher_is_better=higher)
            for query in range(found.shape[0])
        ],
        dtype=np.float64,
    )


def mean_share(of_each: Float64s) -> tuple[float, float]:
    """Mean over queries, and the standard error of that mean; 1 and 0 when there are no queries."""
    if of_each.size == 0:
        return 1.0, 0.0
    return round(float(of_each.mean()), 6), round(float(of_each.std()) / of_each.size**0.5, 6)


def count_zero(vectors: npt.NDArray[Any]) -> int:
    """Rows that are all zero."""
    return sum(
        int((~np.asarray(vectors[start : start + 4096]).any(axis=1)).sum())
        for start in range(0, vectors.shape[0], 4096)
    )
