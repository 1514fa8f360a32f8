"""How signatures are cut into bands, and what that lets through.

Two sets of Jaccard similarity s meet in at least one of ``n_bands`` bands of ``n_rows`` slots with probability
S(s) = 1 - (1 - s^n_rows)^n_bands: an S-shaped curve that climbs around (1 / n_bands)^(1 / n_rows).

Source: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3; the weighted error as a criterion is
that of the datasketch library.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams

# Gauss-Legendre with n nodes integrates polynomials of degree 2n - 1 exactly, and S has degree
# n_bands · n_rows <= num_perm; beyond this many nodes the integrals are right to some 1e-9 anyway.
_MAX_QUADRATURE_NODES = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class LSHParams:
    """Everything that decides the tables: equal params on equal signatures give equal bytes.

    Attributes
    ----------
    n_bands, n_rows : the split itself; ``n_rows`` alone takes as many bands as fit, nothing at all means n_rows = 2
    threshold : instead of them, the similarity from which pairs shall be found; see `best_banding`
    bucket_cap : members a query takes of one bucket at most, 0 for all of them
    """

    n_bands: int | None = None
    n_rows: int | None = None
    threshold: float | None = None
    bucket_cap: int = 500

    def __post_init__(self) -> None:
        for name, value in (("n_bands", self.n_bands), ("n_rows", self.n_rows)):
            if value is not None and (not _is_int(value) or value < 1):
                raise InvalidParams(name=name, value=value, allowed="an integer of 1 or more")
        if not _is_int(self.bucket_cap) or self.bucket_cap < 0:
            raise InvalidParams(
                name="bucket_cap", value=self.bucket_cap, allowed="an integer of 1 or more, or 0 for no cap"
            )
        if self.threshold is None:
            if self.n_bands is not None and self.n_rows is None:
                raise InvalidParams(name="n_rows", value=None, allowed="an integer of 1 or more beside n_bands")
            return
        if self.n_bands is not None or self.n_rows is not None:
            raise InvalidParams(name="threshold", value=self.threshold, allowed="no threshold beside n_bands or n_rows")
        _check_threshold(self.threshold)

    def banding(self, num_perm: int) -> tuple[int, int]:
        """(n_bands, n_rows) for signatures of ``num_perm`` slots.

        Raises
        ------
        InvalidParams
            When the split needs more slots than there are.
        """
        if self.threshold is not None:
            return best_banding(self.threshold, num_perm)
        n_rows = 2 if self.n_rows is None else self.n_rows
        n_bands = num_perm // n_rows if self.n_bands is None else self.n_bands
        if n_bands < 1 or n_bands * n_rows > num_perm:
            raise InvalidParams(
                name="n_bands, n_rows",
                value=(n_bands, n_rows),
                allowed=f"n_bands * n_rows from n_rows to num_perm = {num_perm}; raise num_perm or ask for less",
            )
        return n_bands, n_rows


def collision_probability(similarity: npt.ArrayLike, n_bands: int, n_rows: int) -> npt.NDArray[np.float64]:
    """S(similarity), float64 of the shape of ``similarity``."""
    s = np.asarray(similarity, dtype=np.float64)
    with np.errstate(divide="ignore"):  # log 0 at similarity 1
        return np.asarray(-np.expm1(n_bands * np.log1p(-(s**n_rows))))


def nominal_threshold(n_bands: int, n_rows: int) -> float:
    """(1 / n_bands)^(1 / n_rows), about where the curve is steepest."""
    return float((1 / n_bands) ** (1 / n_rows))


@functools.lru_cache(maxsize=64)
def best_banding(threshold: float, num_perm: int, false_positive_weight: float = 0.5) -> tuple[int, int]:
    """The (n_bands, n_rows) with the least weighted error at ``threshold``.

    The error is w ∫ S over [0, threshold] + (1 - w) ∫ (1 - S) over [threshold, 1], w being
    ``false_positive_weight``. Every split with n_bands · n_rows <= num_perm is tried, not only those that use
    all slots; of equal ones the fewest bands win.

    Raises
    ------
    InvalidParams
        When the threshold lies outside (0, 1), the weight outside [0, 1], or num_perm is below 1.
    """
    _check_threshold(threshold)
    if not 0 <= false_positive_weight <= 1:
        raise InvalidParams(name="false_positive_weight", value=false_positive_weight, allowed="a number in [0, 1]")
    if num_perm < 1:
        raise InvalidParams(name="num_perm", value=num_perm, allowed="an integer of 1 or more")
    nodes, weights = np.polynomial.legendre.leggauss(min(num_perm // 2 + 1, _MAX_QUADRATURE_NODES))
    below, above = threshold * (nodes + 1) / 2, threshold + (1 - threshold) * (nodes + 1) / 2
    weights_below = false_positive_weight * weights * threshold / 2
    weights_above = (1 - false_positive_weight) * weights * (1 - threshold) / 2

    best = (math.inf, 0, 0)
    for n_rows in range(1, num_perm + 1):
        n_bands = np.arange(1, num_perm // n_rows + 1)[:, None]
        missed = (1 - above**n_rows) ** n_bands
        passed = 1 - (1 - below**n_rows) ** n_bands
        # Rounded, so that splits that differ by rounding only count as equal.
        errors = np.round(passed @ weights_below + missed @ weights_above, 12)
        first = int(np.argmin(errors))
        best = min(best, (float(errors[first]), first + 1, n_rows))
    return best[1], best[2]


def _check_threshold(threshold: float) -> None:
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold < 1:
        raise InvalidParams(name="threshold", value=threshold, allowed="a number between 0 and 1, neither included")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
