"""Points of an index at equal recall: what a query reads, and how long it takes in CPU seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from benchmarks.spann_sets import Case
from vectors.ann.exact import exact_values

TARGETS = (0.90, 0.95, 0.97, 0.98, 0.99)
_LONG = 1.0  # seconds: a run this long is not repeated


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    setting: str
    recall: float
    per_second: float
    vectors: float
    pages: float


class Curve:
    """All points of one index over a case."""

    def __init__(self, name: str, case: Case) -> None:
        self.name, self.case = name, case
        self.points: list[Point] = []

    def add(self, setting: str, search: Callable[[], npt.NDArray[np.int64]], vectors: float, pages: float) -> float:
        """Search once for the recall and to fill caches, then for the time; returns the recall."""
        case = self.case
        found = search()
        values = exact_values(case.vectors, case.queries, found, metric="l2")
        recall = float((values <= case.true_kth[:, None]).mean())
        seconds = quickest(search) / len(case.queries)
        self.points.append(Point(setting=setting, recall=recall, per_second=1 / seconds, vectors=vectors, pages=pages))
        return recall

    def at(self, target: float) -> Point | None:
        """The quickest point that reaches ``target``."""
        met = [point for point in self.points if point.recall >= target]
        return max(met, key=lambda point: point.per_second, default=None)

    def rows(self) -> list[dict[str, object]]:
        """For `benchmarks.bench.print_table`."""
        return [
            {
                "index": self.name,
                "setting": point.setting,
                "recall@10": f"{point.recall:.4f}",
                "queries/CPU-s": round(point.per_second),
                "vectors read": round(point.vectors),
                "% of all": round(100 * point.vectors / len(self.case.vectors), 2),
                "pages": round(point.pages),
            }
            for point in self.points
        ]


def cpu_seconds(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    made = work()
    return made, time.process_time() - start


def quickest(work: Callable[[], Any], repeats: int = 3) -> float:
    """Least CPU seconds of some runs, one if it is long."""
    least = cpu_seconds(work)[1]
    for _ in range(repeats - 1):
        if least < _LONG:
            least = min(least, cpu_seconds(work)[1])
    return least


def multiples(curves: Sequence[Curve], n_own: int) -> list[dict[str, object]]:
    """The quickest point of every curve at each recall, beside the best of the first ``n_own`` curves."""
    table: list[dict[str, object]] = []
    for target in TARGETS:
        found = (curve.at(target) for curve in curves[:n_own])
        own = max((point for point in found if point is not None), key=lambda point: point.per_second, default=None)
        for curve in curves:
            point = curve.at(target)
            if own is None or point is None:
                continue
            table.append(
                {
                    "recall@10 ≥": target,
                    "index": curve.name,
                    "setting": point.setting,
                    "recall@10": f"{point.recall:.4f}",
                    "queries/CPU-s": round(point.per_second),
                    "% of all": round(100 * point.vectors / len(curve.case.vectors), 2),
                    "pages": round(point.pages),
                    "SPANN ×": round(own.per_second / point.per_second, 2),
                    "pages ÷": round(point.pages / own.pages, 2),
                }
            )
    return table
