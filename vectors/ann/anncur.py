"""Neighbours under a scoring function that can only be called: no vectors, no metric, each score at a price.

Source: Yadav, Monath, Angell, Zaheer, McCallum, "Efficient nearest neighbor search for cross-encoder models using
matrix factorization", EMNLP 2022, arXiv:2210.12579. Scores of some anchor queries with all items, and of a new query
with some anchor items, give all scores of the new query if the whole matrix of scores has low rank, and nearly so if
it almost has.

Two deviations, both measured in `docs/anncur.md`. The pseudo-inverse drops singular values below a tenth of the
largest: where there are as many anchor queries as anchor items, an exact one turns noise in the scores into an error
larger than the scores. And anchors take part in the final ranking, since their scores have been paid for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery
from foundation.seeds import stream
from vectors.evaluation import recall_at_k
from vectors.metrics import Float32s, Float64s, Int64s, check_k

Score = Callable[[Any, Int64s], npt.ArrayLike]
"""Scores of one query, anything the caller likes, with the items of these numbers; higher is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ANNCURParams:
    """What decides the index, beside the scores themselves.

    Attributes
    ----------
    n_anchors : items every query is scored with; below the rank of the scores recall is lost for good
    rcond : singular values below this share of the largest are dropped from the inverse, in [0, 1)
    seed : of the choice of anchor items
    """

    n_anchors: int = 50
    rcond: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_anchors < 1:
            raise InvalidParams(name="n_anchors", value=self.n_anchors, allowed="at least 1")
        if not 0.0 <= self.rcond < 1.0:
            raise InvalidParams(name="rcond", value=self.rcond, allowed="a share in [0, 1)")


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ANNCUR:
    """Items as they are seen from the anchors.

    Attributes
    ----------
    anchors : int64, shape (n_anchors,), ascending; item numbers
    items : float32, shape (n_anchors, n_items); a query's scores with the anchors times this are its estimated scores
    n_calls : scores that building took
    """

    anchors: Int64s
    items: Float32s
    n_calls: int

    @classmethod
    def build(
        cls, score: Score, anchor_queries: Sequence[Any], n_items: int, params: ANNCURParams | None = None
    ) -> ANNCUR:
        """Score every anchor query with every item.

        Raises
        ------
        InvalidInput
            Without anchor queries or items, or for scores that are not finite or not one for each item.
        """
        if n_items < 1 or len(anchor_queries) == 0:
            raise InvalidInput(
                source="anchor queries",
                what=f"{len(anchor_queries)} queries and {n_items} items",
                fix="give some of both",
            )
        every = np.arange(n_items)
        rows = [_scores(score, query, every) for query in anchor_queries]
        return cls.from_scores(np.stack(rows), params)

    @classmethod
    def from_scores(cls, scores: npt.ArrayLike, params: ANNCURParams | None = None) -> ANNCUR:
        """From the scores themselves, shape (n_anchor_queries, n_items).

        Raises
        ------
        InvalidInput
            For what is no matrix of finite numbers.
        """
        chosen = params or ANNCURParams()
        table = np.asarray(scores, dtype=np.float64)
        if table.ndim != 2 or table.size == 0 or not np.isfinite(table).all():
            raise InvalidInput(
                source="scores",
                what=f"shape {table.shape}, finite: {bool(np.isfinite(table).all())}",
                fix="pass finite scores of shape (n_anchor_queries, n_items)",
            )
        n_items = table.shape[1]
        draw = stream(chosen.seed, "anncur.anchors", n_items)
        anchors = np.sort(draw.choice(n_items, min(chosen.n_anchors, n_items), replace=False))
        inverse = np.linalg.pinv(table[:, anchors], rcond=chosen.rcond)
        return cls(anchors=anchors, items=(inverse @ table).astype(np.float32), n_calls=table.size)

    @property
    def n_items(self) -> int:
        return int(self.items.shape[1])

    def estimate(self, with_anchors: npt.ArrayLike) -> Float64s:
        """Scores with all items, float64 (n_queries, n_items), from those with the anchors (n_queries, n_anchors)."""
        known = np.atleast_2d(np.asarray(with_anchors, dtype=np.float64))
        return known @ self.items

    def search(
        self, score: Score, queries: Sequence[Any], k: int = 10, *, budget: int = 200
    ) -> tuple[Int64s, Float32s]:
        """The k best items found for each query with at most ``budget`` scores each, best first, ties by number.

        Of these the anchors take the first ``n_anchors``; the rest goes to the items that are estimated highest.

        Returns
        -------
        items : int64, shape (n_queries, k); -1 where there are fewer
        scores : float32, shape (n_queries, k), as the function gave them; -inf beside -1

        Raises
        ------
        InvalidQuery
            For k < 1, or a budget that the anchors exceed or that is below k.
        """
        check_k(k)
        n_anchors = self.anchors.size
        if budget < n_anchors or budget < min(k, self.n_items):
            raise InvalidQuery(
                what=f"a budget of {budget} scores for {n_anchors} anchors and k = {k}",
                fix=f"allow at least {max(n_anchors, min(k, self.n_items))}",
            )
        found = np.full((len(queries), k), -1, dtype=np.int64)
        values = np.full((len(queries), k), -np.inf, dtype=np.float32)
        for nth, query in enumerate(queries):
            paid = _scores(score, query, self.anchors)
            estimated = self.estimate(paid)[0]
            estimated[self.anchors] = -np.inf
            n_more = min(budget, self.n_items) - n_anchors
            more = np.sort(np.argsort(-estimated, kind="stable")[:n_more])
            items = np.concatenate((self.anchors, more))
            exact = np.concatenate((paid, _scores(score, query, more))) if more.size else paid
            order = np.lexsort((items, -exact))[:k]
            found[nth, : order.size], values[nth, : order.size] = items[order], exact[order]
        return found, values


def recall_by_budget(
    index: ANNCUR, score: Score, queries: Sequence[Any], budgets: Sequence[int], k: int = 10
) -> list[tuple[int, float]]:
    """(budget, recall at k) of each budget, against the scores of every query with every item, which this asks for."""
    every = np.arange(index.n_items)
    exact = [np.sort(_scores(score, query, every).astype(np.float32))[::-1] for query in queries]
    kth = np.array([scores[min(k, index.n_items) - 1] for scores in exact])
    curve = []
    for budget in budgets:
        _, values = index.search(score, queries, min(k, index.n_items), budget=budget)
        curve.append((budget, recall_at_k(values, kth, higher_is_better=True)))
    return curve


def _scores(score: Score, query: Any, items: Int64s) -> Float64s:
    """One call, checked."""
    given = np.asarray(score(query, items), dtype=np.float64)
    if given.shape != items.shape or not np.isfinite(given).all():
        raise InvalidInput(
            source="the scoring function",
            what=f"gave shape {given.shape} for {items.size} items, finite: {bool(np.isfinite(given).all())}",
            fix="give one finite score for each item",
        )
    return given
