"""SIGKILL in an existing Dask cluster: of workers, of workers and their nannies, of all of them, of the scheduler."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

from tests.dask_cluster import DaskCluster
from tests.faults.base import SPLIT
from tests.faults.scene import BUILD_SECONDS, Scene

PATIENCE = 5.0  # instead of a minute: what is tested is that it ends
BOUND = 45.0


def places() -> Iterator[str]:
    """``WHO, STAGE``."""
    yield from (f"worker, {stage}" for stage in SPLIT)
    yield from (f"worker and nanny, {stage}" for stage in ("fastrp", "powerwalk", "tokens", "muvera"))
    yield from (f"all workers then new ones, {stage}" for stage in ("ann.nodes", "lsh"))
    yield from (f"all workers, {stage}" for stage in ("minhash", "retriever"))
    yield from (f"scheduler, {stage}" for stage in ("fastrp", "lsh", "tokens", "ann.documents"))


def run(scene: Scene) -> None:
    """Kill who is meant while a partition is held in one of the workers."""
    who, _, stage = scene.case.place.partition(", ")
    cluster: DaskCluster = scene.resources.cluster(scene)
    scene.prefill_before(stage)
    scene.fault("hold", "begin", stage, seconds=60, patience=PATIENCE)
    words = ("--scheduler", cluster.address)
    child = scene.build(*words)
    lost = who in ("scheduler", "all workers")
    with scene.watched():
        if victim := scene.struck(child):
            _kill(scene, cluster, who, victim)
        scene.check_said(child, BOUND if lost else BUILD_SECONDS, 1 if lost else 0)
    if lost:
        scene.expect("Dask scheduler tcp://" in child.error(), f"said {child.error()!r}")
    scene.check_undisturbed()
    if who == "scheduler":
        scene.resources.drop_cluster()
    again = scene.resources.cluster(scene)
    scene.next_build(overrides=[f'runtime.scheduler="{again.address}"'])


def _kill(scene: Scene, cluster: DaskCluster, who: str, victim: int) -> None:
    groups = [process.pid for process in cluster.workers if process.poll() is None]
    if who == "worker":
        os.kill(victim, signal.SIGKILL)
    elif who == "worker and nanny":
        os.killpg(os.getpgid(victim), signal.SIGKILL)
    elif who == "scheduler":
        os.kill(cluster.scheduler.pid, signal.SIGKILL)
        scene.release()
    else:
        for group in groups:
            os.killpg(group, signal.SIGKILL)
        for process in cluster.workers:
            process.wait()
        if who == "all workers then new ones":
            for _ in groups:
                scene.resources.add_worker(cluster)
