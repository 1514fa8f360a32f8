"""SIGINT and SIGTERM in each stage: the build ends promptly, leaves no process and no lock, keeps what is finished."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator

from tests.faults.base import SPLIT, STAGES
from tests.faults.scene import Scene

PROMPTLY = 12.0  # seconds; a worker process is given five to end by itself
SIGNALS = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM}


def places() -> Iterator[str]:
    """``WHO SIGNAL, STAGE POINT``; who is threads, processes, cluster, bucket or prefect."""
    names = itertools.cycle(SIGNALS)
    for stage in STAGES:
        for point in ("begin", "assemble") if stage in SPLIT else ("assemble",):
            yield f"threads {next(names)}, {stage} {point}"
        next(names)  # so that each stage meets both over its points
    for stage in ("fastrp", "powerwalk", "tokens", "muvera"):
        yield f"processes {next(names)}, {stage} begin"
    yield "processes SIGINT to all, minhash begin"
    yield from ("cluster SIGINT, lsh begin", "cluster SIGTERM, ann.nodes begin")
    yield from (f"bucket {next(names)}, {stage} begin" for stage in ("fastrp", "minhash"))
    yield from (f"bucket {next(names)}, {stage} assemble" for stage in ("graph", "lsh"))
    yield from (f"prefect {next(names)}, {stage} begin" for stage in ("fastrp", "minhash"))
    yield from (f"prefect {next(names)}, {stage} assemble" for stage in ("graph", "lsh"))


def run(scene: Scene) -> None:
    """Hold the build at its place, tell it to end."""
    who, _, where = scene.case.place.partition(", ")
    stage, _, point = where.rpartition(" ")
    words, environment = scene.resources.ways(scene, who.split()[0])
    scene.prefill_before(stage)
    scene.fault("hold", point, stage)
    child = scene.build(*words, environment=environment, prefect=who.startswith("prefect"))
    with scene.watched():
        if scene.struck(child):
            child.signal(SIGNALS[who.split()[1]], group=who.endswith("to all"))
        scene.check_said(child, PROMPTLY, 1)
    scene.expect("interrupted; finished partitions are kept" in child.error(), f"said {child.error()!r}")
    scene.release()
    scene.check_undisturbed(clean=True)
    scene.next_build()
