"""How many lists to read, and how many vectors to score again: the cheapest pair that reaches a recall.

One scan of the lists answers for every number of vectors scored again, since fewer are the first of more. So a grid of
well over a hundred pairs takes about a dozen scans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.errors import TargetMissed
from vectors.ann.answers import search_shards
from vectors.ann.cost import list_cost
from vectors.ann.effort import Effort, K
from vectors.ann.exact import exact_values
from vectors.ann.lists import Lists
from vectors.ann.params import ANNParams
from vectors.ann.shard import Shard
from vectors.ann.tuning import TARGET, HeldOut, Tried, Tuned, mean_share, shares
from vectors.metrics import Float32s, Float64s, Int64s, faiss_threads, is_distance, parse_queries

N_PROBES: Final = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
K_FACTORS: Final = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 32)
_COUNTED: Final = 200  # queries whose reading is counted
_SETTLED: Final = 0.0005  # recall that the next number of lists must add, or the codes are what limits it


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A pair, its recall@10 with standard error, and its counted microseconds a query."""

    n_probe: int
    k_factor: int
    recall: float
    error: float
    cost: float


def find_probes(shard: Shard, vectors: npt.NDArray[Any], held: HeldOut, params: ANNParams) -> Tuned:
    """The cheapest pair whose recall@10, less its standard error, reaches ``params.recall``.

    Raises
    ------
    TargetMissed
        When no pair does, unless ``params.allow_missed``; carries the best recall seen.
    """
    points = sweep(shard, vectors, held, params)
    tried = tried_form(shard, points)
    for point in sorted(points, key=lambda point: point.cost):
        if point.recall - point.error < params.recall:
            continue
        # Packed codes keep a little other candidates when asked for fewer: what is promised is measured as it is
        # served.
        effort = Effort(n_probe=point.n_probe, k_factor=point.k_factor)
        recall, error = mean_share(_served(shard, vectors, held, params, effort))
        if recall - error >= params.recall:
            return _tuned(point, recall, error, held, tried)
    best = max(points, key=lambda point: point.recall)
    if params.allow_missed:
        return _tuned(best, best.recall, best.error, held, tried)
    where = f"{shard.kind} of {shard.vectors.storage} at n_probe = {best.n_probe}, k_factor = {best.k_factor}"
    raise TargetMissed(target=TARGET, asked=params.recall, best=best.recall - best.error, candidate=where)


def sweep(shard: Shard, vectors: npt.NDArray[Any], held: HeldOut, params: ANNParams) -> list[Point]:
    """Points of the grid, as far as they can be cheaper than the cheapest that reached ``params.recall``."""
    lists = _lists_of(shard)
    asked = parse_queries(held.queries, shard.dim, params.metric)
    points: list[Point] = []
    reached, highest = np.inf, -1.0
    for n_probe in sorted({min(n_probe, lists.sizes.size) for n_probe in N_PROBES}):
        factors: tuple[int, ...] = K_FACTORS
        n_read = _n_read(lists, asked, n_probe)
        if _cost(shard, n_probe, n_read, 1) >= reached:
            break
        if shard.vectors.storage in ("float32", "uint8"):
            found = _shares_by_factor(shard, asked, held, n_probe)
        else:
            factors = K_FACTORS[1::2]
            efforts = [Effort(n_probe=n_probe, k_factor=factor) for factor in factors]
            found = [_served(shard, vectors, held, params, effort) for effort in efforts]
        for factor, of_each in zip(factors, found, strict=True):
            recall, error = mean_share(of_each)
            cost = _cost(shard, n_probe, n_read, factor)
            points.append(Point(n_probe=n_probe, k_factor=factor, recall=recall, error=error, cost=cost))
            if recall - error >= params.recall:
                reached = min(reached, cost)
        top = max(point.recall for point in points if point.n_probe == n_probe)
        if top - highest < _SETTLED and not np.isfinite(reached):
            break
        highest = max(highest, top)
    return points


def tried_form(shard: Shard, points: Sequence[Point]) -> Tried:
    """What `Measured` keeps of the points: those that none beats in both recall and cost."""
    best: list[tuple[int, int, float, float]] = []
    for point in sorted(points, key=lambda point: (point.cost, -point.recall)):
        if not best or point.recall > best[-1][2]:
            best.append((point.n_probe, point.k_factor, point.recall, point.cost))
    form = _lists_of(shard).form
    return Tried(
        kind=shard.kind,
        storage=shard.vectors.storage,
        n_rows=shard.n_rows,
        n_bytes=shard.n_bytes,
        n_lists=form.n_lists,
        n_columns=form.n_columns,
        points=tuple(best),
    )


def _lists_of(shard: Shard) -> Lists:
    if shard.lists is None:
        raise AssertionError(f"a {shard.kind} index has no lists to probe")
    return shard.lists


def _n_read(lists: Lists, asked: Float32s, n_probe: int) -> float:
    """Vectors in the lists that a query reads, mean over some of the queries."""
    _, numbers, _ = lists.nearest(asked[:_COUNTED], n_probe)
    return float(lists.sizes[numbers].sum(axis=1).mean()) if len(numbers) else 0.0


def _cost(shard: Shard, n_probe: int, n_read: float, k_factor: int) -> float:
    """Counted microseconds, rounded to tenths."""
    form, storage = _lists_of(shard).form, shard.vectors.storage
    n_rescored = min(K * k_factor, len(shard.ids))
    work = list_cost(form, shard.dim, storage, n_probe=n_probe, n_read=n_read, n_rescored=n_rescored)
    return round(work / 1000, 1)


def _shares_by_factor(shard: Shard, asked: Float32s, held: HeldOut, n_probe: int) -> list[Float64s]:
    """Recall of each query at each of `K_FACTORS`; for stores that lose nothing, whose values are the exact ones."""
    if len(asked) == 0:
        return [np.zeros(0) for _ in K_FACTORS]
    n = min(held.k * K_FACTORS[-1], len(shard.ids))
    with faiss_threads(1):
        positions = _lists_of(shard).propose(asked, n, n_probe)
    ranked, ranked_values = shard.vectors.best(positions, asked, n)
    values = np.empty(ranked_values.shape, dtype=np.float32)
    sorted_values = np.take_along_axis(ranked_values, np.argsort(ranked, axis=1, kind="stable"), axis=1)
    np.put_along_axis(values, np.argsort(positions, axis=1, kind="stable"), sorted_values, axis=1)
    limit = held.true_kth[:, None]
    is_right = (values <= limit) if is_distance(shard.vectors.metric) else (values >= limit)
    is_right &= positions >= 0
    rows_at = np.ones(len(shard.ids), dtype=np.int64)  # rows equal to the one at each position, itself included
    np.add.at(rows_at, np.searchsorted(shard.ids, shard.copies[:, 0]), 1)
    counts = np.where(is_right, rows_at[positions], 0)
    if held.exclude is not None:
        own = np.searchsorted(shard.ids, held.exclude)
        is_own = positions == own[:, None]
        counts -= is_own & is_right
    right = np.cumsum(counts, axis=1)
    # A query's own row takes the place of a candidate here, so that queries which are no rows are promised no more.
    ends = [min(held.k * factor, n) - 1 for factor in K_FACTORS]
    return [np.minimum(right[:, end], held.k) / held.k for end in ends]


def _served(shard: Shard, vectors: npt.NDArray[Any], held: HeldOut, params: ANNParams, effort: Effort) -> Float64s:
    """Recall of each query as `ANNIndex.search` answers it."""
    asked = parse_queries(held.queries, shard.dim, params.metric)
    left_out: Int64s = np.zeros((len(asked), 0), np.int64) if held.exclude is None else held.exclude[:, None]
    rows, _ = search_shards([shard], asked, held.k, effort, left_out, params)
    return shares(exact_values(vectors, held.queries, rows, metric=params.metric), held.true_kth, params.metric)


def _tuned(point: Point, recall: float, error: float, held: HeldOut, tried: Tried) -> Tuned:
    return Tuned(
        recall=recall,
        standard_error=error,
        n_queries=held.queries.shape[0],
        queries=held.source,
        ef_search=None,
        frontier=(),
        n_probe=point.n_probe,
        k_factor=point.k_factor,
        cost=point.cost,
        tried=(tried,),
    )
