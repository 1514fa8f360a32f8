"""Answers of a service as typed values; what an `Engine` in this process gives as dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, final

Id = str | int


@final
@dataclass(frozen=True, slots=True)
class Hit:
    """A node or document; ``fields`` are those the corpus keeps for it, and what a question adds."""

    id: Id
    score: float
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One list of hits per query, best first, all from one version of an index."""

    index: str
    version: str
    results: Sequence[Sequence[Hit]]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking(Answer):
    """Per query a bound on the L1 error and the share of the walks that was left to the index; notes for people."""

    error_bound: Sequence[float]
    residual: Sequence[float]
    notes: Sequence[str]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Community(Answer):
    """One list; how well it is separated, and the seeds that have no neighbours."""

    notes: Sequence[str]
    conductance: float
    density: float
    isolated: Sequence[Id]
    heat_lost: float


@final
@dataclass(frozen=True, slots=True)
class Step:
    """A community on the way to larger ones; ``density`` is None for one that was found, not merged."""

    label: int
    size: int
    density: float | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Labels(Answer):
    """One hit per id, with ``label`` and ``size`` among its fields, and what its community is part of."""

    paths: Sequence[Sequence[Step]]
    n_communities: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Members(Answer):
    """One list of ``size`` members in all, and what the community is part of."""

    size: int
    path: Sequence[Step]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Related(Answer):
    """One list, and the weights of the signals that took part."""

    signals: Mapping[str, float]


_Answer = TypeVar("_Answer", bound=Answer)


def answer_of(kind: type[_Answer], document: Mapping[str, Any]) -> _Answer:
    """The typed answer that a service's JSON is; fields that a newer service adds are left out."""
    known = {name: document[name] for name in _names(kind) if name in document}
    known["results"] = [[_hit(hit) for hit in hits] for hits in document["results"]]
    if "paths" in known:
        known["paths"] = [[_step(step) for step in path] for path in known["paths"]]
    if "path" in known:
        known["path"] = [_step(step) for step in known["path"]]
    return kind(**known)


def ids_of(document: Mapping[str, Any]) -> list[Hit]:
    """The nodes of a look-up by prefix, which have no scores."""
    return [_hit({"score": 0.0, **hit}) for hit in document["results"][0]]


def _names(kind: type[Answer]) -> list[str]:
    return list(kind.__dataclass_fields__)


def _hit(hit: Mapping[str, Any]) -> Hit:
    return Hit(hit["id"], hit["score"], {name: value for name, value in hit.items() if name not in ("id", "score")})


def _step(step: Mapping[str, Any]) -> Step:
    return Step(step["label"], step["size"], step["density"])
