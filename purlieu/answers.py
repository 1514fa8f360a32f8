"""Answers of a service as typed values; what an `Engine` in this process gives as dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """One hit per id, with ``label`` and ``size`` among its fields, and what its community is part of.

    ``n_communities`` were found, ``n_left`` are left after merging; ``notes`` are for people.
    """

    paths: Sequence[Sequence[Step]]
    n_communities: int
    n_left: int
    notes: Sequence[str]


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


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Answer):
    """Documents, and how many could be found; asked to explain, hits have ``why`` among their fields."""

    searched: int


@final
@dataclass(frozen=True, slots=True)
class Link:
    """A link between two hits, by their places in the list."""

    source: int
    target: int
    weight: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood(Answer):
    """As `Ranking` for one query, with the links among its nodes."""

    error_bound: Sequence[float]
    residual: Sequence[float]
    notes: Sequence[str]
    links: Sequence[Link]


@final
@dataclass(frozen=True, slots=True)
class Path:
    """A way from one node to another, and the chance that a random walk takes it."""

    ids: Sequence[Id]
    weights: Sequence[float]
    score: float


@final
@dataclass(frozen=True, slots=True)
class Seen:
    """Where a node is in a list that was asked for another."""

    rank: int
    score: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(Answer):
    """One list, of shared neighbours with ``weights`` among their fields, and what else brings two nodes together.

    ``signals`` has for each question the second node as seen from the first, then the first from the second.
    """

    nodes: Sequence[Mapping[str, Any]]
    paths: Sequence[Path]
    complete: bool
    signals: Mapping[str, Sequence[Seen | None]]
    together: Step | None
    documents: Mapping[str, Any] | None


_Answer = TypeVar("_Answer", bound=Answer)


def answer_of(kind: type[_Answer], document: Mapping[str, Any]) -> _Answer:
    """The typed answer that a service's JSON is; fields that a newer service adds are left out."""
    known = {name: document[name] for name in _names(kind) if name in document}
    known["results"] = [[_hit(hit) for hit in hits] for hits in document["results"]]
    for name, read in _READ.get(kind, {}).items():
        known[name] = read(known[name])
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


_READ: Mapping[type[Answer], Mapping[str, Callable[[Any], Any]]] = {
    Labels: {"paths": lambda paths: [[_step(step) for step in path] for path in paths]},
    Members: {"path": lambda path: [_step(step) for step in path]},
    Neighbourhood: {
        "links": lambda links: [Link(link["source"], link["target"], link["weight"]) for link in links],
    },
    Explanation: {
        "paths": lambda paths: [Path(path["ids"], path["weights"], path["score"]) for path in paths],
        "signals": lambda signals: {name: [_seen(one) for one in both] for name, both in signals.items()},
        "together": lambda step: None if step is None else _step(step),
    },
}


def _seen(place: Mapping[str, Any] | None) -> Seen | None:
    return None if place is None else Seen(place["rank"], place["score"])
