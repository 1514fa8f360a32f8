"""What numbers of lists read and of vectors scored again reach, and what they cost.

One scan of the lists answers for every number of vectors scored again, since fewer are the first of more. Many are
scored again only where a few were too little and more still gained.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from vectors.ann.answers import search_shards
from vectors.ann.cost import list_cost
from vectors.ann.effort import Effort, K
from vectors.ann.exact import exact_values
from vectors.ann.lists import Lists
from vectors.ann.params import ANNParams, form_of
from vectors.ann.shard import Shard
from vectors.ann.tuning import HeldOut, Tried, mean_share, shares
from vectors.metrics import Float32s, Float64s, Int64s, faiss_threads, is_distance, parse_queries

N_PROBES: Final = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
K_FACTORS: Final = (*range(1, 21), 22, 24, 26, 28, 30, 32)
_COARSE_FACTORS: Final = (2, 4, 6, 10, 15, 25)  # where each takes a scan of its own
_FEW_FACTORS: Final = 8  # of `K_FACTORS`, that are tried before the others
_COUNTED: Final = 200  # queries whose reading is counted
SETTLED: Final = 0.0005  # recall that the next step must add, or the codes are what limits it


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A pair, its recall@10 with standard error, and its counted microseconds a query."""

    n_probe: int
    k_factor: int
    recall: float
    error: float
    cost: float


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """Lists, and queries to ask of them.

    ``n_whole`` : rows that costs are counted for: more than the shard holds, where that is a sample of them.
    """

    shard: Shard
    vectors: npt.NDArray[Any]
    held: HeldOut
    params: ANNParams
    n_whole: int

    @property
    def lists(self) -> Lists:
        if self.shard.lists is None:
            raise AssertionError(f"a {self.shard.kind} index has no lists to probe")
        return self.shard.lists

    @property
    def probes(self) -> list[int]:
        """Numbers of lists to try, ascending."""
        n_lists = self.lists.sizes.size
        return sorted({min(n_probe, n_lists) for n_probe in N_PROBES})

    def asking(self, n_queries: int) -> Trial:
        """With so many of the queries, evenly spread."""
        n = len(self.held.queries)
        chosen = np.arange(n_queries) * n // n_queries if n_queries < n else np.arange(n)
        exclude = None if self.held.exclude is None else self.held.exclude[chosen]
        few = dataclasses.replace(
            self.held, queries=self.held.queries[chosen], exclude=exclude, true_kth=self.held.true_kth[chosen]
        )
        return dataclasses.replace(self, held=few)

    def points(self, n_probe: int, below: float = np.inf) -> list[Point]:
        """Points of ``n_probe`` lists that cost less than ``below``."""
        asked = parse_queries(self.held.queries, self.shard.dim, self.params.metric)
        n_read = self._n_read(asked, n_probe)
        lossless = self.shard.vectors.storage in ("float32", "uint8")
        costs = {
            factor: cost
            for factor in (K_FACTORS if lossless else _COARSE_FACTORS)
            if (cost := self._cost(n_probe, n_read, factor)) < below
        }
        found: list[Float64s] = []
        if not lossless:
            found = [self.served(Effort(n_probe=n_probe, k_factor=factor)) for factor in costs]
        else:
            for factors in (list(costs)[:_FEW_FACTORS], list(costs)):
                means = [mean_share(of_each) for of_each in found]
                gained = len(means) < 2 or means[-1][0] - means[-2][0] >= SETTLED
                if len(factors) > len(found) and gained and all(m - e < self.params.recall for m, e in means):
                    found = self._shares(asked, n_probe, factors)
        points = []
        for (factor, cost), of_each in zip(costs.items(), found, strict=False):
            recall, error = mean_share(of_each)
            points.append(Point(n_probe=n_probe, k_factor=factor, recall=recall, error=error, cost=cost))
        return points

    def served(self, effort: Effort) -> Float64s:
        """Recall of each query as `ANNIndex.search` answers it."""
        held, metric = self.held, self.params.metric
        asked = parse_queries(held.queries, self.shard.dim, metric)
        left_out: Int64s = np.zeros((len(asked), 0), np.int64) if held.exclude is None else held.exclude[:, None]
        rows, _ = search_shards([self.shard], asked, held.k, effort, left_out, self.params)
        return shares(exact_values(self.vectors, held.queries, rows, metric=metric), held.true_kth, metric)

    def _n_read(self, asked: Float32s, n_probe: int) -> float:
        """Vectors in the lists that a query reads, mean over some of the queries."""
        _, numbers, _ = self.lists.nearest(asked[:_COUNTED], n_probe)
        return float(self.lists.sizes[numbers].sum(axis=1).mean()) if len(numbers) else 0.0

    def _cost(self, n_probe: int, n_read: float, k_factor: int) -> float:
        """Counted microseconds, rounded to tenths; lists of more rows are longer."""
        shard, form, n = self.shard, self.lists.form, len(self.shard.ids)
        if self.n_whole != n:
            whole = form_of(shard.kind, self.n_whole, shard.dim, self.params) or form
            n_read *= self.n_whole / whole.n_lists * form.n_lists / max(1, n)
            form = whole
        work = list_cost(
            form,
            shard.dim,
            shard.vectors.storage,
            self.n_whole,
            n_probe=n_probe,
            n_read=n_read,
            n_rescored=min(K * k_factor, n),
        )
        return round(work / 1000, 1)

    def _shares(self, asked: Float32s, n_probe: int, factors: Sequence[int]) -> list[Float64s]:
        """Recall of each query at each of ``factors``; for stores that lose nothing, whose values are the exact ones.

        A query's own row is taken out of the candidates first, as one that is no row would have found none.
        """
        if len(asked) == 0:
            return [np.zeros(0) for _ in factors]
        shard, held = self.shard, self.held
        n = min(held.k * factors[-1] + (held.exclude is not None), len(shard.ids))
        with faiss_threads(1):
            positions = self.lists.propose(asked, n, n_probe)
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
        n_own = np.zeros(positions.shape, dtype=np.int64)
        if held.exclude is not None:
            is_own = positions == np.searchsorted(shard.ids, held.exclude)[:, None]
            counts -= is_own & is_right
            n_own = np.cumsum(is_own, axis=1)
        right = np.cumsum(counts, axis=1)
        query, found = np.arange(len(asked)), []
        for factor in factors:
            end = min(held.k * factor, n) - 1
            found.append(np.minimum(right[query, np.minimum(end + n_own[:, end], n - 1)], held.k) / held.k)
        return found


def sweep(trial: Trial, *, least_probe: int = 1, at_most: float = np.inf) -> list[Point]:
    """Points of the grid, as far as they can be cheaper than the cheapest that reached ``params.recall``.

    Those of fewer lists than ``least_probe``, or of ``at_most`` counted microseconds and more, are left out.
    """
    points: list[Point] = []
    reached, highest, asked = at_most, -1.0, trial.params.recall
    for n_probe in trial.probes:
        if n_probe < min(least_probe, trial.probes[-1]):
            continue
        found = trial.points(n_probe, reached)
        if not found:
            break
        points += found
        reached = min([reached, *(point.cost for point in found if point.recall - point.error >= asked)])
        top = max(point.recall for point in found)
        if top - highest < SETTLED and reached >= at_most:
            break
        highest = max(highest, top)
    return points


def tried_form(trial: Trial, points: Sequence[Point]) -> Tried:
    """What `Measured` keeps of the points: those that none beats in both recall and cost."""
    best: list[tuple[int, int, float, float]] = []
    for point in sorted(points, key=lambda point: (point.cost, -point.recall)):
        if not best or point.recall > best[-1][2]:
            best.append((point.n_probe, point.k_factor, point.recall, point.cost))
    shard, form = trial.shard, trial.lists.form
    return Tried(
        kind=shard.kind,
        storage=shard.vectors.storage,
        n_rows=shard.n_rows,
        n_bytes=shard.n_bytes,
        n_lists=form.n_lists,
        n_columns=form.n_columns,
        points=tuple(best),
    )
