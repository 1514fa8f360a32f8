"""Which index to keep: hubs, walks, both or neither, measured on sources that were held out.

Everything is built once, as large as the space allows; a candidate is a part of it with a query effort. The cheapest
candidate that meets the targets is kept, by work counted and not by the clock, so that the choice is the same anywhere.
After a few sources those that have no prospect of being it are dropped: most of the work is theirs.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import TargetMissed
from graph.csr import CSRGraph
from graph.powerwalk.candidates import (
    Candidate,
    Material,
    candidates,
    entries_of,
    hubs_of,
    sized,
    unmeasured,
    wants_walks,
)
from graph.powerwalk.fingerprints import fingerprints
from graph.powerwalk.hubs import hub_vectors
from graph.powerwalk.index import PowerWalkIndex
from graph.powerwalk.layout import Layout
from graph.powerwalk.measure import HELD_OUT, Quality, held_out, mean, measure
from graph.powerwalk.params import PowerWalkParams
from graph.ppr import ExactPPR, PPRParams

AIM = {"precision": 0.97, "rag": 0.999}  # where nothing was asked for; missing it is no error
TRIED = 10  # sources after which the hopeless are dropped
_SAFE = 0.5  # of what may be missed: a candidate that misses no more on those sources will meet the targets on all
_SLOWER = 4.0  # times the work of a safe one is too much; what lies between is there in case that was luck
_BEHIND = 2.0  # times what another misses with less work, in everything that is asked
_TRUTH_TOL = 1e-8
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A candidate, its bytes per node, its quality over ``n_sources``; ``kept`` on the one that was chosen."""

    candidate: Candidate
    index_bytes: float
    quality: Quality
    n_sources: int
    kept: bool = False

    def row(self) -> dict[str, Any]:
        """For a manifest."""
        return {
            **dataclasses.asdict(self.candidate),
            "index_bytes": round(self.index_bytes, 1),
            **self.quality.rounded(),
            "n_sources": self.n_sources,
            "kept": self.kept,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Built:
    """The index that was kept, and all that were measured; nothing where no source reaches 100 nodes."""

    index: PowerWalkIndex
    frontier: list[Measured]


def build(graph: CSRGraph, params: PowerWalkParams, *, n_threads: int = 1) -> Built:
    """Build, measure and choose in this process; the bytes do not depend on ``n_threads``.

    Raises
    ------
    TargetMissed
        When targets were asked for, no candidate meets them, and ``params.miss`` is ``"refuse"``.
    """
    material = prepare(graph, params, n_threads=n_threads)
    sources = [source for source, _ in zip(held_out(graph, params.seed), range(HELD_OUT), strict=False)]
    frontier = measure_all(material, exact(graph, sources, params, n_threads))
    return Built(index=material.kept(choose(frontier, material)), frontier=marked(frontier, material))


def prepare(graph: CSRGraph, params: PowerWalkParams, *, n_threads: int = 1) -> Material:
    """All that candidates are made of."""
    layout = Layout.of(graph, params.damping)
    params = sized(layout, params)
    chosen = hubs_of(layout, params)
    hubs, prints = None, None
    if chosen.size:
        hubs = hub_vectors(
            layout, chosen, damping=params.damping, rmax=params.hub_rmax, n_sweeps=params.hub_sweeps,
            max_entries=entries_of(layout, chosen.size, params), n_threads=n_threads,
        )  # fmt: skip
    if wants_walks(params):
        prints = fingerprints(graph, params, n_threads=n_threads)
    return Material(graph=graph, params=params, layout=layout, hubs=hubs, fingerprints=prints)


def exact(
    graph: CSRGraph, sources: Sequence[int], params: PowerWalkParams, n_threads: int = 1
) -> Iterator[tuple[int, Float64s]]:
    """What candidates are measured against: each source, and the exact score of every node."""
    asked = PPRParams(damping=params.damping, tol=_TRUTH_TOL, max_iter=100_000)
    for first, ranks in ExactPPR.of(graph).blocks(sources, asked, n_threads) if sources else ():
        yield from zip(sources[first:], ranks, strict=False)


def measure_all(material: Material, truths: Iterable[tuple[int, Float64s]], *, drop: bool = True) -> list[Measured]:
    """Every candidate on every source, or, with ``drop``, on the first `TRIED` those that are not `promising` then.

    Empty without sources. ``truths`` are read one at a time.
    """
    asked = list(candidates(material))
    indexes: dict[tuple[int, int, bool, bool], PowerWalkIndex] = {}
    qualities: list[list[Quality]] = [[] for _ in asked]
    going = list(range(len(asked)))
    for n_measured, (source, truth) in enumerate(truths):
        if drop and n_measured == TRIED:
            going = promising(means(material, qualities), material)
            indexes.clear()
        for place in going:
            candidate = asked[place]
            if candidate.parts not in indexes:
                indexes[candidate.parts] = material.index(candidate)
            qualities[place] += measure(indexes[candidate.parts], candidate.effort, [source], truth[None])
    return means(material, qualities)


def means(material: Material, qualities: Sequence[Sequence[Quality]]) -> list[Measured]:
    """Of every candidate over the sources it was measured on; empty if that were none."""
    return [
        Measured(
            candidate=candidate, index_bytes=material.bytes_per_node(candidate), quality=mean(found),
            n_sources=len(found),
        )
        for candidate, found in zip(candidates(material), qualities, strict=True)
        if found
    ]  # fmt: skip


def promising(tried: Sequence[Measured], material: Material) -> list[int]:
    """Places of those that may turn out to be the cheapest that meets the targets, or to come closest.

    Dropped is what does not fit, what takes far more work than one that is at the targets with a margin, and what
    misses far more than one with less work, in everything that is asked.
    """
    targets = targets_of(material.params)
    fitting = _fitting(tried, material.params)
    missed = {id(one): [_missed(one.quality, name) for name in targets] for one in fitting}
    allowed = [_SAFE * (target if name == "l1" else 1.0 - target) for name, target in targets.items()]
    safe = [one for one in fitting if all(here <= most for here, most in zip(missed[id(one)], allowed, strict=True))]
    most_work = _SLOWER * min((one.quality.work for one in safe), default=math.inf)

    def behind(one: Measured, other: Measured) -> bool:
        pairs = zip(missed[id(one)], missed[id(other)], strict=True)
        return other.quality.work < one.quality.work and all(here > _BEHIND * there for here, there in pairs)

    return [
        place
        for place, one in enumerate(tried)
        if id(one) in missed and one.quality.work <= most_work and not any(behind(one, other) for other in fitting)
    ]


def targets_of(params: PowerWalkParams) -> dict[str, float]:
    """What was asked for, else what is aimed at."""
    asked = {name: value for name in ("precision", "rag", "l1") if (value := getattr(params, name)) is not None}
    return asked or AIM


def _fitting(frontier: Sequence[Measured], params: PowerWalkParams) -> list[Measured]:
    """Those within the space, or the smallest if none is."""
    space = max(params.index_bytes, min(one.index_bytes for one in frontier))
    return [one for one in frontier if one.index_bytes <= space]


def _missed(quality: Quality, name: str) -> float:
    value: float = getattr(quality, name)
    return value if name == "l1" else 1.0 - value


def choose(frontier: Sequence[Measured], material: Material) -> Candidate:
    """The least work that meets the targets within the space; else what comes closest, if that is allowed.

    Of those that were measured on all sources.
    """
    params, targets = material.params, targets_of(material.params)
    if not frontier:
        return unmeasured(material)
    n_sources = max(one.n_sources for one in frontier)
    fitting = [one for one in _fitting(frontier, params) if one.n_sources == n_sources]
    asked = {} if targets is AIM else targets
    meeting = [one for one in fitting if shortfall(one.quality, targets) == 0]
    if meeting:
        return min(meeting, key=lambda one: (one.quality.work, one.index_bytes)).candidate
    best = min(fitting, key=lambda one: (shortfall(one.quality, targets), one.quality.work))
    if asked and params.miss == "refuse":
        target = max(asked, key=lambda name: shortfall(best.quality, {name: asked[name]}))
        raise TargetMissed(
            target=f"{target} of powerwalk", asked=asked[target], best=getattr(best.quality, target),
            candidate=str(best.candidate),
        )  # fmt: skip
    return best.candidate


def shortfall(quality: Quality, targets: dict[str, float]) -> float:
    """By how much the targets are missed, each in proportion to what is left to perfection; 0 when all are met."""
    missed = 0.0
    for name, target in targets.items():
        value = getattr(quality, name)
        if name == "l1":
            missed += max(0.0, value / target - 1.0)
        else:
            missed += max(0.0, target - value) / max(1.0 - target, 1e-6)
    return missed


def marked(frontier: Sequence[Measured], material: Material) -> list[Measured]:
    """With the one that `choose` keeps marked."""
    if not frontier:
        return []
    kept = choose(frontier, material)
    return [dataclasses.replace(one, kept=one.candidate == kept) for one in frontier]
