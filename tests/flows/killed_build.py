"""A build that kills itself with SIGKILL inside one stage: run as a script by the tests.

Arguments: config, store, stage, point. ``part`` dies after the first partition of the stage was written, ``part 3``
after the third, ``assemble`` when the artifact's files are written and its manifest is not, ``publish`` when
everything is built and nothing named.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import flows.conclude
import flows.run
import flows.stages.partition as partition
from artifacts.artifact import ArtifactWriter
from artifacts.store import Store
from flows.settings import read_config
from flows.stages.stage import Order


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    config, root, stage, point = sys.argv[1:]
    store = Store.create(root)
    current = {"stage": ""}
    word, _, nth = point.partition(" ")
    n_left = [int(nth or 1)]
    write_part, run_stage, publish = partition.write_part, flows.run.run_stage, ArtifactWriter.publish

    def watched_stage(order: Order, *args: Any, **kwargs: Any) -> Any:
        current["stage"] = order.name
        return run_stage(order, *args, **kwargs)

    def watched_part(*args: Any) -> None:
        write_part(*args)
        if word == "part" and current["stage"] == stage:
            n_left[0] -= 1
            if n_left[0] == 0:
                die()

    def watched_publish(self: ArtifactWriter, *args: Any, **kwargs: Any) -> Any:
        if point == "assemble" and current["stage"] == stage:
            die()
        return publish(self, *args, **kwargs)

    flows.run.run_stage = watched_stage
    partition.write_part = watched_part
    ArtifactWriter.publish = watched_publish  # type: ignore[method-assign]
    if point == "publish":
        flows.conclude.write_release = lambda *args: die()  # type: ignore[assignment,misc]
    if point == "pointer":
        flows.conclude.point_current = lambda *args: die()  # type: ignore[assignment,misc]
    flows.run.run_build(read_config(config), store)


main()
