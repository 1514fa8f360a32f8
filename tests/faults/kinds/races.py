"""Two commands at the same time: builds of one index or of two that share stages, and gc beside a build."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from artifacts.publish import damage, read_release
from tests.faults.base import INDEX, LITE, LITE_SPLIT
from tests.faults.processes import Child
from tests.faults.scene import BUILD_SECONDS, Scene

PAIRS = ("same config, no wait", "same config, wait", "two configs, no wait", "two configs, wait")
OTHER = ("--set", "powerwalk.seed=9")  # another version of the same index
PLACES = ("directory", "bucket")


def places() -> Iterator[str]:
    """``WHERE: WHAT, HOW``."""
    for where in PLACES:
        for what in (*PAIRS, "two indexes, wait", "gc, no wait"):
            yield from [f"{where}: {what}"] * (2 if where == "directory" else 1)


def run(scene: Scene) -> None:
    """Start both, the second a moment later, while the first is held in some stage."""
    what, _, waits = scene.case.place.partition(": ")[2].partition(", ")
    stage = scene.random.choice(LITE_SPLIT)
    scene.fault("hold", "part", stage, seconds=scene.random.uniform(1.5, 4))
    scene.third = what == "two configs"
    wait = ["--set", f"runtime.lock_wait={90 if waits == 'wait' else 0}"]
    with scene.watched():
        first = scene.build("--json", *wait)
        time.sleep(scene.random.uniform(0, 2))
        if what == "gc":
            codes = [scene.check_said(first, BUILD_SECONDS, 0, 1)] if _gc_until(scene, first) else []
        else:
            more = {"two configs": OTHER, "two indexes": ("--set", 'name="other"')}.get(what, ())
            second = scene.build("--json", *wait, *more)
            allowed = (0,) if waits == "wait" else (0, 1)
            codes = [scene.check_said(child, BUILD_SECONDS, *allowed) for child in (first, second)]
            for child, code in zip((first, second), codes, strict=True):
                scene.expect(code == 0 or "locked by process" in child.error(), f"said {child.error()!r}")
            _check_pair(scene, what, codes, first, second)
    scene.ended = f"exit codes {codes}"
    _check_whole(scene)
    scene.next_build()


def _gc_until(scene: Scene, build: Child) -> bool:
    """Run gc again and again until the build ends: it is refused while that goes on."""
    while build.process.poll() is None:
        gc = scene.start("-m", "tests.faults.child", "gc", "--store", scene.address)
        code = scene.check_said(gc, BUILD_SECONDS, 0, 1)
        scene.expect(code == 0 or "locked by" in gc.error(), f"gc said {gc.error()!r}")
    return True


def _check_pair(scene: Scene, what: str, codes: list[int | None], first: Child, second: Child) -> None:
    scene.expect(0 in codes, "neither build was done")
    if codes != [0, 0]:
        return
    made: dict[str, int] = {}
    for child in (first, second):
        for stage in json.loads(child.out.read_text())["stages"]:
            made[stage["digest"]] = made.get(stage["digest"], 0) + (not stage["cached"])
    twice = [digest for digest, times in made.items() if times != 1]
    scene.expect(not twice, f"not made exactly once: {twice}")
    if what == "two indexes":
        scene.expect(len(made) == len(LITE), "the indexes did not share their stages")


def _check_whole(scene: Scene) -> None:
    """Whatever is published is whole."""
    store = scene.open()
    for index in store.index_names():
        release: Any = read_release(store, index)
        scene.expect(not damage(store, release)[1], f"{index}@{release.version} is damaged")
    if scene.served() in scene.base.versions:
        scene.check_undisturbed()
    scene.expect(INDEX in store.index_names(), "the index is gone")
