"""Runs one stage: finds what is cached or half done, spreads the rest over Dask, publishes the artifact."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, final

from artifacts.artifact import Artifact, ArtifactWriter
from artifacts.disk import explained, hash_file
from artifacts.manifest import Manifest, read_manifest
from artifacts.parts import PART, Part, part_name, read_part
from artifacts.patience import tried
from artifacts.store import Store, object_name, work_name
from flows.stages.deadline import Deadline
from flows.stages.memory import Peak, watched_memory
from flows.stages.partition import PartReport
from flows.stages.sizing import fitted
from flows.stages.spread import spread
from flows.stages.stage import ROWS, ROWS_REUSED, Findings, Job, Order, Range
from foundation.errors import ArtifactCorrupt, ArtifactMissing
from foundation.progress import Progress

log = logging.getLogger("purlieu.stages")

# What a partition and an assembly took, for whoever measures: the arguments of these lines are the figures.
PART_DONE = "%s: round %d, rows %d to %d: %.3f s, %d tries, %d bytes held, %.3f s of CPU, %d bytes written"
ASSEMBLED = "%s: assembled in %.3f s, %.3f s of CPU"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """What happened: the artifact's name, whether it was there already and ``why``, and what it took.

    ``n_rows_reused`` of ``n_rows`` were taken from the served version's artifact; both are 0 where nothing counts them.
    ``peak_memory`` is in bytes, of the process that held most; 0 when nothing was computed.
    """

    name: str
    digest: str
    artifact: str
    cached: bool
    seconds: float
    n_bytes: int
    n_parts: int = 0
    n_parts_reused: int = 0
    n_tries: int = 0
    n_rows: int = 0
    n_rows_reused: int = 0
    peak_memory: int = 0
    why: str = ""


def run_stage(
    order: Order,
    input_digests: dict[str, str],
    store: Store,
    client: Callable[[], Any],
    progress: Progress,
    *,
    force: bool = False,
    timeout: float | None = None,
    memory: Callable[[], int] | None = None,
    confirm: Callable[[], None] = lambda: None,
    sound: set[str] | None = None,
) -> StageReport:
    """Make the artifact of ``order`` unless it exists.

    Parameters
    ----------
    client : called when there is work to spread; returns a ``distributed.Client``
    force : make it anew even if it exists, reusing no partition; equal bytes keep the old artifact
    timeout : seconds after which to give up; finished partitions are kept
    memory : bytes that one thread of a worker may use; partitions are made small enough for it
    confirm : called when everything is read and nothing is published yet; raises if what was read has changed
    sound : names of artifacts whose bytes this build made or checked already; the stage's are added

    Raises
    ------
    ArtifactCorrupt
        An input is not as its manifest says.
    EngineError
        Whatever a partition raised, as it was raised.
    """
    sound = set() if sound is None else sound
    begun = time.perf_counter()
    name, stage, work = order.name, order.stage, work_name(order.digest)
    with store.making(order.digest) as still_held, watched_memory() as peak:
        existing = store.find(stage.kind, order.digest)
        if existing is not None and not force:
            manifest = _manifest_of(store, existing, name)
            if order.digest in store.place.names("work"):  # of a build that died between the artifact and this
                store.place.remove(work)
            return StageReport(
                name=name, digest=order.digest, artifact=existing, cached=True, seconds=0.0, n_bytes=manifest.n_bytes
            )
        if force:
            store.place.remove(work)
        log.info("%s: begins", name)
        deadline = Deadline(name, timeout)
        job = order.job(store)
        _check_inputs(order, job, store, sound)
        if memory is not None and stage.row_bytes is not None:
            job = fitted(order, job, memory())
            order = dataclasses.replace(order, part_nodes=job.part_nodes, part_docs=job.part_docs)
        rounds = stage.split(job)
        n_parts = sum(len(ranges) for ranges in rounds)
        progress.init(name, n_parts + 1)
        try:
            reused, n_tries = _run_rounds(order, store, rounds, client, progress, deadline, peak)
            made = deadline.held_to(lambda: tried(lambda: _assemble(order, job, store, rounds))[0])
            confirm()
            still_held()
            artifact = store.next_name(stage.kind, order.digest)
            manifest = made.writer.publish(
                store.place,
                object_name(artifact),
                kind=stage.kind,
                kind_version=stage.kind_version,
                stage=name,
                code_version=stage.code_version,
                digest=order.digest,
                params=job.params,
                inputs=input_digests,
                stats=made.findings.stats,
                measured=made.findings.measured,
            )
            progress.step()
        finally:
            progress.close()
        if existing is not None and _same_bytes(store, existing, manifest):
            store.discard(artifact)
            artifact = existing
        store.place.remove(work)
    sound.add(artifact)
    seconds = time.perf_counter() - begun
    log.info("%s: %d parts, %d reused, %d bytes, %.2f s", name, n_parts, reused, manifest.n_bytes, seconds)
    return StageReport(
        name=name,
        digest=order.digest,
        artifact=artifact,
        cached=False,
        seconds=seconds,
        n_bytes=manifest.n_bytes,
        n_parts=n_parts,
        n_parts_reused=reused,
        n_tries=n_tries,
        n_rows=made.n_rows,
        n_rows_reused=made.n_rows_reused,
        peak_memory=peak.n_bytes,
    )


def _manifest_of(store: Store, artifact: str, name: str) -> Manifest:
    """The manifest of a cached artifact; when it is damaged the error says how to make the stage anew."""
    try:
        return store.manifest(artifact)
    except ArtifactCorrupt as error:
        raise dataclasses.replace(error, fix=f"run the same build with --force {name}") from None


def _check_inputs(order: Order, job: Job, store: Store, sound: set[str]) -> None:
    """Every byte the stage will read is as it was made: what damaged input leads to would be kept for sound."""
    for role, name in order.inputs.items():
        if name in sound:
            continue
        path = job.inputs[role]
        made = Artifact(path, read_manifest(path))
        if bad := made.damage():
            fix = f"run the same build with --force {made.manifest.stage}"
            if not store.place.near:
                fix = f"remove {path}, which is a copy, and run again"
            raise ArtifactCorrupt(path=bad[0].rpartition(": ")[0], what=bad[0].rpartition(": ")[2], fix=fix)
        sound.add(name)


def _run_rounds(
    order: Order,
    store: Store,
    rounds: list[list[Range]],
    client: Callable[[], Any],
    progress: Progress,
    deadline: Deadline,
    peak: Peak,
) -> tuple[int, int]:
    """Compute what is missing, round by round; how many partitions were there already, and tries beyond the first."""
    reused = n_tries = 0

    def done(span: Range, report: PartReport) -> None:
        nonlocal n_tries
        n_tries += report.n_tries - 1
        peak.include(report.peak_memory)
        log.debug(PART_DONE, order.name, round_, *span, *report)
        progress.step()

    for round_, ranges in enumerate(rounds):
        missing = [span for span in ranges if not _intact(order, store, round_, span)]
        reused += len(ranges) - len(missing)
        if len(missing) < len(ranges):
            progress.step(len(ranges) - len(missing))
        if missing:
            spread(order, round_, missing, client(), done, deadline.at, deadline.seconds)
    return reused, n_tries


@final
class _Assembled(NamedTuple):
    """Files that wait for their manifest, and what was found out."""

    writer: ArtifactWriter
    findings: Findings
    n_rows: int
    n_rows_reused: int


def _assemble(order: Order, job: Job, store: Store, rounds: list[list[Range]]) -> _Assembled:
    work = work_name(order.digest)
    parts = [
        [read_part(store.place.bring(f"{work}/{part_name(round_, *span)}", PART)) for span in ranges]
        for round_, ranges in enumerate(rounds)
    ]
    # An assembly that was given up may still be writing: each has a directory of its own.
    writer = ArtifactWriter(job.work / f"assembled.{threading.get_ident()}.{time.monotonic_ns()}")
    begun, cpu_begun = time.perf_counter(), time.thread_time()
    with explained(job.work):
        findings = order.stage.assemble(job, writer, parts)
    log.debug(ASSEMBLED, order.name, time.perf_counter() - begun, time.thread_time() - cpu_begun)
    return _Assembled(writer, findings, _sum(parts, ROWS), _sum(parts, ROWS_REUSED))


def _sum(parts: list[list[Part]], name: str) -> int:
    return sum(int(part.stats.get(name, 0)) for round_ in parts for part in round_)


def _intact(order: Order, store: Store, round_: int, span: Range) -> bool:
    """Whether a part from an earlier run can be used; one that is damaged, or another program's, is removed."""
    name = f"{work_name(order.digest)}/{part_name(round_, *span)}"
    try:
        path = store.place.bring(name, PART)
    except ArtifactMissing:
        return False
    except ArtifactCorrupt:
        store.place.remove(name)
        return False
    try:
        part = read_part(path)
        if part.program == order.program and all(
            (path / file).is_file()
            and (path / file).stat().st_size == entry.bytes
            and hash_file(path / file) == entry.sha256
            for file, entry in part.files.items()
        ):
            return True
    except (ArtifactCorrupt, ArtifactMissing):
        pass
    store.place.remove(name)
    return False


def _same_bytes(store: Store, old: str, made: Manifest) -> bool:
    """Whether a forced rebuild gave what was there, undamaged."""
    try:
        before = store.manifest(old)
    except (ArtifactCorrupt, ArtifactMissing):
        return False
    return before.files == made.files and not store.place.damage(object_name(old), before, deep=True)
