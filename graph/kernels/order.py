"""Nodes by degree, for storage in which rows that are read often stand together.

Layout   ``degree`` int64 (n_nodes,), ``slots`` int32 or int64 (n_nodes,).
Threads  single-threaded.
Limits   degrees of ``n_buckets`` or more are one bucket.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def rank_by_degree(degree: npt.NDArray[np.int64], n_buckets: int, slots: npt.NDArray[Any]) -> int:
    """``slots[node]`` becomes the rank of the node by descending degree, then by id, and -1 where the degree is 0.

    Returns the number of ranks.
    """
    counts = np.zeros(n_buckets + 1, dtype=np.int64)
    for node in range(degree.size):
        counts[n_buckets - min(degree[node], n_buckets)] += 1
    total = 0
    for bucket in range(n_buckets + 1):
        counts[bucket], total = total, total + counts[bucket]
    for node in range(degree.size):
        if degree[node] == 0:
            slots[node] = -1
        else:
            bucket = n_buckets - min(degree[node], n_buckets)
            slots[node] = counts[bucket]
            counts[bucket] += 1
    return int(counts[n_buckets - 1]) if n_buckets > 0 else 0
