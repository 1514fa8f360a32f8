"""The quality gate: thresholds that a new version must pass to be served.

A version that fails is built and kept, and the version before goes on being served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, final

from artifacts.publish import Release
from flows.churn import Churn
from flows.drift import Counts, Drift
from foundation.errors import InvalidParams

_GRAPH, _CORPUS, _SEARCH = ("graph",), ("corpus",), ("muvera",)

NEEDS: Mapping[str, tuple[str, ...]] = {
    "min_recall": ("ann.nodes", "ann.documents"),
    "min_precision": ("powerwalk",),
    "min_modularity": ("labels",),
    "min_retriever_recall": _SEARCH,
    "min_nodes": _GRAPH,
    "min_edges": _GRAPH,
    "min_documents": _CORPUS,
    "max_nodes_lost": _GRAPH,
    "max_edges_lost": _GRAPH,
    "max_documents_lost": _CORPUS,
    "max_neighbour_churn": ("ann.nodes",),
    "max_ranking_churn": ("powerwalk",),
    "max_community_churn": ("labels",),
    "max_document_churn": _SEARCH,
}
"""The config tables of which a threshold needs one."""

_MEASURED = {
    "min_precision": ("powerwalk", "precision_at_50", "precision@50 of powerwalk"),
    "min_modularity": ("labels", "modularity", "modularity of labels"),
    "min_retriever_recall": ("retriever", "recall_at_10", "recall@10 of retriever"),
    "min_nodes": ("graph", "n_nodes", "nodes"),
    "min_edges": ("graph", "n_edges", "edges"),
    "min_documents": ("corpus", "n_docs", "documents"),
}
_DRIFT = {
    "max_nodes_lost": ("nodes lost", "nodes"),
    "max_edges_lost": ("edges lost", "edges"),
    "max_documents_lost": ("documents lost", "documents"),
    "max_neighbour_churn": ("neighbour churn", "neighbours"),
    "max_ranking_churn": ("ranking churn", "rankings"),
    "max_community_churn": ("community churn", "communities"),
    "max_document_churn": ("document churn", "similar_documents"),
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GateParams:
    """What a version must keep to be published; None is not checked.

    Attributes
    ----------
    min_recall : least measured recall@10 of every ``ann`` stage
    min_precision : least measured precision@50 of ``powerwalk``
    min_modularity : least modularity of ``labels`` on the links of the graph
    min_retriever_recall : least measured recall@10 of ``retriever``
    min_nodes, min_edges, min_documents : least number of them
    max_nodes_lost, max_edges_lost, max_documents_lost : largest share of the served version's that may be gone
    max_neighbour_churn : largest mean share of a node's ten nearest that may have changed
    max_ranking_churn : the same of the ten best of ``ppr``
    max_community_churn : largest 1 - adjusted Rand index of the communities of nodes that are in both versions
    max_document_churn : the same as ``max_ranking_churn`` of the ten documents with the closest encodings
    """

    min_recall: float | None = None
    min_precision: float | None = None
    min_modularity: float | None = None
    min_retriever_recall: float | None = None
    min_nodes: int | None = None
    min_edges: int | None = None
    min_documents: int | None = None
    max_nodes_lost: float | None = None
    max_edges_lost: float | None = None
    max_documents_lost: float | None = None
    max_neighbour_churn: float | None = None
    max_ranking_churn: float | None = None
    max_community_churn: float | None = None
    max_document_churn: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if field.name in ("min_nodes", "min_edges", "min_documents"):
                if value < 0:
                    raise InvalidParams(name=field.name, value=value, allowed="0 or more")
            elif not 0 <= value <= 1:
                raise InvalidParams(name=field.name, value=value, allowed="a share from 0 to 1")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One threshold held against what was found; ``found`` is None when there was nothing to hold it against."""

    name: str
    what: str
    allowed: float
    found: float | None
    passed: bool
    note: str = ""

    def __str__(self) -> str:
        found = self.note if self.found is None else f"{self.found:.6g}"
        return f"{self.what} {found} ({self.name} = {self.allowed:.6g})"


Found = tuple[str, float | None, str]  # what was looked at, its value, and why there is none


def check_gate(params: GateParams, release: Release, drift: Drift | None, without: str = "") -> list[Check]:
    """Hold a version against every threshold that is set, in the order of the fields.

    A quality that was not measured fails its threshold: nothing vouches for it. Drift without a version to compare
    with passes, and the check says ``without``, the reason.
    """
    checks = []
    for field in fields(params):
        name, allowed = field.name, getattr(params, field.name)
        if allowed is None:
            continue
        if name in _DRIFT:
            what, value, note = _drifted(drift, name, without)
            passed = value is None or value <= allowed
            checks.append(Check(name=name, what=what, allowed=allowed, found=value, passed=passed, note=note))
            continue
        for what, value, note in _recalls(release) if name == "min_recall" else [_quality(release, name)]:
            passed = value is not None and value >= allowed
            checks.append(Check(name=name, what=what, allowed=allowed, found=value, passed=passed, note=note))
    return checks


def _recalls(release: Release) -> list[Found]:
    stages = [stage for stage in release.stages if stage.startswith("ann.")]
    return [(f"recall of {stage}", *_measured(release, stage, "recall")) for stage in stages] or [
        ("recall", None, "no ann stage was built")
    ]


def _quality(release: Release, threshold: str) -> Found:
    stage, name, what = _MEASURED[threshold]
    return (what, *_measured(release, stage, name))


def _measured(release: Release, stage: str, name: str) -> tuple[float | None, str]:
    found: Mapping[str, Any] = {**release.stats.get(stage, {}), **release.measured.get(stage, {})}
    if found.get(name) is not None:
        return found[name], ""
    return None, "was not measured" if stage in release.stages else f"no stage {stage} was built"


def _drifted(drift: Drift | None, threshold: str, without: str) -> Found:
    what, part = _DRIFT[threshold]
    if drift is None:
        return what, None, without
    found: Counts | Churn | None = getattr(drift, part)
    value = found.lost_share if isinstance(found, Counts) else found.mean if found is not None else None
    return what, value, "" if value is not None else "nothing to compare with in the version before"
