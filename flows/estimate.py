"""What a build would do and need, without doing it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from artifacts.publish import version_name
from artifacts.store import Store
from flows.additions import carried
from flows.changes import changed_sources, explain
from flows.check_sources import check_sources
from flows.history import Earlier, earlier
from flows.plan import check_names, plan, with_inputs
from flows.refresh import Served
from flows.runtime import Runtime
from flows.settings import Config
from flows.sizes import seen_by, sizes_of
from flows.sources import Sources
from flows.speed import is_compiled, slowness
from flows.stages.stage import Estimate
from foundation.errors import ArtifactMissing

FIXED_MEMORY = 260 << 20  # the interpreter, its libraries and Dask; a Prefect run takes another 150 MiB
CLUSTER_SECONDS = 1.0  # Dask, before the first partition


def estimate_build(
    config: Config,
    store_root: str,
    *,
    only: Sequence[str] = (),
    force: Sequence[str] = (),
    discard_added: bool = False,
) -> dict[str, Any]:
    """The document of ``build --dry-run --json``: per stage whether it is cached, memory, disk, seconds.

    ``only`` and ``force`` as for `flows.run.run_build`: other stages are left out, and forced ones count as not cached.

    Memory is what the largest process holds at its peak, mapped files it reads among it: the build's own, or a worker's
    where those are processes. Disk is what artifacts take; seconds are those of a quiet machine. Stages that this index
    has figures of are judged by these, scaled by what the formulas say of then and now. Nothing is written, not even an
    empty store.
    """
    store = _existing(store_root)
    sources = Sources.of(store, trust=config.runtime.trust_mtime)
    with tempfile.TemporaryDirectory(prefix="purlieu-") as aside:
        changes = carried(config, store, sources, Path(aside), discard=discard_added)
        stages = plan(config, sources, changes)
    forced = check_names(stages, force, "--force")
    chosen = {stage.name for stage in with_inputs(stages, check_names(stages, only, "--only"))} if only else None
    found = {stage.name: store.find(stage.stage.kind, stage.digest) if store else None for stage in stages}
    made = {name for name, path in found.items() if path is None or name in forced}
    doubts = check_sources(config, made if chosen is None else made & chosen, changed=changes is not None)
    stats = {stage: dict(store.manifest(name).stats) for stage, name in found.items() if store and name}
    served = Served(store, config.name)
    why = explain(stages, served, sources, {name for name, path in found.items() if path is not None}, forced)
    sizes = sizes_of(config, stats)
    known = earlier(store, config, stages) if store else {}
    slots = slots_of(config.runtime)
    cluster = CLUSTER_SECONDS  # the first stage that has partitions pays for it
    rows: list[dict[str, Any]] = []
    for stage in stages:
        if chosen is not None and stage.name not in chosen:
            continue
        name = None if stage.name in forced else found[stage.name]
        row: dict[str, Any] = {
            "name": stage.name,
            "digest": stage.digest,
            "cached": name is not None,
            "why": why[stage.name],
        }
        if store and name:
            row |= {"memory": 0, "disk": store.manifest(name).n_bytes, "seconds": 0.0}
        else:
            guess = stage.stage.estimate(seen_by(stage, sizes, stats), stage.params)
            seconds, disk = _judged(guess, slots, known.get(stage.name))
            if stage.stage.parallel:
                seconds, cluster = seconds + cluster, 0.0
            if guess.kernels and not is_compiled(guess.kernels):
                seconds += guess.compiling * slowness()["parse"]
            memory = FIXED_MEMORY + _memory(guess, config.runtime)
            row |= {"memory": memory, "disk": disk, "seconds": round(seconds, 3)}
        rows.append(row)
    todo = [row for row in rows if not row["cached"]]
    return {
        "index": config.name,
        "version": version_name(config.name, {stage.name: stage.digest for stage in stages}),
        "stages": rows,
        "notes": doubts,
        "sources": changed_sources(stages, served, sources),
        "total": {
            "memory": max((row["memory"] for row in todo), default=0),
            "disk": sum(row["disk"] for row in todo),
            "seconds": round(sum(row["seconds"] for row in todo), 3),
        },
    }


def slots_of(runtime: Runtime) -> int:
    """Partitions computed at a time: on this machine no more than it has cores."""
    asked = runtime.workers * runtime.threads_per_worker
    return asked if runtime.scheduler is not None else min(asked, os.cpu_count() or 1)


def _judged(guess: Estimate, slots: int, last: Earlier | None) -> tuple[float, int]:
    """Seconds and bytes by the formula, or by what was seen times the formula's now over then."""
    seconds = _reference_seconds(guess, slots)
    if last is None:
        return seconds * slowness()[guess.work], guess.disk
    then = _reference_seconds(last.guess, last.slots)
    return last.seconds * seconds / max(1e-3, then), round(last.n_bytes * guess.disk / max(1, last.guess.disk))


def _reference_seconds(guess: Estimate, slots: int) -> float:
    """Partitions in waves over the workers, then what is done alone."""
    waves = -(-guess.n_parts // slots)
    return guess.seconds * waves / guess.n_parts + guess.serial


def _memory(guess: Estimate, runtime: Runtime) -> int:
    apart = runtime.processes or runtime.scheduler is not None
    at_once = runtime.threads_per_worker * (1 if apart else runtime.workers)
    return guess.shared + max(min(at_once, guess.n_parts) * guess.memory, guess.assembling)


def _existing(root: str) -> Store | None:
    try:
        return Store.open(root)
    except ArtifactMissing:
        return None
