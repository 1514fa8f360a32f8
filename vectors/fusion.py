"""Several rankings of the same rows made into one: by ranks alone, or by scores brought to one scale.

Sources: Cormack, Clarke, Büttcher: "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009. Bruch, Gai, Ingber: "An analysis of fusion functions for hybrid retrieval", TOIS 2023, arXiv:2210.11934.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Fusion = Literal["ranks", "scores"]
"""What two rankings of documents are fused by: `fuse` or `fuse_scores`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionParams:
    """How ranks become a score: list l adds ``weights[l] / (offset + rank)`` to each row it holds, ranks from 1.

    Attributes
    ----------
    offset : the paper's k; the larger, the less the first ranks stand out
    weights : one for each list, above 0; None weighs all by 1
    """

    offset: float = 60.0
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.offset) and self.offset >= 0):
            raise InvalidParams(name="offset", value=self.offset, allowed="0 or more, finite")
        if self.weights is not None and not all(math.isfinite(weight) and weight > 0 for weight in self.weights):
            raise InvalidParams(name="weights", value=self.weights, allowed="finite numbers above 0, one for each list")


@final
class Fused(NamedTuple):
    """One ranking a query.

    Attributes
    ----------
    rows : int64, shape (n_queries, k), best first, equal scores by row, -1 past the last row that any list holds
    scores : float64, same shape: the fused score; -inf where there is no row. By ranks it is above 0 and at most the
        sum of weights over ``offset + 1``, by scores from 0 to the sum of weights
    ranks : int64, shape (n_queries, k, n_lists): rank of the row in each list, from 1; 0 in a list that lacks it
    """

    rows: Int64s
    scores: npt.NDArray[np.float64]
    ranks: Int64s


def fuse(rankings: Sequence[npt.ArrayLike], k: int, params: FusionParams = FusionParams()) -> Fused:
    """Fuse rankings of the same queries.

    A row's score is the same whatever the order of the lists, so that rows with equal ranks are truly equal.

    Parameters
    ----------
    rankings
        One integer array (n_queries, n_i) for each list, best first, each row at most once per query; entries below 0
        are no rows and take no rank. Lists may be of different lengths.

    Raises
    ------
    InvalidQuery
        When ``k < 1``.
    InvalidParams
        When there are not as many weights as lists.
    InvalidInput
        When there is no list, lists disagree in the number of queries, or one holds a row twice.
    """
    lists = _checked(rankings)
    weights = _weights(params.weights, len(lists))

    def shares(query: int, rows: Int64s, ranks: Int64s) -> Float64s:
        del query, rows
        return np.where(ranks > 0, weights / (params.offset + np.maximum(ranks, 1)), 0.0)

    return _fused(lists, k, shares)


def fuse_scores(
    rankings: Sequence[npt.ArrayLike],
    scores: Sequence[npt.ArrayLike],
    k: int,
    weights: tuple[float, ...] | None = None,
    floors: Sequence[npt.ArrayLike | None] | None = None,
) -> Fused:
    """Fuse rankings by what their rows scored: of each list and query the best row counts 1, the last 0, as its weight.

    Rows between count in proportion to their scores, rows that a list lacks nothing. Where all of a list's scores are
    equal, each counts 1. Lists should be about equally long: how far they go down decides what counts nothing.

    Parameters
    ----------
    rankings
        As for `fuse`.
    scores
        One real array a list, of its shape: higher is better, finite where there is a row.
    weights
        One for each list, above 0; None weighs all by 1.
    floors
        For each list what a row scores that it lacks, one number a query, NaN where nobody knows; None for a list of
        which nobody knows it. A known floor counts nothing in place of the last score, if it is lower: of a list that
        is short because all others score nothing, the last row then counts what it is worth.

    Raises
    ------
    InvalidQuery, InvalidParams, InvalidInput
        As `fuse`; InvalidInput also when scores have another shape than their list, one of a row is not finite, or
        floors are not one number a query.
    """
    lists = _checked(rankings)
    each = _weights(FusionParams(weights=weights).weights, len(lists))
    values = _scaled(lists, scores, [None] * len(lists) if floors is None else floors)

    def shares(query: int, rows: Int64s, ranks: Int64s) -> Float64s:
        del rows
        found = np.zeros(ranks.shape)
        for number, (ranking, scaled) in enumerate(zip(lists, values, strict=True)):
            own = scaled[query][ranking[query] >= 0]
            has = ranks[:, number] > 0
            found[has, number] = each[number] * own[ranks[has, number] - 1]
        return found

    return _fused(lists, k, shares)


def _fused(lists: list[Int64s], k: int, shares: Callable[[int, Int64s, Int64s], Float64s]) -> Fused:
    """``shares`` tells what each list adds, float64 (n_rows, n_lists), given a query, rows and ranks."""
    if k < 1:
        raise InvalidQuery(what=f"k is {k}", fix="ask for at least one row")
    n_queries = lists[0].shape[0]
    fused = Fused(
        rows=np.full((n_queries, k), -1, dtype=np.int64),
        scores=np.full((n_queries, k), -np.inf),
        ranks=np.zeros((n_queries, k, len(lists)), dtype=np.int64),
    )
    for query in range(n_queries):
        rows, ranks = _ranks([ranking[query] for ranking in lists], query)
        added = np.sort(shares(query, rows, ranks), axis=1)  # sorted: the sum forgets which list gave what
        scores = np.cumsum(added, axis=1)[:, -1]
        best = np.lexsort((rows, -scores))[:k]
        fused.rows[query, : best.size], fused.scores[query, : best.size] = rows[best], scores[best]
        fused.ranks[query, : best.size] = ranks[best]
    return fused


def _weights(given: tuple[float, ...] | None, n_lists: int) -> Float64s:
    weights = np.ones(n_lists) if given is None else np.array(given, dtype=np.float64)
    if weights.size != n_lists:
        raise InvalidParams(name="weights", value=given, allowed=f"{n_lists} numbers, one for each list")
    return weights


def _scaled(
    lists: list[Int64s], scores: Sequence[npt.ArrayLike], floors: Sequence[npt.ArrayLike | None]
) -> list[Float64s]:
    """Scores from 0 to 1, by query and list."""
    for n_given, name in ((len(scores), "scores"), (len(floors), "floors")):
        if n_given != len(lists):
            raise _bad_scores(f"{n_given} arrays of {name} for {len(lists)} lists")
    scaled = []
    for number, (ranking, given, floor) in enumerate(zip(lists, scores, floors, strict=True)):
        values = np.asarray(given)
        if values.shape != ranking.shape or values.dtype.kind not in "fiu":
            raise _bad_scores(f"list {number} has shape {ranking.shape}, its scores {values.dtype} of {values.shape}")
        held = ranking >= 0
        own = np.where(held, values.astype(np.float64), 0.0)
        if not np.isfinite(own).all():
            raise _bad_scores(f"a score of list {number} is not finite")
        low = np.where(held, own, np.inf).min(axis=1, keepdims=True, initial=np.inf)
        if floor is not None:
            low = np.fmin(low, _checked_floor(floor, number, ranking.shape[0])[:, None])
        spread = np.where(held, own, -np.inf).max(axis=1, keepdims=True, initial=-np.inf) - low
        is_flat = ~(np.isfinite(spread) & (spread > 0))
        scaled.append(np.where(is_flat, 1.0, (own - np.where(is_flat, 0.0, low)) / np.where(is_flat, 1.0, spread)))
    return scaled


def _checked_floor(given: npt.ArrayLike, number: int, n_queries: int) -> Float64s:
    floor = np.asarray(given)
    if floor.shape != (n_queries,) or floor.dtype.kind not in "fiu" or np.isinf(floor).any():
        raise _bad_scores(f"floor {number} is {floor.dtype} of shape {floor.shape} for {n_queries} queries")
    return floor.astype(np.float64)


def _bad_scores(what: str) -> InvalidInput:
    return InvalidInput(source="scores", what=what, fix="pass a finite number for each row of each list")


def _ranks(lists: Sequence[Int64s], query: int) -> tuple[Int64s, Int64s]:
    """Distinct rows, ascending, and their rank in each list, int64 (n_rows, n_lists), 0 for none."""
    found = [ranking[ranking >= 0] for ranking in lists]
    rows = np.unique(np.concatenate(found))
    ranks = np.zeros((rows.size, len(lists)), dtype=np.int64)
    for number, ranking in enumerate(found):
        places = np.searchsorted(rows, ranking)
        ranks[places, number] = np.arange(1, ranking.size + 1)
        if np.count_nonzero(ranks[:, number]) < ranking.size:
            values, counts = np.unique(ranking, return_counts=True)
            what = f"list {number} holds row {int(values[counts > 1][0])} twice for query {query}"
            raise InvalidInput(source="rankings", what=what, fix="rank each row once")
    return rows, ranks


def _checked(rankings: Sequence[npt.ArrayLike]) -> list[Int64s]:
    lists = [np.asarray(ranking) for ranking in rankings]
    if not lists:
        raise InvalidInput(source="rankings", what="there is no list", fix="pass one or more")
    for number, ranking in enumerate(lists):
        if ranking.ndim != 2 or ranking.dtype.kind not in "iu" or ranking.shape[0] != lists[0].shape[0]:
            what = f"list {number} is {ranking.dtype} of shape {ranking.shape}, the first has shape {lists[0].shape}"
            raise InvalidInput(source="rankings", what=what, fix="pass integers (n_queries, n_rows), as many queries")
    return [ranking.astype(np.int64, copy=False) for ranking in lists]
