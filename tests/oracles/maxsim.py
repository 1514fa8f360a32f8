"""Late interaction by brute force in float64."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def chamfer(query: npt.ArrayLike, document: npt.ArrayLike) -> float:
    """Sum over query tokens of the best dot product; -inf for a document without tokens."""
    q, d = np.asarray(query, dtype=np.float64), np.asarray(document, dtype=np.float64)
    return float((q @ d.T).max(axis=1).sum()) if d.size else -np.inf
