"""How good an approximate answer is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def recall_at_k(
    found: npt.NDArray[np.floating[Any]], true_kth: npt.NDArray[np.floating[Any]], *, higher_is_better: bool
) -> float:
    """Share of the k returned items that are no worse than the true k-th: ties count, whichever was returned.

    Parameters
    ----------
    found : shape (n_queries, k): exact values of what was returned, pads as -inf (scores) or +inf (distances)
    true_kth : shape (n_queries,): exact value of the true k-th item

    Returns
    -------
    float
        In [0, 1]; 1.0 when nothing was asked (no query, or k = 0). A value within 10⁻⁶ of the k-th, relative to
        it, counts as reaching it.
    """
    if found.size == 0:
        return 1.0
    tolerance = 1e-6 * np.abs(true_kth)
    if higher_is_better:
        return float((found >= (true_kth - tolerance)[:, None]).mean())
    return float((found <= (true_kth + tolerance)[:, None]).mean())
