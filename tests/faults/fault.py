"""What goes wrong inside the processes of a case.

``PURLIEU_FAULT`` names a JSON file that may come and go: ``at`` (a point), ``stage`` (where the point belongs to one),
``do``, ``mark`` (a file that is made when the fault strikes and holds the process id: it strikes once in all processes
of a case), ``hours``, ``seconds`` and ``patience``.

Points     ``begin`` and ``part``, before and after a partition of the stage; ``assemble``, when an artifact's files are
           written and its manifest is not; ``delivered``, when the artifact is there; ``publish``, when everything is
           built and nothing is named; ``pointer``, when the release is written and not pointed at.
Deeds      ``kill`` this process with SIGKILL; ``hold``, stand still for ``seconds`` or until the mark is gone;
           ``clock``, set the clock of this process back by ``hours``.
"""

from __future__ import annotations

import datetime as dates
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_true_time, _true_time_ns = time.time, time.time_ns
Fault = dict[str, Any]


def install() -> None:
    """Put the points into the program; what `PURLIEU_FAULT` asks for is read when one is reached."""
    import flows.conclude as conclude
    import flows.stages.partition as partition
    from artifacts.artifact import ArtifactWriter
    from flows.stages import spread
    from flows.stages.stage import Order

    spread.PATIENCE_SECONDS = _fault().get("patience", spread.PATIENCE_SECONDS)
    compute, deliver = partition._compute, ArtifactWriter.publish

    def watched_compute(order: Order, *span: int) -> None:
        _reached("begin", order.name)
        compute(order, *span)
        _reached("part", order.name)

    def watched_deliver(self: ArtifactWriter, *args: Any, **kwargs: Any) -> Any:
        _reached("assemble", kwargs["stage"])
        manifest = deliver(self, *args, **kwargs)
        _reached("delivered", kwargs["stage"])
        return manifest

    def watched(point: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def told(*args: Any) -> Any:
            _reached(point)
            return call(*args)

        return told

    partition._compute = watched_compute
    ArtifactWriter.publish = watched_deliver  # type: ignore[method-assign]
    conclude.write_release = watched("publish", conclude.write_release)
    conclude.point_current = watched("pointer", conclude.point_current)


def _fault() -> Fault:
    try:
        found: Fault = json.loads(Path(os.environ["PURLIEU_FAULT"]).read_text())
        return found
    except (KeyError, FileNotFoundError):
        return {}


def _reached(point: str, stage: str = "") -> None:
    fault = _fault()
    if fault.get("at") != point or fault.get("stage", "") != stage:
        return
    mark = Path(fault["mark"])
    try:
        with mark.open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return
    match fault["do"]:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hold":
            deadline = time.monotonic() + fault.get("seconds", 90.0)
            while mark.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
        case "clock":
            set_back(fault["hours"])


def set_back(hours: float) -> None:
    """From now on this process's wall clock is ``hours`` behind; the monotonic one, as on any machine, goes on."""
    import artifacts.journal
    import artifacts.leases
    import artifacts.locks
    import artifacts.publish
    import artifacts.retention

    seconds = hours * 3600

    class Late(dates.datetime):
        @classmethod
        def now(cls, tz: dates.tzinfo | None = None) -> Late:
            return cls.fromtimestamp(_true_time() - seconds, tz)

    late = {_true_time: lambda: _true_time() - seconds, _true_time_ns: lambda: _true_time_ns() - int(seconds * 1e9)}
    for module in list(sys.modules.values()):  # whoever imported a clock has it under a name of its own
        for name, value in list(vars(module).items()):
            if (value is _true_time or value is _true_time_ns) and module.__name__ != __name__:
                setattr(module, name, late[value])
    for module in (artifacts.publish, artifacts.locks, artifacts.leases, artifacts.journal, artifacts.retention):
        module.datetime = Late  # type: ignore[attr-defined]
