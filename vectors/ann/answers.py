"""Answers from shards: theirs put together, the rows left out taken away."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from foundation.threads import even_ranges
from vectors.ann.effort import Effort
from vectors.ann.exact import best_k
from vectors.ann.params import ANNParams
from vectors.ann.shard import Bools, Shard
from vectors.metrics import Float32s, Int64s, Metric, faiss_threads, worst


def search_shards(
    shards: Sequence[Shard],
    asked: Float32s,
    k: int,
    effort: Effort,
    left_out: Int64s,
    params: ANNParams,
    *,
    allowed: Bools | None = None,
    n_threads: int = 1,
) -> tuple[Int64s, Float32s]:
    """The k best rows of all shards, padded; ``asked`` and ``left_out`` as `parse_queries` and `parse_exclude` give."""
    wanted = k + left_out.shape[1]
    if len(shards) == 1 and shards[0].lists is not None and allowed is None:
        return best_remaining(*_nearest(shards[0], asked, wanted, effort, n_threads), k, left_out, params.metric)
    with faiss_threads(n_threads):
        found = [shard.search(asked, wanted, effort, allowed) for shard in shards]
    return best_k(found, asked.shape[0], k, left_out, params.metric)


def _nearest(shard: Shard, asked: Float32s, k: int, effort: Effort, n_threads: int) -> tuple[Int64s, Float32s]:
    """`Shard.nearest`; FAISS sees to its threads itself, our own kernels get a part of the queries each."""
    if shard.kind != "ivfsq":
        with faiss_threads(n_threads):
            return shard.nearest(asked, k, effort)
    if n_threads == 1 or len(asked) < 2:
        return shard.nearest(asked, k, effort)
    parts = even_ranges(len(asked), -(-len(asked) // n_threads))
    with ThreadPoolExecutor(max_workers=n_threads) as pool:
        found = list(pool.map(lambda part: shard.nearest(asked[part[0] : part[1]], k, effort), parts))
    return np.concatenate([rows for rows, _ in found]), np.concatenate([values for _, values in found])


def best_remaining(rows: Int64s, values: Float32s, k: int, exclude: Int64s, metric: Metric) -> tuple[Int64s, Float32s]:
    """The first k of (n_queries, k + e) rows in order that are none of ``exclude`` (n_queries, e), padded."""
    if exclude.shape[1] == 0:
        return rows, values
    is_out = (rows[:, :, None] == exclude[:, None, :]).any(axis=2)
    order = np.argsort(is_out, axis=1, kind="stable")[:, :k]
    kept = ~np.take_along_axis(is_out, order, axis=1)
    remaining = np.where(kept, np.take_along_axis(rows, order, axis=1), -1)
    left = np.where(kept, np.take_along_axis(values, order, axis=1), np.float32(worst(metric)))
    return remaining, left
