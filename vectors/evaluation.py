"""Quality of approximate search, told by exact scores, so that ties are not failures.

Source: the definition is that of ann-benchmarks (Aumüller, Bernhardsson, Faithfull 2020): an item returned counts as
right when its exact score is no worse than that of the true k-th.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput


def recall_at_k(found: npt.ArrayLike, true_kth: npt.ArrayLike, higher_is_better: bool) -> float:
    """Share of returned items whose exact score (or distance) is no worse than the true k-th, mean over queries.

    Parameters
    ----------
    found
        Shape (n_queries, k): exact score or distance of every returned item, each item at most once per query.
        A missing item (NaN, or infinite) never counts.
    true_kth
        Shape (n_queries,): exact score or distance of the k-th best item there is. Compared with ``>=`` or ``<=`` and
        no tolerance: compute it with the same function as ``found``.
    higher_is_better
        True for scores, False for distances.

    Raises
    ------
    InvalidInput
        When shapes disagree, there is no query, k is 0 or a true k-th is NaN.
    """
    values, limit = _checked(found, true_kth)
    right = values >= limit[:, None] if higher_is_better else values <= limit[:, None]
    return float(np.mean(right & np.isfinite(values)))


def candidate_recall(scores: npt.ArrayLike, true_kth: npt.ArrayLike, k: int) -> float:
    """Recall at ``k`` of candidates that are re-ranked by exact score: what the first stage of a search is good for.

    Parameters
    ----------
    scores
        Shape (n_queries, n_candidates): exact scores, higher is better, -inf for pads, each item at most once per
        query. With fewer than ``k`` candidates the missing ones are failures.
    true_kth
        Shape (n_queries,): score of the k-th best item there is.

    Raises
    ------
    InvalidInput
        As `recall_at_k`, or when ``k < 1``.
    """
    values, limit = _checked(scores, true_kth)
    if k < 1:
        raise _invalid(f"k is {k}", "pass k >= 1")
    reached = ((values >= limit[:, None]) & np.isfinite(values)).sum(axis=1)
    return float(np.mean(np.minimum(reached, k) / k))


def reranked_recall(
    scores: npt.NDArray[np.float32],
    ranking: npt.NDArray[np.float32] | None,
    n: int,
    true_kth: npt.NDArray[np.float32],
    k: int,
) -> float:
    """`candidate_recall` of the first ``n`` columns, or of the ``k`` of them that ``ranking`` puts first.

    ``ranking``, of the shape of ``scores``, are the approximate scores that candidates are put in order by; None is the
    exact scores themselves.
    """
    if ranking is None or n <= k:
        return candidate_recall(scores[:, :n], true_kth, k)
    first = np.argsort(-ranking[:, :n], axis=1, kind="stable")[:, :k]
    return candidate_recall(np.take_along_axis(scores[:, :n], first, axis=1), true_kth, k)


def _checked(found: npt.ArrayLike, true_kth: npt.ArrayLike) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    values, limit = np.asarray(found), np.asarray(true_kth)
    if values.ndim != 2 or values.size == 0 or limit.shape != values.shape[:1]:
        raise _invalid(
            f"scores have shape {values.shape}, the true k-th ones {limit.shape}", "pass (n_queries, k), (n_queries,)"
        )
    if np.isnan(limit).any():
        raise _invalid(f"the true k-th of query {int(np.argmax(np.isnan(limit)))} is NaN", "pass exact scores")
    return values, limit


def _invalid(what: str, fix: str) -> InvalidInput:
    return InvalidInput(source="recall", what=what, fix=fix)
