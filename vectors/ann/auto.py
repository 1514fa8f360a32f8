"""The choice of a form: every family on a sample, the best two in full, the cheapest that reaches the targets.

Families are compared on a tenth of the rows with 300 of them as queries; what must count half as much again as the best
is dropped before it is built. The best is built in full and tuned with 2,000 rows as queries, and the second too where
it came close; where neither reaches the recall the next ones follow, and a scan at the end. Cost is counted
(`vectors.ann.cost`), so equal vectors and params give equal bytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.errors import TargetMissed
from vectors.ann.build import DistinctRows, build_shards, distinct_rows, index_rows
from vectors.ann.cost import scan_cost
from vectors.ann.families import (
    SAMPLE_QUERIES,
    Candidate,
    Projections,
    Sample,
    candidates,
    least_cost,
    least_lists,
    walked,
    walks_cost,
)
from vectors.ann.forms import LISTED
from vectors.ann.measure import measure
from vectors.ann.params import ANNParams, form_of, plan
from vectors.ann.shard import Shard
from vectors.ann.tuning import N_QUERIES, TARGET, HeldOut, Measured, Tried, held_out
from vectors.metrics import parse_queries

_CLOSE: Final = 1.2  # times the work of the best on the sample: sampling and prices may have changed their order
_IN_FULL: Final = 2


def choose(
    vectors: npt.NDArray[Any],
    params: ANNParams,
    *,
    heldout: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> tuple[list[Shard], Measured]:
    """Build and measure what reaches the targets of ``params`` with the least work.

    Raises
    ------
    InvalidParams
        When nothing fits into ``params.memory``.
    TargetMissed
        When nothing reaches ``params.recall`` within ``params.latency``, unless ``params.allow_missed``; names the
        best.
    """
    n, dim = vectors.shape
    plan(n, dim, params)  # refuses a memory that nothing fits
    rows = distinct_rows(vectors, params.metric, 0, n)
    forms = candidates(n, dim, params)
    learned = Projections(rows.rows, params)
    asked = None if heldout is None else parse_queries(heldout, dim, params.metric)
    given = None if asked is None else asked[:SAMPLE_QUERIES]
    families = [candidate for candidate in forms if candidate.kind != "flat"]
    order = _ranked(Sample(rows, params, learned, given).compared(families) if families else [], params)
    tried = [family for family, _ in order]
    held = None
    best: tuple[list[Shard], Measured] | None = None
    missed: list[tuple[list[Shard], Measured]] = []
    for nth, (family, behind) in enumerate(order):
        if best is not None and (nth >= _IN_FULL or behind > _CLOSE):
            break
        candidate = _candidate(family, forms, dim, params)
        if best is not None and _least(candidate, rows, params, best[1]) >= _cost(best[1]):
            break
        shards = _built(candidate, vectors, rows, params, learned, n_threads)
        if held is None and family.kind in LISTED:  # the same for all lists
            held = held_out(vectors, rows.ids, params, N_QUERIES[family.kind], asked, n_threads=n_threads)
        known = held if family.kind in LISTED else None
        fewest = _fewest_lists(family, params)
        measured = _measured(candidate, shards, vectors, params, heldout, n_threads, held=known, least_probe=fewest)
        tried += measured.tried
        if not _reaches(measured, params):
            missed.append((shards, measured))
        elif best is None or _cost(measured) < _cost(best[1]):
            best = (shards, measured)
    scan = next((candidate for candidate in forms if candidate.kind == "flat"), None)
    if scan is not None and (best is None or scan_cost(n, dim, scan.storage) / 1000 < _cost(best[1])):
        shards = _built(scan, vectors, rows, params, learned, n_threads)
        measured = _measured(scan, shards, vectors, params, heldout, n_threads)
        if _reaches(measured, params):
            best = (shards, measured)
        else:
            missed.append((shards, measured))
    if best is None:
        best = _best_missed(missed, params)
    shards, measured = best
    reason = f"auto: the least counted work of {len(forms)} forms"
    return shards, dataclasses.replace(measured, reason=reason, asked=params.recall, tried=tuple(tried))


def _ranked(tried: Sequence[Tried], params: ANNParams) -> list[tuple[Tried, float]]:
    """Families by their cheapest point that reaches the recall, with the factor they are behind the first.

    What reaches it nowhere comes last, the highest recall first.
    """
    costs = []
    for family in tried:
        enough = [cost for _, _, recall, cost in family.points if recall >= params.recall]
        highest = max((recall for _, _, recall, _ in family.points), default=0.0)
        costs.append((min(enough, default=np.inf), -highest))
    order = sorted(range(len(tried)), key=lambda nth: (*costs[nth], nth))
    least = min((cost for cost, _ in costs), default=np.inf)
    return [(tried[nth], costs[nth][0] / least if np.isfinite(least) else 1.0) for nth in order]


def _least(candidate: Candidate, rows: DistinctRows, params: ANNParams, best: Measured) -> float:
    n, dim = rows.rows.shape
    form, of_best = (form_of(kind, n, dim, params) for kind in (candidate.kind, best.kind))
    fewest = 1
    if form is not None and of_best is not None:
        fewest = least_lists(best.n_probe or 1, of_best.n_lists, form.n_lists)
    return least_cost(candidate, n, dim, params, fewest)


def _fewest_lists(family: Tried, params: ANNParams) -> int:
    """Half the lists that reached the recall on the sample: a whole has more of them, and needs no fewer."""
    enough = [(cost, n_probe) for n_probe, _, recall, cost in family.points if recall >= params.recall]
    return max(1, min(enough, default=(0.0, 1))[1] // 2)


def _candidate(family: Tried, forms: Sequence[Candidate], dim: int, params: ANNParams) -> Candidate:
    """The one that was tried so."""
    for candidate in forms:
        form = candidate.form(family.n_rows, dim, params)
        if candidate.kind == family.kind and (form is None or form.n_columns == family.n_columns):
            return candidate
    raise AssertionError(f"{family.kind} of {family.n_columns} columns was never a candidate")


def _built(
    candidate: Candidate,
    vectors: npt.NDArray[Any],
    rows: DistinctRows,
    params: ANNParams,
    learned: Projections,
    n_threads: int,
) -> list[Shard]:
    own = candidate.params(params)
    form = form_of(candidate.kind, len(rows.rows), rows.rows.shape[1], own)
    if form is None:
        return [Shard.from_built(built) for built in build_shards(vectors, own, n_threads=n_threads)]
    built = index_rows(rows, candidate.kind, candidate.storage, own, matrix=learned.of(form))
    return [Shard.from_built(built)]


def _measured(
    candidate: Candidate,
    shards: list[Shard],
    vectors: npt.NDArray[Any],
    params: ANNParams,
    heldout: npt.ArrayLike | None,
    n_threads: int,
    *,
    held: HeldOut | None = None,
    least_probe: int = 1,
) -> Measured:
    """As `measure`, with a cost for every kind, and without failing."""
    own = dataclasses.replace(candidate.params(params), allow_missed=True)
    measured = measure(shards, vectors, own, heldout=heldout, held=held, least_probe=least_probe, n_threads=n_threads)
    if measured.cost is not None:
        return measured
    if measured.ef_search is not None:
        sizes = [len(shard.ids) for shard in shards]
        cost = walks_cost(shards[0], sizes, measured.ef_search)
        return dataclasses.replace(measured, cost=cost, tried=(walked(shards[0], sizes, measured),))
    work = scan_cost(measured.n_distinct, measured.dim, measured.storage)
    return dataclasses.replace(measured, cost=round(work / 1000, 1))


def _cost(measured: Measured) -> float:
    return np.inf if measured.cost is None else measured.cost


def _reaches(measured: Measured, params: ANNParams) -> bool:
    quick = params.latency is None or _cost(measured) <= params.latency
    return quick and measured.recall - measured.standard_error >= params.recall


def _best_missed(missed: list[tuple[list[Shard], Measured]], params: ANNParams) -> tuple[list[Shard], Measured]:
    """The highest recall within the latency; when nothing is as quick as that, the quickest."""
    quick = [each for each in missed if params.latency is None or _cost(each[1]) <= params.latency]
    if quick:
        best = max(quick, key=lambda each: each[1].recall - each[1].standard_error)
    else:
        best = min(missed, key=lambda each: _cost(each[1]))
    if params.allow_missed:
        return best
    measured = best[1]
    name = f"{measured.kind} of {measured.storage}"
    if not quick and params.latency is not None:
        raise TargetMissed(
            target="counted microseconds a query", asked=params.latency, best=_cost(measured), candidate=name
        )
    raise TargetMissed(
        target=TARGET,
        asked=params.recall,
        best=measured.recall - measured.standard_error,
        candidate=name,
    )
