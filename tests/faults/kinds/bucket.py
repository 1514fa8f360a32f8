"""A store in a bucket that answers with errors, cut or flipped, loses connections, or is not there for a while."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

from tests.faults.base import LITE
from tests.faults.scene import BUILD_SECONDS, Scene
from tests.faulty_s3 import Fault, FaultyS3

RATES = (5, 10, 20, 35, 50)
LONG = 240.0  # every request may take all its tries


def places() -> Iterator[str]:
    """``HOW, RATE %``; ``gone, SECONDS s``; ``killed, STAGE POINT``."""
    for how in ("error", "cut", "flip", "drop"):
        yield from (f"{how}, {rate} %" for rate in RATES)
    yield from ("any, 10 %", "any, 35 %")
    yield from (f"gone, {seconds} s" for seconds in (1, 3, 12))
    yield from ("killed, powerwalk part", "killed, lsh assemble", "killed, publish", "killed, pointer")


def run(scene: Scene) -> None:
    """Build through a proxy that misbehaves, then without it."""
    how, _, what = scene.case.place.partition(", ")
    if how == "killed":
        stage, _, point = what.rpartition(" ")
        scene.fault("kill", point, stage)
        with scene.watched():
            scene.check_said(scene.build(), BUILD_SECONDS, -signal.SIGKILL)
    else:
        scene.prefill(LITE[: scene.random.randrange(2, len(LITE))])  # every request takes its time
        proxy = FaultyS3(scene.resources.s3().url)
        random, lock = scene.random, threading.Lock()

        def unlucky(method: str, path: str) -> Fault:
            with lock:
                if random.random() * 100 >= float(what.removesuffix(" %")):
                    return None
                return random.choice(["error", "cut", "flip", "drop"]) if how == "any" else how

        with proxy.running(), scene.watched():
            child = scene.build(environment={"AWS_ENDPOINT_URL": proxy.url})
            if how == "gone":
                _be_gone(scene, proxy, float(what.removesuffix(" s")))
            else:
                proxy.plan = unlucky
            scene.check_said(child, LONG, 0, 1, 4)
            scene.ended += f"; {proxy.faults} faults"
    scene.check_undisturbed()
    if how != "killed" and scene.random.random() < 0.5:  # another machine goes on
        scene.overrides = [f'runtime.cache="{scene.directory / "elsewhere"}"']
    scene.next_build()


def _be_gone(scene: Scene, proxy: FaultyS3, seconds: float) -> None:
    time.sleep(scene.random.uniform(2, 5))
    proxy.plan = lambda method, path: "drop"
    time.sleep(seconds)
    proxy.plan = lambda method, path: None
