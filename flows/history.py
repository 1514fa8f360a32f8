"""What each stage of an index took when it was last made: better than any formula, and kept beside the index."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from artifacts.store import Store, index_name
from flows.planned import PlannedStage
from flows.settings import Config
from flows.sizes import seen_by, sizes_of
from flows.stages.runner import StageReport
from flows.stages.stage import Estimate
from foundation.errors import ArtifactCorrupt, ArtifactMissing, EngineError


class Earlier(NamedTuple):
    """Seconds with so many partitions at a time, bytes, and what the formulas say of that run."""

    seconds: float
    n_bytes: int
    slots: int
    guess: Estimate


def last_build_name(index: str) -> str:
    """Where the figures of an index's last build are below the store."""
    return f"{index_name(index)}/last_build.json"


def took(store: Store, index: str, stages: Sequence[StageReport], slots: int) -> dict[str, Any]:
    """Figures of every stage: of those just made, and from before of those that were cached."""
    figures = dict(_read(store, index))
    for stage in stages:
        if not stage.cached:
            figures[stage.name] = {
                "artifact": stage.artifact,
                "seconds": round(stage.seconds, 3),
                "bytes": stage.n_bytes,
                "slots": slots,
                "partly": stage.n_parts_reused > 0 or stage.n_rows_reused > 0,
            }
    return figures


def earlier(store: Store, config: Config, stages: Sequence[PlannedStage]) -> dict[str, Earlier]:
    """Figures of the stages of this config, where their artifacts are there to say what sizes they met."""
    figures = {name: entry for name, entry in _read(store, config.name).items() if not entry["partly"]}
    manifests = {}
    for name, entry in figures.items():
        try:
            manifests[name] = store.manifest(entry["artifact"])
        except EngineError:
            continue  # removed, or damaged: an estimate can do without
    stats = {name: dict(manifest.stats) for name, manifest in manifests.items()}
    if any(table is not None and name not in stats for name, table in _sources(config)):
        return {}
    sizes = sizes_of(config, stats)
    return {
        stage.name: Earlier(
            seconds=float(figures[stage.name]["seconds"]),
            n_bytes=int(figures[stage.name]["bytes"]),
            slots=int(figures[stage.name]["slots"]),
            guess=stage.stage.estimate(seen_by(stage, sizes, stats), manifests[stage.name].params),
        )
        for stage in stages
        if stage.name in manifests and manifests[stage.name].code_version == stage.stage.code_version
    }


def _sources(config: Config) -> list[tuple[str, Any]]:
    return [("graph", config.graph), ("corpus", config.corpus)]


def _read(store: Store, index: str) -> Mapping[str, Any]:
    try:
        figures = json.loads(store.place.read(last_build_name(index)))["took"]
        return {
            str(name): {key: entry[key] for key in ("artifact", "seconds", "bytes", "slots", "partly")}
            for name, entry in figures.items()
        }
    except (ArtifactMissing, ArtifactCorrupt, OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # none yet, or of an earlier version
