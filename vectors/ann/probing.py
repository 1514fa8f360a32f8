"""How many lists to read, and how many vectors to score again: the cheapest pair that reaches a recall.

One scan of the lists answers for every number of vectors scored again, since fewer are the first of more. So a grid of
well over a hundred pairs takes about a dozen scans. Many vectors are scored again only where a few were too little and
more still gained, and numbers of lists between two of the grid are tried around the cheapest.
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
_FEW_FACTORS: Final = 7  # of `K_FACTORS`, that are tried before the others
_CLOSER: Final = 2  # numbers of lists tried between two of the grid
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


def find_probes(
    shard: Shard, vectors: npt.NDArray[Any], held: HeldOut, params: ANNParams, *, least_probe: int = 1
) -> Tuned:
    """The cheapest pair whose recall@10, less its standard error, reaches ``params.recall``.

    Fewer lists than ``least_probe`` are not tried.

    Raises
    ------
    TargetMissed
        When no pair does, unless ``params.allow_missed``; carries the best recall seen.
    """
    points = sweep(shard, vectors, held, params, least_probe=least_probe)
    points += closer(shard, vectors, held, params, points)
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


def sweep(
    shard: Shard,
    vectors: npt.NDArray[Any],
    held: HeldOut,
    params: ANNParams,
    *,
    least_probe: int = 1,
    at_most: float = np.inf,
) -> list[Point]:
    """Points of the grid, as far as they can be cheaper than the cheapest that reached ``params.recall``.

    Those of fewer lists than ``least_probe``, or of ``at_most`` counted microseconds and more, are left out.
    """
    n_lists = _lists_of(shard).sizes.size
    points: list[Point] = []
    reached, highest = at_most, -1.0
    for n_probe in sorted({min(n_probe, n_lists) for n_probe in N_PROBES if n_probe >= min(least_probe, n_lists)}):
        found = _points(shard, vectors, held, params, n_probe, reached)
        if not found:
            break
        points += found
        reached = min([reached, *(point.cost for point in found if point.recall - point.error >= params.recall)])
        top = max(point.recall for point in found)
        if top - highest < _SETTLED and reached >= at_most:
            break
        highest = max(highest, top)
    return points


def closer(
    shard: Shard, vectors: npt.NDArray[Any], held: HeldOut, params: ANNParams, points: Sequence[Point]
) -> list[Point]:
    """Points between the cheapest that reaches the recall and the next smaller number of lists that was tried."""
    enough = [point for point in points if point.recall - point.error >= params.recall]
    if not enough:
        return []
    best = min(enough, key=lambda point: point.cost)
    low, high = max((point.n_probe for point in points if point.n_probe < best.n_probe), default=0), best.n_probe
    found: list[Point] = []
    for _ in range(_CLOSER):
        middle = (low + high) // 2
        if low == 0 or middle == low:
            break
        tried = _points(shard, vectors, held, params, middle, best.cost)
        enough = [point for point in tried if point.recall - point.error >= params.recall]
        best = min([best, *enough], key=lambda point: point.cost)
        low, high = (low, middle) if enough else (middle, high)
        found += tried
    return found


def _points(
    shard: Shard, vectors: npt.NDArray[Any], held: HeldOut, params: ANNParams, n_probe: int, below: float
) -> list[Point]:
    """Points of ``n_probe`` lists that cost less than ``below``."""
    asked = parse_queries(held.queries, shard.dim, params.metric)
    n_read = _n_read(_lists_of(shard), asked, n_probe)
    lossless = shard.vectors.storage in ("float32", "uint8")
    costs = {
        factor: cost
        for factor in (K_FACTORS if lossless else K_FACTORS[1::2])
        if (cost := _cost(shard, n_probe, n_read, factor)) < below
    }
    if not lossless:
        efforts = [Effort(n_probe=n_probe, k_factor=factor) for factor in costs]
        found = [_served(shard, vectors, held, params, effort) for effort in efforts]
    else:
        found = []
        for factors in (list(costs)[:_FEW_FACTORS], list(costs)):
            means = [mean_share(of_each) for of_each in found]
            gained = len(means) < 2 or means[-1][0] - means[-2][0] >= _SETTLED
            if len(factors) > len(found) and gained and all(mean - error < params.recall for mean, error in means):
                found = _shares_by_factor(shard, asked, held, n_probe, factors)
    points = []
    for (factor, cost), of_each in zip(costs.items(), found, strict=False):
        recall, error = mean_share(of_each)
        points.append(Point(n_probe=n_probe, k_factor=factor, recall=recall, error=error, cost=cost))
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


def _shares_by_factor(
    shard: Shard, asked: Float32s, held: HeldOut, n_probe: int, factors: Sequence[int]
) -> list[Float64s]:
    """Recall of each query at each of ``factors``; for stores that lose nothing, whose values are the exact ones."""
    if len(asked) == 0:
        return [np.zeros(0) for _ in factors]
    n = min(held.k * factors[-1], len(shard.ids))
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
    ends = [min(held.k * factor, n) - 1 for factor in factors]
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
