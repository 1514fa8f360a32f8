"""Drift: what a new version changed against the one that is served.

Nodes, edges and documents are compared by id; answers by the top 10 of sampled nodes and documents (`flows.churn`).
Stages whose artifact is the same one are not looked at: nothing in them changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np

from artifacts.artifact import Artifact
from artifacts.corpus import open_corpus
from artifacts.graph import open_graph
from artifacts.manifest import read_manifest
from artifacts.publish import Release, artifact_path
from artifacts.store import Store
from flows.churn import UNCHANGED, Churn, Matched, Side, document_churn, label_churn, neighbour_churn, ranking_churn
from flows.matching import count_lost_edges, hash_ids, inverse_rows, match_rows
from foundation.errors import ArtifactCorrupt
from foundation.ids import Ids

Compare = Callable[[Side, Side, Matched, int], Churn]

QUALITIES = (
    "recall",
    "precision_at_50",
    "rag_at_50",
    "rag_at_100",
    "recall_at_10",
    "mean_l1",
    "mean_error_bound",
    "modularity",
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many there were and are, and how many of them came and went."""

    before: int
    after: int
    added: int = 0
    lost: int = 0

    @property
    def lost_share(self) -> float:
        """Share of those before that are gone; 0 when there were none."""
        return self.lost / self.before if self.before else 0.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What changed since version ``before``. None stands for what one of the two versions does not have.

    ``measured`` holds, per stage and quality, the values before and after.
    """

    before: str
    seconds: float
    nodes: Counts | None = None
    edges: Counts | None = None
    documents: Counts | None = None
    neighbours: Churn | None = None
    rankings: Churn | None = None
    communities: Churn | None = None
    similar_documents: Churn | None = None
    measured: Mapping[str, Mapping[str, tuple[Any, Any]]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def measure_drift(store: Store, old: Release, new: Release, n_threads: int = 1) -> Drift:
    """Compare two versions of an index.

    It reads the artifacts of ``old`` that differ once, to check their bytes; hashes every id (a microsecond each);
    looks up every edge of both graphs (0.2 µs each); and asks each version about at most 300 nodes and documents.

    Raises
    ------
    ArtifactCorrupt, ArtifactMissing, ArtifactVersion
        When an artifact of ``old`` cannot be compared with.
    """
    begun = time.perf_counter()
    pair = _Pair(store, old, new)
    nodes, edges = pair.count_graphs()
    return Drift(
        before=old.version,
        nodes=nodes,
        edges=edges,
        documents=pair.count_documents(),
        neighbours=pair.churn(("graph", "fastrp", "ann.nodes"), neighbour_churn, n_threads),
        rankings=pair.churn(("graph", "powerwalk"), ranking_churn, n_threads),
        communities=pair.churn(("graph", "labels"), label_churn, n_threads),
        similar_documents=pair.churn(("corpus", "muvera", "ann.documents"), document_churn, n_threads),
        measured=_compare_qualities(old.measured, new.measured),
        seconds=round(time.perf_counter() - begun, 3),
    )


@final
class _Pair:
    """Two versions, and the rows they have in common as far as somebody asked."""

    def __init__(self, store: Store, old: Release, new: Release) -> None:
        self._store, self._old, self._new = store, old, new
        self._whole: set[Path] = set()

    def count_graphs(self) -> tuple[Counts | None, Counts | None]:
        """Nodes and edges."""
        if not self._both("graph"):
            return None, None
        old, new = (open_graph(path) for path in self._paths("graph"))
        if self._same("graph"):
            return _unchanged(old.n_nodes), _unchanged(old.n_edges)
        to_new = self._nodes.to_new
        edges = Counts(
            before=old.n_edges,
            after=new.n_edges,
            added=count_lost_edges(new, old, inverse_rows(to_new, new.n_nodes)),
            lost=count_lost_edges(old, new, to_new),
        )
        return _counts(self._nodes, new.n_nodes), edges

    def count_documents(self) -> Counts | None:
        if not self._both("corpus"):
            return None
        old, new = (open_corpus(path).n_docs for path in self._paths("corpus"))
        return _unchanged(old) if self._same("corpus") else _counts(self._documents, new)

    def churn(self, stages: Sequence[str], compare: Compare, n_threads: int) -> Churn | None:
        """``compare`` the artifacts of ``stages`` after the first, which holds the ids."""
        if not self._both(*stages):
            return None
        if self._same(*stages):
            return UNCHANGED
        matched = self._documents if stages[0] == "corpus" else self._nodes
        old, new = (
            tuple(self._path(release, stage) for stage in _read_stages(release, stages))
            for release in (self._old, self._new)
        )
        return compare(old, new, matched, n_threads)

    @cached_property
    def _nodes(self) -> Matched:
        old, new = (open_graph(path).node_ids for path in self._paths("graph"))
        return _match(old, new, self._same("graph"))

    @cached_property
    def _documents(self) -> Matched:
        old, new = (open_corpus(path).ids for path in self._paths("corpus"))
        return _match(old, new, self._same("corpus"))

    def _both(self, *stages: str) -> bool:
        return all(stage in self._old.stages and stage in self._new.stages for stage in stages)

    def _same(self, *stages: str) -> bool:
        return all(self._old.stages[stage] == self._new.stages[stage] for stage in stages)

    def _paths(self, stage: str) -> tuple[Path, Path]:
        return self._path(self._old, stage), self._path(self._new, stage)

    def _path(self, release: Release, stage: str) -> Path:
        """Where a stage's artifact is. The new version's was checked when its release was written."""
        path = artifact_path(self._store, release, stage)
        if release is self._old and release.stages[stage] != self._new.stages.get(stage) and path not in self._whole:
            damage = Artifact(path, read_manifest(path)).damage()
            if damage:
                raise ArtifactCorrupt(path=damage[0].rpartition(": ")[0], what=damage[0].rpartition(": ")[2])
            self._whole.add(path)
        return path


def _read_stages(release: Release, stages: Sequence[str]) -> list[str]:
    """What a comparison reads: all stages but the one with the ids; rankings, the graph the walks followed as well."""
    if "powerwalk" not in stages:
        return list(stages[1:])
    orientation = release.config["powerwalk"].get("orientation", "natural")
    return ["graph" if orientation == "natural" else f"graph.{orientation}", "powerwalk"]


def _match(old: Ids, new: Ids, same: bool) -> Matched:
    hashes = hash_ids(old)
    to_new = np.arange(hashes.size, dtype=np.int64) if same else match_rows(hashes, hash_ids(new))
    return Matched(hashes, to_new)


def _counts(matched: Matched, after: int) -> Counts:
    before, common = matched.to_new.size, int(np.count_nonzero(matched.to_new >= 0))
    return Counts(before=before, after=after, added=after - common, lost=before - common)


def _unchanged(n: int) -> Counts:
    return Counts(before=n, after=n)


def _compare_qualities(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, tuple[Any, Any]]]:
    """Qualities that both versions measured, and every other number that differs."""
    found: dict[str, dict[str, tuple[Any, Any]]] = {}
    for stage in sorted(old.keys() & new.keys()):
        before, after = old[stage], new[stage]
        names = [
            name
            for name in sorted(before.keys() & after.keys())
            if _is_number(before[name])
            and _is_number(after[name])
            and (name in QUALITIES or before[name] != after[name])
        ]
        if names:
            found[stage] = {name: (before[name], after[name]) for name in names}
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
