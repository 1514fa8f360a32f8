"""Recall measured on held-out queries, and the narrowest beam that reaches what was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.errors import TargetMissed
from foundation.seeds import stream
from vectors.ann_params import ANNParams, Kind, Storage
from vectors.evaluation import recall_at_k
from vectors.exact import exact_top_k, exact_values
from vectors.metrics import Float32s, Int64s, Metric, is_distance, parse_taken

K: Final = 10
_N_QUERIES: Final = 500  # that a graph is measured on
_N_QUERIES_SCAN: Final = 100  # a scan errs by its storage alone, which few queries tell
# Steps of about a quarter, then of a half: what a wider beam gains shrinks.
LADDER: Final = (10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512, 768, 1024)

Search = Callable[[Float32s, int, Int64s | None, int], Int64s]
"""Rows found for (queries, k, excluded rows, ef_search)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What an index is and what it was found to do. Holds no times: it is the same on every run.

    Attributes
    ----------
    kind, storage, reason : what was built and why (`vectors.ann_params.plan`)
    n_rows, n_distinct, n_zero : vectors, those kept after equal ones were merged, and those that are zero
    n_bytes : of the index's files
    asked, recall, standard_error : recall@10 asked for, measured, and how far the sample may mislead
    n_queries, queries : how many held-out queries, and whether they are "rows" of the data or were "given"
    ef_search : beam chosen; None for a scan
    frontier : (ef_search, recall@10) of every beam tried; empty for a scan
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The part of `Measured` that `find_beam` finds."""

    recall: float
    standard_error: float
    n_queries: int
    queries: str
    ef_search: int | None
    frontier: tuple[tuple[int, float], ...]


def find_beam(
    search: Search,
    vectors: npt.NDArray[Any],
    distinct: Int64s,
    params: ANNParams,
    *,
    kind: Kind,
    storage: Storage,
    heldout: npt.NDArray[Any] | None = None,
    n_threads: int = 1,
) -> Tuned:
    """The first beam of the ladder whose recall@10, less its standard error, reaches ``params.recall``.

    Held-out queries are ``heldout``, or rows of ``vectors`` drawn by the seed from ``distinct``, the rows that
    repeat no earlier one, so that repeated rows, easy to answer, do not flatter the figure. Such a row is left
    out of both its true neighbours and its answer. A returned row is right when its exact value reaches that of the
    true tenth neighbour, so ties count.

    Raises
    ------
    TargetMissed
        When no beam does; carries the best recall seen.
    """
    n = vectors.shape[0]
    if heldout is None:
        draw = stream(params.seed, "ann.heldout")
        most = _N_QUERIES if kind == "hnsw" else _N_QUERIES_SCAN
        rows = np.sort(draw.choice(distinct, size=min(most, distinct.size), replace=False))
        queries, exclude, k = parse_taken(vectors, rows, params.metric), rows, min(K, n - 1)
    else:
        queries, exclude, k = heldout, None, min(K, n)
    if k < 1 or queries.shape[0] == 0:
        queries, exclude, k = queries[:0], None, 1
    _, true = exact_top_k(vectors, queries, k, metric=params.metric, exclude=exclude, n_threads=n_threads)
    frontier: list[tuple[int, float]] = []
    best = (0.0, 0.0, 0)
    for ef_search in LADDER if kind == "hnsw" else LADDER[:1]:
        found = search(queries, k, exclude, ef_search)
        recall, error = _recall(
            exact_values(vectors, queries, found, metric=params.metric), true[:, k - 1], params.metric
        )
        frontier.append((ef_search, recall))
        best = max(best, (recall, error, ef_search), key=lambda tried: tried[0])
        if recall - error >= params.recall:
            return Tuned(
                recall=recall,
                standard_error=error,
                n_queries=queries.shape[0],
                queries="rows" if heldout is None else "given",
                ef_search=ef_search if kind == "hnsw" else None,
                frontier=tuple(frontier) if kind == "hnsw" else (),
            )
    where = f" at ef_search = {best[2]}" if kind == "hnsw" else ""
    raise TargetMissed(
        target="recall@10 less its standard error",
        asked=params.recall,
        best=best[0] - best[1],
        candidate=f"{kind} of {storage}{where}",
    )


def _recall(found: Float32s, true_kth: Float32s, metric: Metric) -> tuple[float, float]:
    """Mean over queries, and the standard error of that mean."""
    higher = not is_distance(metric)
    shares = np.array(
        [
            recall_at_k(found[query : query + 1], true_kth[query : query + 1], higher_is_better=higher)
            for query in range(found.shape[0])
        ]
    )
    if shares.size == 0:
        return 1.0, 0.0
    return round(float(shares.mean()), 6), round(float(shares.std()) / shares.size**0.5, 6)


def count_zero(vectors: npt.NDArray[Any]) -> int:
    """Rows that are all zero."""
    return sum(
        int((~np.asarray(vectors[start : start + 4096]).any(axis=1)).sum())
        for start in range(0, vectors.shape[0], 4096)
    )
