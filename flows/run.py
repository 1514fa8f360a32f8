"""A build from plan to published version, with or without Prefect around its stages."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from artifacts.publish import current_version, read_release, version_name
from artifacts.store import Store, work_name
from flows.additions import carried
from flows.changes import CACHED, changed_sources, explain, refreshed
from flows.check_sources import check_sources
from flows.cluster import cluster, thread_memory
from flows.conclude import conclude, retain
from flows.estimate import slots_of
from flows.history import last_build_name, took
from flows.journal import journaled
from flows.plan import check_names, order_of, plan, with_inputs
from flows.planned import PlannedStage
from flows.refresh import Served
from flows.runtime import Runtime
from flows.settings import Config
from flows.sources import Sources
from flows.stages.runner import StageReport, run_stage
from foundation.errors import ArtifactCorrupt, InvalidInput
from foundation.progress import Progress, Silent

log = logging.getLogger("purlieu.build")

Around = Callable[[str, Callable[[], StageReport]], StageReport]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What a build did. ``published`` is False when only some stages were asked for."""

    index: str
    version: str
    published: bool
    unchanged: bool
    seconds: float
    stages: tuple[StageReport, ...] = ()
    sources: tuple[dict[str, Any], ...] = ()
    measured: dict[str, Any] = field(default_factory=dict)
    stats: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The document of ``build --json``."""
        return {
            "index": self.index,
            "version": self.version,
            "published": self.published,
            "unchanged": self.unchanged,
            "seconds": round(self.seconds, 3),
            "stages": [
                {
                    "name": stage.name,
                    "digest": stage.digest,
                    "cached": stage.cached,
                    "seconds": round(stage.seconds, 3),
                    "bytes": stage.n_bytes,
                    "parts": stage.n_parts,
                    "parts_reused": stage.n_parts_reused,
                    "rows": stage.n_rows,
                    "rows_reused": stage.n_rows_reused,
                    "why": stage.why,
                    "peak_memory": stage.peak_memory,
                }
                for stage in self.stages
            ],
            "sources": list(self.sources),
            "measured": self.measured,
        }


def create_store(address: str, config: Config) -> Store:
    """The store a build writes to, made if there is none."""
    return Store.create(address, cache=config.runtime.cache, cache_limit=config.runtime.cache_bytes)


def plainly(name: str, make: Callable[[], StageReport]) -> StageReport:  # noqa: ARG001  # the signature of Around
    """Run a stage with nothing around it."""
    return make()


@journaled
def run_build(
    config: Config,
    store: Store,
    *,
    only: Sequence[str] = (),
    force: Sequence[str] = (),
    wait: float = 0.0,
    on_wait: Callable[[str], None] | None = None,
    progress: Progress | None = None,
    around: Around = plainly,
    say: Callable[[str], None] = log.warning,
    discard_added: bool = False,
) -> BuildReport:
    """Build what is missing and publish it, unless the gate withholds it.

    Parameters
    ----------
    only : stages (or config tables) to build, with what they need; nothing is published then
    force : stages to build anew even if they exist
    wait : seconds to wait while another process builds the same index; ``on_wait`` is told who does
    around : called with each stage's name and the function that makes it
    say : told in one line what went wrong without harm to the version, or was removed
    discard_added : forget the documents that were added and removed since the last build, instead of taking them in

    Raises
    ------
    EngineError
        `GateFailed` when the version was built and is withheld.
    """
    begun = time.perf_counter()
    with (
        contextlib.ExitStack() as at_the_end,  # what is put off until the lock of this build is released
        store.building(config.name, wait=wait, on_wait=on_wait) as still_held,
    ):
        sources = Sources.of(store, trust=config.runtime.trust_mtime)
        aside = Path(at_the_end.enter_context(tempfile.TemporaryDirectory(prefix="purlieu-")))
        changes = carried(config, store, sources, aside, discard=discard_added, say=say)
        stages = plan(config, sources, changes)
        forced = check_names(stages, force, "--force")
        chosen = with_inputs(stages, check_names(stages, only, "--only") if only else {stage.name for stage in stages})
        by_name = {stage.name: stage for stage in stages}
        served = Served(store, config.name)
        cached = {stage.name for stage in stages if store.find(stage.stage.kind, stage.digest) is not None}
        to_make = {stage.name for stage in chosen} - (cached - forced)
        for doubt in check_sources(config, to_make, changed=changes is not None):
            say(doubt)
        why = explain(stages, served, sources, cached, forced)
        read = tuple(changed_sources(stages, served, sources))
        reports: list[StageReport] = []
        sound: set[str] = set()
        with _cluster(config, store) as client, _one_thread():
            for stage in chosen:

                def make(stage: PlannedStage = stage) -> StageReport:
                    order = order_of(stage, store, by_name, config.runtime)
                    if stage.name not in cached | forced:
                        previous, beside = served.previous(stage, by_name)
                        order = dataclasses.replace(order, previous=previous, beside=beside)
                    report = run_stage(
                        order,
                        dict(stage.input_digests),
                        store,
                        client,
                        progress or Silent(),
                        force=stage.name in forced,
                        timeout=config.runtime.stage_timeout,
                        memory=lambda: _thread_memory(config.runtime, client),
                        confirm=lambda: _confirm(stage, sources, store),
                        sound=sound,
                    )
                    said = refreshed(why[stage.name], report.n_rows, report.n_rows_reused)
                    return dataclasses.replace(report, why=CACHED if report.cached else said)

                reports.append(around(stage.name, make))
                if len(reports) == 1:  # a build that is refused at once leaves the store as it was
                    sources.remember(store)
        version = version_name(config.name, {stage.name: stage.digest for stage in stages})
        if len(chosen) < len(stages):
            return BuildReport(
                index=config.name,
                version=version,
                published=False,
                unchanged=False,
                seconds=time.perf_counter() - begun,
                stages=tuple(reports),
                sources=read,
            )
        unchanged = _is_current(store, config.name, version, reports)
        if unchanged:
            release = read_release(store, config.name)
            at_the_end.callback(retain, config, store, None, say)
        else:
            still_held()
            release = conclude(config, store, version, reports, begun=begun, say=say, put_off=at_the_end.callback)
        report = BuildReport(
            index=config.name,
            version=version,
            published=True,
            unchanged=unchanged,
            seconds=time.perf_counter() - begun,
            stages=tuple(reports),
            sources=read,
            measured=dict(release.measured),
            stats=dict(release.stats),
        )
        _remember(store, report, slots_of(config.runtime))
        return report


def _thread_memory(runtime: Runtime, client: Callable[[], Any]) -> int:
    return thread_memory(
        workers=runtime.workers,
        threads_per_worker=runtime.threads_per_worker,
        memory_limit=runtime.memory_limit,
        scheduler=runtime.scheduler,
        client=client,
    )


def _confirm(stage: PlannedStage, sources: Sources, store: Store) -> None:
    """Make sure that what ``stage`` read is what its digest says, or throw away what was made of it."""
    try:
        for source in (*stage.sources.values(), *stage.files):
            sources.check(source)
    except InvalidInput:
        store.place.remove(work_name(stage.digest))
        raise


def _is_current(store: Store, index: str, version: str, reports: Sequence[StageReport]) -> bool:
    if current_version(store, index) != version:
        return False
    try:
        named = read_release(store, index).stages
    except ArtifactCorrupt:
        return False  # publishing writes it anew
    return all(report.cached and named.get(report.name) == report.artifact for report in reports)


def _remember(store: Store, report: BuildReport, slots: int) -> None:
    """Keep times and counts of the last build beside the index: they differ between equal builds."""
    document = report.to_json() | {"took": took(store, report.index, report.stages, slots)}
    store.place.write(last_build_name(report.index), (json.dumps(document, indent=1) + "\n").encode())


def _cluster(config: Config, store: Store) -> contextlib.AbstractContextManager[Callable[[], Any]]:
    runtime = config.runtime
    return cluster(
        workers=runtime.workers,
        threads_per_worker=runtime.threads_per_worker,
        processes=runtime.processes,
        memory_limit=runtime.memory_limit,
        scheduler=runtime.scheduler,
        store=store.address,
    )


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One BLAS and OpenMP thread per partition: partitions are what runs in parallel."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
