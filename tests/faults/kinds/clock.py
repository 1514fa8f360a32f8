"""The wall clock goes back by minutes to days, in the middle of a build or before it; file times are shifted too."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from artifacts.publish import collect_garbage, damage, read_release
from tests.faults.base import INDEX, STAGES, manifests
from tests.faults.scene import BUILD_SECONDS, Scene


def places() -> Iterator[str]:
    """``STAGE POINT``, ``publish``, ``pointer``, or ``files`` (their times lie in the future)."""
    yield from (f"{stage} begin" for stage in ("fastrp", "powerwalk", "lsh", "tokens", "retriever"))
    yield from (f"{stage} part" for stage in ("fastrp", "ann.nodes", "muvera"))
    yield from (f"{stage} assemble" for stage in ("graph", "minhash", "corpus"))
    yield from ("publish", "pointer", "files")


def run(scene: Scene) -> None:
    """Build with the clock going back; the new version is served and outlives gc."""
    stage, _, point = scene.case.place.rpartition(" ")
    hours = scene.random.choice([0.05, 1.0, 7.5, 49.0])
    if scene.case.place == "files":
        ahead = time.time() + 3600 * hours
        for path in Path(scene.address).rglob("*"):
            os.utime(path, (ahead, ahead))
    else:
        scene.prefill_before(stage) if stage else scene.prefill(STAGES)
        scene.fault("clock", point, stage, hours=hours)
    with scene.watched():
        scene.check_said(scene.build(), BUILD_SECONDS, 0)
    scene.check_undisturbed()
    scene.expect(scene.served() == "b", f"served is {scene.served()}")
    scene.next_build()
    collect_garbage(scene.open(), keep=1)
    scene.check_result(scene.open())
    store = scene.open()
    scene.expect(not damage(store, read_release(store, INDEX))[1], "gc took something of what is served")
    scene.expect(manifests(store) == dict(scene.base.manifests), "gc changed what is served")
