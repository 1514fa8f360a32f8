"""A build from plan to published version, with or without Prefect around its stages."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from artifacts.publish import current_version, publish, read_release, version_name
from artifacts.store import Store
from flows.cluster import cluster, thread_memory
from flows.estimate import slots_of
from flows.history import last_build_name, took
from flows.plan import PlannedStage, check_names, order_of, plan, with_inputs
from flows.settings import Config, Runtime
from flows.stages.runner import StageReport, run_stage
from foundation.errors import ArtifactCorrupt
from foundation.progress import Progress, Silent

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
                }
                for stage in self.stages
            ],
            "measured": self.measured,
        }


def create_store(address: str, config: Config) -> Store:
    """The store a build writes to, made if there is none."""
    return Store.create(address, cache=config.runtime.cache, cache_limit=config.runtime.cache_bytes)


def plainly(name: str, make: Callable[[], StageReport]) -> StageReport:  # noqa: ARG001  # the signature of Around
    """Run a stage with nothing around it."""
    return make()


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
) -> BuildReport:
    """Build what is missing and publish it.

    Parameters
    ----------
    only : stages (or config tables) to build, with what they need; nothing is published then
    force : stages to build anew even if they exist
    wait : seconds to wait while another process builds the same index; ``on_wait`` is told who does
    around : called with each stage's name and the function that makes it

    Raises
    ------
    EngineError
    """
    begun = time.perf_counter()
    with store.building(config.name, wait=wait, on_wait=on_wait) as still_held:
        stages = plan(config)
        forced = check_names(stages, force, "force")
        chosen = with_inputs(stages, check_names(stages, only, "only") if only else {stage.name for stage in stages})
        by_name = {stage.name: stage for stage in stages}
        reports: list[StageReport] = []
        with _cluster(config, store) as client, _one_thread():
            for stage in chosen:

                def make(stage: PlannedStage = stage) -> StageReport:
                    return run_stage(
                        order_of(stage, store, by_name, config.runtime),
                        dict(stage.input_digests),
                        store,
                        client,
                        progress or Silent(),
                        force=stage.name in forced,
                        timeout=config.runtime.stage_timeout,
                        memory=lambda: _thread_memory(config.runtime, client),
                    )

                reports.append(around(stage.name, make))
        version = version_name(config.name, {stage.name: stage.digest for stage in stages})
        if len(chosen) < len(stages):
            return BuildReport(
                index=config.name,
                version=version,
                published=False,
                unchanged=False,
                seconds=time.perf_counter() - begun,
                stages=tuple(reports),
            )
        unchanged = _is_current(store, config.name, version, reports)
        if unchanged:
            release = read_release(store, config.name)
        else:
            still_held()
            stages_made = {report.name: report.artifact for report in reports}
            release = publish(store, config.name, config.raw, stages_made, version)
        report = BuildReport(
            index=config.name,
            version=version,
            published=True,
            unchanged=unchanged,
            seconds=time.perf_counter() - begun,
            stages=tuple(reports),
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
