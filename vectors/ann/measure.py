"""What an index is and does: built, searched with held-out queries, and described."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vectors.ann.answers import search_shards
from vectors.ann.effort import Effort
from vectors.ann.params import ANNParams, plan
from vectors.ann.probing import find_probes
from vectors.ann.shard import Shard
from vectors.ann.tuning import N_QUERIES, HeldOut, Measured, count_zero, find_beam, held_out
from vectors.metrics import Float32s, Int64s, parse_exclude, parse_queries


def measure(
    shards: Sequence[Shard],
    vectors: npt.NDArray[Any],
    params: ANNParams,
    *,
    heldout: npt.ArrayLike | None = None,
    held: HeldOut | None = None,
    least_probe: int = 1,
    n_threads: int = 1,
) -> Measured:
    """Measure recall@10 and choose the least effort that reaches ``params.recall``; equal on every run.

    ``held`` are queries with their exact answers, where the caller has them already. Fewer lists than
    ``least_probe`` are not tried.

    Raises
    ------
    TargetMissed
        When nothing reaches it, unless ``params.allow_missed``.
    """
    first, n, dim = shards[0], sum(shard.n_rows for shard in shards), shards[0].dim
    distinct = np.concatenate([shard.ids for shard in shards])
    if held is None:
        given = None if heldout is None else parse_queries(heldout, dim, params.metric)
        held = held_out(vectors, distinct, params, N_QUERIES[first.kind], given, n_threads=n_threads)

    def search(queries: Float32s, k: int, exclude: Int64s | None, ef_search: int) -> Int64s:
        asked, left_out = parse_queries(queries, dim, params.metric), parse_exclude(exclude, queries.shape[0])
        effort = Effort(ef_search=ef_search)
        return search_shards(shards, asked, k, effort, left_out, params, n_threads=n_threads)[0]

    kind, storage = first.kind, first.vectors.storage
    if first.lists is None:
        tuned = find_beam(search, vectors, held, params, kind=kind, storage=storage)
    else:
        tuned = find_probes(first, vectors, held, params, least_probe=least_probe)
    return Measured(
        metric=params.metric,
        kind=kind,
        storage=storage,
        reason=plan(n, dim, params).reason,
        n_rows=n,
        n_distinct=distinct.size,
        n_zero=count_zero(vectors),
        dim=dim,
        n_bytes=sum(shard.n_bytes for shard in shards),
        asked=params.recall,
        **{field.name: getattr(tuned, field.name) for field in dataclasses.fields(tuned)},
    )
