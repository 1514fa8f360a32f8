"""A build in a process of its own, watched: seconds, CPU, memory and every partition of each stage.

Run: python -m benchmarks.measured_build CONFIG STORE [KEY=VALUE ...]      prints one JSON document
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOOK_SECONDS = 0.02
PAGE = os.sysconf("SC_PAGE_SIZE")


def measured_build(
    config: Path, store: Path, overrides: Sequence[str] = (), *, cold: Path | None = None
) -> dict[str, Any]:
    """Build in a new process; ``cold`` is an empty directory to compile kernels into, instead of finding them ready."""
    env = dict(os.environ, PYTHONPATH=str(ROOT), **({} if cold is None else {"NUMBA_CACHE_DIR": str(cold)}))
    command = [sys.executable, "-P", "-m", "benchmarks.measured_build", str(config), str(store), *overrides]
    run = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    document: dict[str, Any] = json.loads(run.stdout)
    return document


def resident(pid: int | str = "self") -> int:
    """Bytes of a process in memory, mapped files it has touched among them; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


class Watch(logging.Handler):
    """Knows which stage runs, keeps its peak of memory, and collects what the stages log of their partitions."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.peak: dict[str, int] = {}
        self.cpu: dict[str, float] = {}
        self.parts: dict[str, list[dict[str, Any]]] = {}
        self.assembled: dict[str, dict[str, float]] = {}
        self._stage = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def around(self, name: str, make: Callable[[], Any]) -> Any:
        """Give as ``around`` to `flows.run.run_build`."""
        self._stage, begun = name, time.process_time()
        try:
            return make()
        finally:
            self.cpu[name] = time.process_time() - begun
            self._stage = ""

    def emit(self, record: logging.LogRecord) -> None:
        from flows.stages.runner import ASSEMBLED, PART_DONE

        args: Any = record.args
        if record.msg == PART_DONE:
            name, round_, start, stop, seconds, _, _, cpu, n_bytes = args
            self.parts.setdefault(name, []).append(
                {"round": round_, "start": start, "stop": stop, "seconds": seconds, "cpu": cpu, "bytes": n_bytes}
            )
        elif record.msg == ASSEMBLED:
            self.assembled[args[0]] = {"seconds": args[1], "cpu": args[2]}

    def __enter__(self) -> Watch:
        logger = logging.getLogger("purlieu.stages")
        logger.addHandler(self)
        logger.setLevel(logging.DEBUG)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        logging.getLogger("purlieu.stages").removeHandler(self)

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self.peak[self._stage] = max(self.peak.get(self._stage, 0), resident())


def main(config: str, store: str, *overrides: str) -> None:
    from flows.run import create_store, run_build
    from flows.settings import read_config

    settings = read_config(config, overrides)
    with Watch() as watch:
        report = run_build(settings, create_store(store, settings), around=watch.around)
    stages = [
        {
            "name": stage.name,
            "cached": stage.cached,
            "seconds": stage.seconds,
            "cpu": watch.cpu[stage.name],
            "memory": watch.peak.get(stage.name, 0),
            "bytes": stage.n_bytes,
            "parts": watch.parts.get(stage.name, []),
            "assembled": watch.assembled.get(stage.name, {"seconds": 0.0, "cpu": 0.0}),
        }
        for stage in report.stages
    ]
    document = {
        "seconds": report.seconds,
        "cpu": time.process_time(),
        "memory": max(watch.peak.values()),
        "bytes": sum(stage.n_bytes for stage in report.stages),
        "stages": stages,
        "stats": report.stats,
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main(*sys.argv[1:])
