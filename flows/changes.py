"""Why each stage is built: what differs from the served version, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from artifacts.manifest import Manifest
from flows.planned import PlannedStage
from flows.refresh import Served, has_same_code
from flows.sources import Sources

_SHOWN = 3  # parameters of a stage that are named; more are counted
CACHED = "cached"


def explain(
    stages: Sequence[PlannedStage], served: Served, sources: Sources, cached: set[str], forced: set[str]
) -> dict[str, str]:
    """One line for each stage of the plan: "cached", or why it is not.

    ``cached`` are the stages whose artifact is there, ``forced`` those that are made anew all the same.
    """
    return {stage.name: _why(stage, served, sources, stage.name in cached, stage.name in forced) for stage in stages}


def refreshed(why: str, n_rows: int, n_rows_reused: int) -> str:
    """``why`` of a stage that has run, with what it kept."""
    if n_rows_reused == 0:
        return why
    return f"refreshed: {n_rows_reused:,} of {n_rows:,} rows kept; {why.removeprefix('rebuilt: ')}"


def changed_sources(stages: Sequence[PlannedStage], served: Served, sources: Sources) -> list[dict[str, Any]]:
    """Each source of the plan: its size and SHA-256, and beside them those of the served version where they differ."""
    rows = []
    for stage in stages:
        manifest = served.manifest(stage.name)
        for role, source in stage.sources.items():
            now = stage.input_digests[role]
            before = None if manifest is None else manifest.inputs.get(role)
            row: dict[str, Any] = {"stage": stage.name, "source": source, "size": sources.size_of(now), "sha256": now}
            if before is not None and before != now:
                row["before"] = {"size": sources.size_of(before), "sha256": before}
            rows.append(row)
    return rows


def _why(stage: PlannedStage, served: Served, sources: Sources, is_cached: bool, is_forced: bool) -> str:
    if is_forced:
        return "rebuilt: --force"
    if is_cached:
        return CACHED
    manifest = served.manifest(stage.name)
    if manifest is None:
        was_built = served.release is not None and stage.name in served.release.stages
        return "rebuilt: its artifact is missing or damaged" if was_built else "never built"
    if not has_same_code(stage, manifest):
        return "rebuilt: code changed"
    reasons = [*_parameters(stage.params, manifest.params), *_inputs(stage, manifest, sources)]
    return f"rebuilt: {'; '.join(reasons)}" if reasons else "rebuilt: its artifact is missing or damaged"


def _parameters(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    new, old = dict(_flat(now)), dict(_flat(before))
    changed = [name for name in sorted({*new, *old}) if new.get(name) != old.get(name)]
    said = [f"parameter {name} {_short(old.get(name))} -> {_short(new.get(name))}" for name in changed[:_SHOWN]]
    return said if len(changed) <= _SHOWN else [*said, f"{len(changed) - _SHOWN} more parameters"]


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", list(value) if isinstance(value, tuple) else value


def _inputs(stage: PlannedStage, manifest: Manifest, sources: Sources) -> list[str]:
    said = []
    for role, digest in stage.input_digests.items():
        before = manifest.inputs.get(role)
        if before == digest:
            continue
        if role in stage.sources:
            said.append(f"its source {role} changed ({_content(sources, before)} -> {_content(sources, digest)})")
        else:
            said.append(f"its input {stage.inputs[role]} changed")
    return said


def _content(sources: Sources, sha256: str | None) -> str:
    if sha256 is None:
        return "none"
    size = sources.size_of(sha256)
    return f"sha256 {sha256[:8]}" if size is None else f"{size:,} bytes, sha256 {sha256[:8]}"


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 24 else f"{text[:21]}…"
