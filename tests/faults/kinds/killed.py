"""SIGKILL of the flow process, or of one of its worker processes, at a point of each stage or at any moment."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.base import SPLIT, STAGES
from tests.faults.scene import BUILD_SECONDS, Scene

PROCESSES = "runtime.processes=true"
SPAN_SECONDS = 3.0  # how long the build takes once it has begun


def places() -> Iterator[str]:
    """``flow STAGE POINT``; ``moment``; ``flow of processes STAGE``; ``worker process STAGE``."""
    for stage in STAGES:
        yield from (f"flow, {stage} {point}" for point in (("part", "assemble") if stage in SPLIT else ("assemble",)))
    yield from (f"flow, {stage} delivered" for stage in ("graph", "powerwalk", "tokens", "link"))
    yield from ("flow, publish", "flow, pointer")
    yield from ["flow, any moment"] * 12
    yield from (f"flow of processes, {stage} begin" for stage in ("fastrp", "powerwalk", "lsh", "muvera"))
    yield from (f"worker process, {stage} part" for stage in ("ann.nodes", "minhash", "tokens", "retriever"))


def run(scene: Scene) -> None:
    """Build until something dies; the next build finishes."""
    who, _, where = scene.case.place.partition(", ")
    stage, _, point = where.rpartition(" ")
    if where == "any moment":
        _at_any_moment(scene)
    elif who == "flow":
        if stage:
            scene.prefill_before(stage)
        else:
            scene.prefill(STAGES)
        scene.fault("kill", point, stage)
        with scene.watched():
            scene.check_said(scene.build(), BUILD_SECONDS, -signal.SIGKILL)
    elif who == "flow of processes":
        scene.prefill_before(stage)
        scene.fault("hold", point, stage)
        child = scene.build("--set", PROCESSES)
        with scene.watched():
            if scene.struck(child):
                child.kill()
            scene.check_said(child, BUILD_SECONDS, -signal.SIGKILL)
    else:
        scene.prefill_before(stage)
        scene.fault("kill", point, stage)
        with scene.watched():
            scene.check_said(scene.build("--set", PROCESSES), BUILD_SECONDS, 0)
    scene.check_undisturbed()
    report = scene.next_build()
    if report is not None and who == "flow" and point in ("part", "assemble") and stage in SPLIT:
        made = next(entry for entry in report.stages if entry.name == stage)
        scene.expect(made.n_parts_reused >= 1, f"{stage}: no finished partition was kept")


def _at_any_moment(scene: Scene) -> None:
    child = scene.build()
    locks = Path(scene.address) / "locks" / f"index-{scene.base.config.stem}"
    deadline = time.monotonic() + 30
    while not locks.exists() and child.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(scene.random.uniform(0, SPAN_SECONDS))
    with scene.watched():
        child.kill()
        scene.check_said(child, BUILD_SECONDS, -signal.SIGKILL, 0)
