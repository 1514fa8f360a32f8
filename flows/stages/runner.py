"""Runs one stage: finds what is cached or half done, spreads the rest over Dask, publishes the artifact."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from artifacts.artifact import Artifact, ArtifactWriter
from artifacts.disk import explained, hash_file
from artifacts.manifest import Manifest, read_manifest
from artifacts.parts import Part, part_path, read_part, write_part
from artifacts.store import Store
from flows.stages.memory import Peak, watched_memory
from flows.stages.stage import Job, Range, Stage
from foundation.errors import ArtifactCorrupt, ArtifactMissing
from foundation.progress import Progress

log = logging.getLogger("purlieu.stages")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """What happened: where the artifact is, whether it was there already and ``why``, and what it took.

    ``peak_memory`` is in bytes, of the process that held most; 0 when nothing was computed.
    """

    name: str
    digest: str
    path: Path
    cached: bool
    seconds: float
    n_bytes: int
    n_parts: int = 0
    n_parts_reused: int = 0
    peak_memory: int = 0
    why: str = ""


def execute_part(stage: Stage, job: Job, round_: int, start: int, stop: int) -> int:
    """Compute one partition and leave it beside the others; its peak memory. Runs on a Dask worker."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    with explained(job.work), watched_memory() as peak:
        output = stage.partition(job, round_, start, stop)
        write_part(part_path(job.work, round_, start, stop), start, stop, output.arrays, output.stats)
    return peak.n_bytes


def run_stage(
    name: str,
    stage: Stage,
    digest: str,
    input_digests: dict[str, str],
    job: Job,
    store: Store,
    client: Callable[[], Any],
    progress: Progress,
    *,
    force: bool = False,
) -> StageReport:
    """Make the artifact of ``stage`` unless it exists.

    Parameters
    ----------
    client : called when there is work to spread; returns a ``distributed.Client``
    force : make it anew even if it exists, reusing no partition; equal bytes keep the old artifact

    Raises
    ------
    EngineError
        Whatever a partition raised, as it was raised.
    """
    begun = time.perf_counter()
    with store.making(digest), watched_memory() as peak:
        existing = store.find(stage.kind, digest)
        if existing is not None and not force:
            manifest = _manifest_of(existing, name)
            return StageReport(
                name=name, digest=digest, path=existing, cached=True, seconds=0.0, n_bytes=manifest.n_bytes
            )
        if force and job.work.exists():
            store.discard(job.work)
        log.info("%s: begins", name)
        rounds = stage.split(job)
        n_parts = sum(len(ranges) for ranges in rounds)
        progress.init(name, n_parts + 1)
        try:
            reused = _run_rounds(stage, job, rounds, client, progress, peak)
            parts = [[read_part(part_path(job.work, r, *span)) for span in ranges] for r, ranges in enumerate(rounds)]
            writer = ArtifactWriter(job.work / "assembled")
            with explained(job.work):
                findings = stage.assemble(job, writer, parts)
            manifest = writer.publish(
                store.next_path(stage.kind, digest),
                kind=stage.kind,
                kind_version=stage.kind_version,
                stage=name,
                code_version=stage.code_version,
                digest=digest,
                params=job.params,
                inputs=input_digests,
                stats=findings.stats,
                measured=findings.measured,
            )
            progress.step()
        finally:
            progress.close()
        path = store.find(stage.kind, digest)
        assert path is not None  # just published
        if existing is not None and _same_bytes(existing, path):
            store.discard(path)
            path = existing
        store.discard(job.work)
    seconds = time.perf_counter() - begun
    log.info("%s: %d parts, %d reused, %d bytes, %.2f s", name, n_parts, reused, manifest.n_bytes, seconds)
    return StageReport(
        name=name,
        digest=digest,
        path=path,
        cached=False,
        seconds=seconds,
        n_bytes=manifest.n_bytes,
        n_parts=n_parts,
        n_parts_reused=reused,
        peak_memory=peak.n_bytes,
    )


def _manifest_of(path: Path, name: str) -> Manifest:
    """The manifest of a cached artifact; when it is damaged the error says how to make the stage anew."""
    try:
        return read_manifest(path)
    except ArtifactCorrupt as error:
        raise dataclasses.replace(error, fix=f"run the same build with --force {name}") from None


def _run_rounds(
    stage: Stage, job: Job, rounds: list[list[Range]], client: Callable[[], Any], progress: Progress, peak: Peak
) -> int:
    """Compute what is missing, round by round; the number of partitions that were there already."""
    reused = 0
    for round_, ranges in enumerate(rounds):
        missing = [span for span in ranges if not _intact(part_path(job.work, round_, *span))]
        reused += len(ranges) - len(missing)
        if len(missing) < len(ranges):
            progress.step(len(ranges) - len(missing))
        if missing:
            _spread(stage, job, round_, missing, client(), progress, peak)
    return reused


def _spread(
    stage: Stage, job: Job, round_: int, ranges: list[Range], client: Any, progress: Progress, peak: Peak
) -> None:
    from distributed import as_completed

    futures = [client.submit(execute_part, stage, job, round_, *span, pure=False) for span in ranges]
    try:
        for future in as_completed(futures, loop=client.loop):
            peak.include(future.result())
            progress.step()
    except (Exception, CancelledError, KeyboardInterrupt):
        client.cancel(futures)
        raise


def _intact(path: Path) -> bool:
    """Whether a part from an earlier run can be used; a damaged one is removed and made again."""
    if not path.is_dir():
        return False
    try:
        part: Part = read_part(path)
    except (ArtifactCorrupt, ArtifactMissing):
        shutil.rmtree(path)
        return False
    for name, entry in part.files.items():
        file = path / name
        if not file.is_file() or file.stat().st_size != entry.bytes or hash_file(file) != entry.sha256:
            shutil.rmtree(path)
            return False
    return True


def _same_bytes(old: Path, new: Path) -> bool:
    """Whether a forced rebuild gave what was there, undamaged."""
    try:
        before = read_manifest(old)
    except (ArtifactCorrupt, ArtifactMissing):
        return False
    return before.files == read_manifest(new).files and not Artifact(old, before).damage()
