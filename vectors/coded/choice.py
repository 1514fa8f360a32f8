"""The choice of an index for encodings: what finds the asked share of exact MaxSim's best with the least work.

Every form that fits the memory is a way to get candidates, and MaxSim puts them in order; so a form is worth what
both cost together at the number of candidates it needs. Forms are built in the order of the least they can cost, and
one that costs more for its candidates alone than another for everything is not built, nor are lists where a scan takes
less than 20 ms. Work is counted
(`vectors.coded.cost`), so equal input gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.errors import TargetMissed
from vectors.ann.index import ANNIndex, ANNParams
from vectors.coded.cost import scan_cost
from vectors.coded.index import CodedIndex
from vectors.coded.params import CodedParams, Form, forms
from vectors.evaluation import reranked_recall
from vectors.spann.index import SpannIndex

Candidates = ANNIndex | CodedIndex | SpannIndex
"""What a retriever takes candidates from."""

Score = Callable[[npt.NDArray[np.int64]], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]]
"""Exact scores of candidates, -inf for pads, and those they are ranked by if others are; all (n_queries, n)."""

N_PROBES: Final = (4, 8, 16, 32, 64, 128, 256, 512)
_SHORT_SCAN: Final = 20e6  # nanoseconds
_ENOUGH: Final = 0.0005  # recall that twice as many lists must add, or the codes are what limits it


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A form that was built. ``points``: (n_probe, candidates, recall@10 of exact MaxSim, counted microseconds)."""

    kind: str
    storage: str
    n_rows: int
    n_bytes: int
    n_lists: int
    points: tuple[tuple[int, int, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was taken and everything that was measured; holds no times, so it is the same on every run.

    ``recall`` is that of exact MaxSim's top 10 by held-out queries, with ``n_candidates`` scored again; ``cost`` is in
    counted microseconds of a query, MaxSim included.
    """

    kind: str
    storage: str
    reason: str
    n_rows: int
    dim: int
    n_bytes: int
    asked: float
    recall: float
    n_queries: int
    n_candidates: int
    n_probe: int
    cost: float
    tried: tuple[Tried, ...]

    def described(self) -> dict[str, Any]:
        """For a manifest."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of a choice.

    Attributes
    ----------
    recall : share of exact MaxSim's top 10
    ladder : numbers of candidates to try, ascending
    rerank_cost : nanoseconds of MaxSim for a candidate (`vectors.coded.cost.rerank_cost`)
    allow_missed : take what finds most if nothing finds enough
    """

    recall: float
    ladder: tuple[int, ...]
    rerank_cost: float
    allow_missed: bool = False


@dataclass(frozen=True, slots=True)
class _Best:
    """The best so far: by cost among those that reach the recall, by recall among those that do not."""

    index: Candidates
    form: Form
    point: tuple[int, int, float, float]


def choose_index(
    encodings: npt.NDArray[Any],
    queries: npt.NDArray[np.float32],
    true_kth: npt.NDArray[np.float32],
    score: Score,
    params: CodedParams,
    wanted: Wanted,
) -> tuple[Candidates, Chosen]:
    """Build and measure what reaches ``wanted.recall`` with the least work.

    Parameters
    ----------
    encodings : float (n, dim), may be memory-mapped
    queries : float32 (n_queries, dim), encodings of held-out queries
    true_kth : float32 (n_queries,), score of each one's tenth document by exact MaxSim (of the last, if fewer)
    score : exact MaxSim of candidates

    Raises
    ------
    InvalidParams
        When nothing fits into ``params.memory``.
    TargetMissed
        When nothing reaches the recall, unless ``wanted.allow_missed``; names what came closest.
    """
    n, dim = encodings.shape
    allowed = _worth_building(forms(n, dim, params), params)
    tried: list[Tried] = []
    reached: _Best | None = None
    missed: _Best | None = None
    for form in sorted(allowed, key=_least):
        if reached is not None and _least(form) / 1000 >= reached.point[3]:
            continue
        index = _built(encodings, form, params.seed)
        points = _points(index, form, queries, true_kth, score, wanted, min(10, n))
        tried.append(_tried(form, points))
        enough = [point for point in points if point[2] >= wanted.recall]
        if enough:
            best = min(enough, key=lambda point: point[3])
            if reached is None or best[3] < reached.point[3]:
                reached = _Best(index, form, best)
        elif points:
            most = max(points, key=lambda point: (point[2], -point[3]))
            if missed is None or most[2] > missed.point[2]:
                missed = _Best(index, form, most)
    taken = reached or missed or _Best(_built(encodings, allowed[0], params.seed), allowed[0], (0, 0, 1.0, 0.0))
    if reached is None and missed is not None and not wanted.allow_missed:
        name = f"{taken.form.kind} of {taken.form.storage} with {taken.point[1]} candidates"
        raise TargetMissed(target="recall", asked=wanted.recall, best=taken.point[2], candidate=name)
    n_probe, n_candidates, recall, cost = taken.point
    index = taken.index.with_probes(n_probe) if isinstance(taken.index, CodedIndex) and n_probe else taken.index
    asked_for = "asked for" if params.kind != "auto" else f"auto: the least counted work of {len(allowed)} forms"
    return index, Chosen(
        kind=taken.form.kind,
        storage=taken.form.storage,
        reason=asked_for,
        n_rows=n,
        dim=dim,
        n_bytes=taken.form.n_bytes,
        asked=wanted.recall,
        recall=recall,
        n_queries=len(queries),
        n_candidates=n_candidates,
        n_probe=n_probe,
        cost=cost,
        tried=tuple(tried),
    )


def _worth_building(fitting: Sequence[Form], params: CodedParams) -> list[Form]:
    """All but lists where a scan is short: to learn them takes longer than to build everything else."""
    shortest = min((scan_cost(form) for form in fitting if form.kind != "ivfpq"), default=np.inf)
    listed = params.kind != "auto" or shortest > _SHORT_SCAN
    return [form for form in fitting if listed or form.kind != "ivfpq"]


def _least(form: Form) -> float:
    """The least its candidates can cost, in nanoseconds."""
    return scan_cost(form, 1, form.n / max(1, form.n_lists))


def _built(encodings: npt.NDArray[Any], form: Form, seed: int) -> Candidates:
    if form.kind != "flat":
        return CodedIndex.of(encodings, form, seed)
    return ANNIndex.build(encodings, scan_params(form.storage, seed))


def scan_params(storage: Any, seed: int) -> ANNParams:
    """Of a plain scan; what it finds is judged by MaxSim, so its own recall need not be reached."""
    return ANNParams(metric="inner_product", kind="flat", storage=storage, seed=seed, allow_missed=True)


def _points(
    index: Candidates,
    form: Form,
    queries: npt.NDArray[np.float32],
    true_kth: npt.NDArray[np.float32],
    score: Score,
    wanted: Wanted,
    k: int,
) -> list[tuple[int, int, float, float]]:
    """Of every number of lists, and of candidates."""
    if len(queries) == 0:
        return []
    points: list[tuple[int, int, float, float]] = []
    highest, reached = -1.0, np.inf
    probes = sorted({min(n_probe, form.n_lists) for n_probe in N_PROBES}) if form.n_lists else [0]
    for n_probe in probes:
        asked = index.with_probes(n_probe) if isinstance(index, CodedIndex) and n_probe else index
        n_read = asked.n_read(queries, n_probe) if isinstance(asked, CodedIndex) and n_probe else 0.0
        scan = scan_cost(form, n_probe, n_read)
        if scan / 1000 >= reached:
            break
        scores, ranking = score(asked.candidates(queries, wanted.ladder[-1])[0])
        recalls = [reranked_recall(scores, ranking, n, true_kth, k) for n in wanted.ladder]
        for n_candidates, recall in zip(wanted.ladder, recalls, strict=True):
            cost = round((scan + n_candidates * wanted.rerank_cost) / 1000, 1)
            points.append((n_probe, n_candidates, round(recall, 4), cost))
            if recall >= wanted.recall:
                reached = min(reached, cost)
        if recalls[-1] - highest < _ENOUGH and not np.isfinite(reached):
            break
        highest = max(highest, recalls[-1])
    return points


def _tried(form: Form, points: Sequence[tuple[int, int, float, float]]) -> Tried:
    """With the points that no other beats in both recall and cost, cheapest first."""
    best: list[tuple[int, int, float, float]] = []
    for point in sorted(points, key=lambda point: (point[3], -point[2])):
        if not best or point[2] > best[-1][2]:
            best.append(point)
    return Tried(
        kind=form.kind,
        storage=form.storage,
        n_rows=form.n,
        n_bytes=form.n_bytes,
        n_lists=form.n_lists,
        points=tuple(best),
    )


def ladder_to(most: int, ladder: Sequence[int]) -> tuple[int, ...]:
    """Numbers of candidates up to ``most``, which ends them."""
    return (*(n for n in ladder if n < most), most)
