"""A stage whose partitions do what its parameters say; importable by name, as a worker needs it."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path

import numpy as np

from artifacts.artifact import ArtifactWriter
from artifacts.parts import Part
from flows.stages.stage import Estimate, Findings, Job, Order, Output, Range, Stage

N_PARTS = 6


def split(job: Job) -> list[list[Range]]:
    return [[(10 * part, 10 * part + 10) for part in range(N_PARTS)]]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Partition 30 to 40 is the odd one."""
    if start == 30:
        misbehave(job)
    return Output({"rows": np.arange(start, stop)})


def misbehave(job: Job) -> None:
    tried = Path(job.params["notes"]) / "tried"
    with tried.open("a") as file:
        file.write("x")
    what = job.params["what"]
    if what == "count threads":
        import faiss
        import threadpoolctl

        pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
        numba = int(os.environ.get("NUMBA_NUM_THREADS", 0))
        (Path(job.params["notes"]) / "threads").write_text(f"{max(pools)} {faiss.omp_get_max_threads()} {numba}")
    if what == "raise":
        raise ValueError("row 33 is not\na number")
    if what == "flaky" and len(tried.read_text()) < 3:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    if what == "broken disk":
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "die once" and len(tried.read_text()) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "hang":
        time.sleep(float(job.params["seconds"]))


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    if job.params["what"] == "hang in assembly":
        time.sleep(float(job.params["seconds"]))
    writer.array("rows", np.concatenate([part.array("rows") for part in parts[0]]))
    return Findings({"n": 10 * N_PARTS})


STAGE = Stage(
    kind="odd",
    kind_version=1,
    code_version=1,
    parallel=True,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=lambda sizes, params: Estimate(0, 0, 0.0),
)


def order(store: str, what: str, notes: Path, seconds: float = 0.0, program: str = "") -> Order:
    """The order to make it in ``store``; ``notes`` is where tries are counted."""
    return Order(
        name="odd",
        stage=STAGE,
        digest="0dd",
        store=store,
        inputs={},
        sources={},
        params={"what": what, "notes": str(notes), "seconds": seconds},
        part_nodes=1,
        part_docs=1,
        program=program,
    )
