"""SIGKILL of the Prefect server while a flow runs on it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.scene import Scene

BOUND = 180.0


def places() -> Iterator[str]:
    """``STAGE POINT``."""
    yield from ("fastrp begin", "lsh assemble", "publish")


def run(scene: Scene) -> None:
    """Hold the flow, kill the server, let the flow go on: it completes or says in one line what is missing."""
    stage, _, point = scene.case.place.rpartition(" ")
    words, environment = scene.resources.ways(scene, "prefect")
    scene.fault("hold", point, stage)
    child = scene.build(*words, environment=environment, prefect=True)
    with scene.watched():
        if scene.struck(child):
            scene.resources.kill_prefect()
            scene.release()
        scene.check_said(child, BOUND, 0, 1)
    scene.check_undisturbed()
    scene.next_build()
