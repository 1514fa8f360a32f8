"""The one order of every answer: best first, ties by node."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def best_first(values: npt.NDArray[Any], nodes: npt.NDArray[np.integer], k: int | None = None) -> npt.NDArray[np.int64]:
    """Positions of the ``k`` largest values (of all by default), largest first, equal ones by ascending node.

    Only what can be among the ``k`` is sorted.
    """
    k = values.size if k is None else min(k, values.size)
    if k == 0:
        return np.empty(0, dtype=np.int64)
    contenders = np.arange(values.size)
    if k < values.size:
        contenders = np.flatnonzero(values >= np.partition(values, -k)[-k])
    return contenders[np.lexsort((nodes[contenders], -values[contenders]))[:k]]
