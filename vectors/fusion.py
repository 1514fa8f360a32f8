"""Several rankings of the same rows made into one, by ranks alone: scores of different kinds need no common scale.

Source: Cormack, Clarke, Büttcher: "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery

Int64s = npt.NDArray[np.int64]


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
    scores : float64, same shape: the fused score, above 0 and at most the sum of weights over ``offset + 1``; -inf
        where there is no row
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
    weights = np.ones(len(lists)) if params.weights is None else np.array(params.weights, dtype=np.float64)
    if k < 1:
        raise InvalidQuery(what=f"k is {k}", fix="ask for at least one row")
    if weights.size != len(lists):
        raise InvalidParams(name="weights", value=params.weights, allowed=f"{len(lists)} numbers, one for each list")
    n_queries = lists[0].shape[0]
    fused = Fused(
        rows=np.full((n_queries, k), -1, dtype=np.int64),
        scores=np.full((n_queries, k), -np.inf),
        ranks=np.zeros((n_queries, k, len(lists)), dtype=np.int64),
    )
    for query in range(n_queries):
        rows, ranks = _ranks([ranking[query] for ranking in lists], query)
        shares = np.where(ranks > 0, weights / (params.offset + np.maximum(ranks, 1)), 0.0)
        scores = np.cumsum(np.sort(shares, axis=1), axis=1)[:, -1]  # sorted: the sum forgets which list gave what
        best = np.lexsort((rows, -scores))[:k]
        fused.rows[query, : best.size], fused.scores[query, : best.size] = rows[best], scores[best]
        fused.ranks[query, : best.size] = ranks[best]
    return fused


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
