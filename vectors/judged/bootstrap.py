"""How far a mean over queries may be chance: intervals by drawing the queries again, with replacement.

Two runs are compared query by query (paired), which takes out how hard the queries are.

Source: Efron 1979 (percentile intervals); Sakai: "Evaluating evaluation metrics based on the bootstrap", SIGIR 2006.
"""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import stream

_NUMBERS_AT_ONCE = 1 << 22


@final
class Interval(NamedTuple):
    """A mean, and the ends of the interval that holds ``confidence`` of the means drawn again."""

    mean: float
    low: float
    high: float


def mean_interval(
    values: npt.ArrayLike, *, n_samples: int = 10_000, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Interval of the mean of one value a query, by percentiles of ``n_samples`` means.

    Raises
    ------
    InvalidParams
        When ``n_samples < 1`` or ``confidence`` is not between 0 and 1.
    InvalidInput
        When there is no value, or one is not finite.
    """
    if n_samples < 1:
        raise InvalidParams(name="n_samples", value=n_samples, allowed="1 or more")
    if not 0 < confidence < 1:
        raise InvalidParams(name="confidence", value=confidence, allowed="a number between 0 and 1")
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or found.size == 0 or not np.isfinite(found).all():
        what = f"values of shape {found.shape}" if found.ndim != 1 or not found.size else "a value is not finite"
        raise InvalidInput(source="bootstrap", what=what, fix="pass one finite number a query")
    random = stream(seed, "evaluation.bootstrap")
    at_once = max(1, _NUMBERS_AT_ONCE // found.size)
    means = np.concatenate(
        [
            found[random.integers(0, found.size, (min(at_once, n_samples - start), found.size))].mean(axis=1)
            for start in range(0, n_samples, at_once)
        ]
    )
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(found.mean()), float(low), float(high))


def difference_interval(
    first: npt.ArrayLike, second: npt.ArrayLike, *, n_samples: int = 10_000, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Interval of the mean of ``first - second``, values of the same queries in the same order.

    An interval that does not hold 0 is a difference that other queries of this kind would hardly undo.

    Raises
    ------
    InvalidParams, InvalidInput
        As `mean_interval`, or when there are not as many of both.
    """
    left, right = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if left.shape != right.shape:
        what = f"values of shapes {left.shape} and {right.shape}"
        raise InvalidInput(source="bootstrap", what=what, fix="pass values of the same queries")
    return mean_interval(left - right, n_samples=n_samples, confidence=confidence, seed=seed)
