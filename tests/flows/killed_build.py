"""A build that kills itself with SIGKILL inside one stage. Run as a script, for the tests: see `killing`.

Each line of standard input is a JSON list of a config, store, stage and point, and of a file for what the build says;
the build is a process of its own, forked from this one, which has imported what a build needs and does nothing. The
answer is a line with its exit code. Points: ``hop`` dies in a partition of FastRP's powers, with a hop walked and
nothing written, ``part`` after the first partition of the stage was written, ``part 3`` after the third, ``assemble``
when the artifact's files are written and its manifest is not, ``publish`` when everything is built and nothing named,
``pointer`` when the release is written and not yet served.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any

import distributed  # noqa: F401  # imported when needed by a build: here once for all
import faiss  # noqa: F401
import tokenizers  # noqa: F401

import flows.conclude
import flows.run
import flows.stages.partition as partition
from artifacts.artifact import ArtifactWriter
from artifacts.store import Store
from flows.settings import read_config
from flows.stages.stage import Order
from graph.propagation import Walk


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def build(config: str, root: str, stage: str, point: str) -> None:
    store = Store.create(root)
    current = {"stage": ""}
    word, _, nth = point.partition(" ")
    n_left = [int(nth or 1)]
    write_part, run_stage, publish = partition.write_part, flows.run.run_stage, ArtifactWriter.publish
    step = Walk.step

    def watched_stage(order: Order, *args: Any, **kwargs: Any) -> Any:
        current["stage"] = order.name
        return run_stage(order, *args, **kwargs)

    def watched_part(*args: Any) -> None:
        write_part(*args)
        if word == "part" and current["stage"] == stage:
            n_left[0] -= 1
            if n_left[0] == 0:
                die()

    def watched_step(*args: Any, **kwargs: Any) -> Any:
        rows = step(*args, **kwargs)
        if point == "hop" and current["stage"] == stage:
            die()
        return rows

    def watched_publish(self: ArtifactWriter, *args: Any, **kwargs: Any) -> Any:
        if point == "assemble" and current["stage"] == stage:
            die()
        return publish(self, *args, **kwargs)

    flows.run.run_stage = watched_stage
    partition.write_part = watched_part
    Walk.step = watched_step  # type: ignore[method-assign]
    ArtifactWriter.publish = watched_publish  # type: ignore[method-assign]
    if point == "publish":
        flows.conclude.write_release = lambda *args: die()  # type: ignore[assignment,misc]
    if point == "pointer":
        flows.conclude.point_current = lambda *args: die()  # type: ignore[assignment,misc]
    flows.run.run_build(read_config(config), store)


def forked(words: list[str], log: str) -> int:
    """Exit code of a process that builds; it writes to ``log``."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(said, stream)
        build(*words)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)  # it was to be killed


def main() -> None:
    os.fsync = lambda descriptor: None  # as in `tests/conftest.py`: what a killed process wrote stays written
    for line in sys.stdin:
        *words, log = json.loads(line)
        sys.stdout.write(f"{forked(words, log)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
