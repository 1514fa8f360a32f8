"""How many lists to read, and how many vectors to score again: the cheapest pair that reaches a recall.

Some of the queries are asked over a whole grid of pairs (`vectors.ann.sweeping`). Around the cheapest that reaches the
recall with them all queries are asked, and numbers of lists between two of the grid are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.errors import TargetMissed
from vectors.ann.effort import Effort
from vectors.ann.params import ANNParams
from vectors.ann.shard import Shard
from vectors.ann.sweeping import SETTLED, Point, Trial, sweep, tried_form
from vectors.ann.tuning import TARGET, HeldOut, Tried, Tuned, mean_share

_FEW_QUERIES: Final = 500  # that the grid is swept with
_DEARER: Final = 1.3  # how much more than with those a pair may cost that reaches the recall with all
_CLOSER: Final = 2  # numbers of lists tried between two of the grid


def find_probes(
    shard: Shard, vectors: npt.NDArray[Any], held: HeldOut, params: ANNParams, *, least_probe: int = 1
) -> Tuned:
    """The cheapest pair whose recall@10, less its standard error, reaches ``params.recall``.

    Fewer lists than ``least_probe`` are not tried in the grid.

    Raises
    ------
    TargetMissed
        When no pair does, unless ``params.allow_missed``; carries the best recall seen.
    """
    trial = Trial(shard=shard, vectors=vectors, held=held, params=params, n_whole=len(shard.ids))
    coarse = sweep(trial.asking(_FEW_QUERIES), least_probe=least_probe)
    points = around(trial, coarse)
    pairs = {(point.n_probe, point.k_factor) for point in points}
    left = [point for point in coarse if (point.n_probe, point.k_factor) not in pairs]
    tried = tried_form(trial, points + left)
    # Packed codes keep a little other candidates when asked for fewer: what is promised is measured as it is served.
    for point in sorted(_enough(points, params), key=_cheapest):
        recall, error = _promised(trial, point)
        if recall - error >= params.recall:
            return _tuned(point, recall, error, held, tried)
    best = max(points, key=lambda point: point.recall)
    recall, error = _promised(trial, best)
    if params.allow_missed:
        return _tuned(best, recall, error, held, tried)
    where = f"{shard.kind} of {shard.vectors.storage} at n_probe = {best.n_probe}, k_factor = {best.k_factor}"
    raise TargetMissed(target=TARGET, asked=params.recall, best=recall - error, candidate=where)


def around(trial: Trial, coarse: Sequence[Point]) -> list[Point]:
    """Points of all queries, about the cheapest of ``coarse`` that reaches the recall."""
    params, probes = trial.params, trial.probes
    enough = _enough(coarse, params)
    start = min(enough, key=_cheapest) if enough else max(coarse, key=lambda point: point.recall)
    at = probes.index(start.n_probe)
    found = trial.points(start.n_probe, _DEARER * start.cost if enough else np.inf)
    while not _enough(found, params) and at + 1 < len(probes):
        highest = max((point.recall for point in found), default=0.0)
        at += 1
        found += trial.points(probes[at])
        if not enough and max(point.recall for point in found) - highest < SETTLED:
            break
    enough = _enough(found, params)
    while enough and at > 0:
        at -= 1
        fewer = trial.points(probes[at], min(enough, key=_cheapest).cost)
        found += fewer
        if not _enough(fewer, params):
            break
    return found + closer(trial, found)


def closer(trial: Trial, points: Sequence[Point]) -> list[Point]:
    """Points between the cheapest that reaches the recall and the numbers of lists beside it in the grid.

    Fewer lists are less to read; more lists may reach it with fewer vectors scored again.
    """
    enough, probes = _enough(points, trial.params), trial.probes
    if not enough:
        return []
    best = min(enough, key=_cheapest)
    at = probes.index(best.n_probe)
    low, high, found = probes[at - 1] if at else 0, best.n_probe, []
    for _ in range(_CLOSER):
        middle = (low + high) // 2
        if low == 0 or middle == low:
            break
        tried = trial.points(middle, best.cost)
        enough = _enough(tried, trial.params)
        best = min([best, *enough], key=_cheapest)
        low, high = (low, middle) if enough else (middle, high)
        found += tried
    if at + 1 < len(probes):
        beyond = (probes[at] + probes[at + 1]) // 2
        found += trial.points(beyond, best.cost) if beyond > probes[at] else []
    return found


def _enough(points: Sequence[Point], params: ANNParams) -> list[Point]:
    return [point for point in points if point.recall - point.error >= params.recall]


def _cheapest(point: Point) -> float:
    return point.cost


def _promised(trial: Trial, point: Point) -> tuple[float, float]:
    """Recall and its standard error, as searches are served."""
    return mean_share(trial.served(Effort(n_probe=point.n_probe, k_factor=point.k_factor)))


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
