"""Rows found for queries, and the rows equal to them, which lie beside an index that keeps equal vectors once."""

from __future__ import annotations

import numpy as np

from vectors.ann.exact import Found, joined
from vectors.metrics import Float32s, Int64s


def flattened(best: Int64s, values: Float32s) -> Found:
    """What (n_queries, k) tables hold, padded with -1."""
    query_of, rank = np.nonzero(best >= 0)
    return query_of, best[query_of, rank], values[query_of, rank]


def with_copies(copies: Int64s, query_of: Int64s, rows: Int64s, values: Float32s, k: int) -> Found:
    """What was found, each row followed by up to k of the rows equal to it."""
    if copies.shape[0] == 0:
        return query_of, rows, values
    firsts, others = copies[:, 0], copies[:, 1]
    start = np.searchsorted(firsts, rows, side="left")
    n = np.minimum(np.searchsorted(firsts, rows, side="right") - start, k)
    source = np.repeat(np.arange(rows.size), n)
    nth = np.arange(source.size) - np.repeat(np.cumsum(n) - n, n)
    return joined([(query_of, rows, values), (query_of[source], others[start[source] + nth], values[source])])
