"""A real Dask cluster on loopback: a scheduler and workers, each a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flows.cluster import ONE_THREAD
from tests.s3_server import free_port

ROOT = Path(__file__).parents[1]
# Written by the scheduler: the largest message it ever sent or got, in bytes.
LARGEST = """
import json, os
from distributed.comm import tcp

def dask_setup(scheduler):
    largest = {{"bytes": 0}}
    target = {target!r}
    def note(n):
        if n > largest["bytes"]:
            largest["bytes"] = n
            with open(target + ".new", "w") as file:
                json.dump(largest, file)
            os.replace(target + ".new", target)
    read = tcp.read_bytes_rw
    async def watched_read(stream, n):
        note(n)
        return await read(stream, n)
    tcp.read_bytes_rw = watched_read
    write = tcp.TCP.write
    async def watched_write(self, *args, **kwargs):
        sent = await write(self, *args, **kwargs)
        note(sent)
        return sent
    tcp.TCP.write = watched_write
"""


@dataclass(slots=True)
class DaskCluster:
    """The scheduler's address and the processes, so that a test can kill the one it means."""

    address: str
    scheduler: subprocess.Popen[bytes]
    directory: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def largest_message(self) -> int:
        """Bytes of the largest message through the scheduler so far."""
        return int(json.loads((self.directory / "largest.json").read_text())["bytes"])

    def add_worker(self, environment: Mapping[str, str] | None = None, words: Sequence[str] = ()) -> None:
        """Start one more worker with one thread."""
        log = (self.directory / f"worker-{len(self.workers)}.log").open("wb")
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "distributed.cli.dask_worker", self.address, "--nthreads", "1"),
                *("--no-dashboard", "--host", "127.0.0.1", "--local-directory", str(self.directory)),
                *("--memory-limit", "2GiB", "--death-timeout", "60", *words),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT), **(environment or {})},
            start_new_session=True,
        )
        log.close()
        self.workers.append(process)

    def wait_for_workers(self, n: int) -> None:
        """Return when the scheduler knows ``n`` workers."""
        from distributed import Client

        with Client(self.address, timeout=30, set_as_default=False) as client:
            client.wait_for_workers(n, timeout=90)


@contextlib.contextmanager
def dask_cluster(directory: Path, workers: int, environment: Mapping[str, str] | None = None) -> Iterator[DaskCluster]:
    """Start a scheduler and ``workers`` workers that keep their files in ``directory``, and end them."""
    directory.mkdir(parents=True, exist_ok=True)
    preload = directory / "largest_message.py"
    preload.write_text(LARGEST.format(target=str(directory / "largest.json")))
    port = free_port()
    with (directory / "scheduler.log").open("wb") as log:
        scheduler = subprocess.Popen(
            [
                *(sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)),
                *("--no-dashboard", "--preload", str(preload)),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
    cluster = DaskCluster(address=f"tcp://127.0.0.1:{port}", scheduler=scheduler, directory=directory)
    try:
        for _ in range(workers):
            cluster.add_worker(environment)
        if workers:
            cluster.wait_for_workers(workers)
        yield cluster
    finally:
        for process in (*cluster.workers, scheduler):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)  # a worker and the nanny over it, which are one session of their own
        for process in (*cluster.workers, scheduler):
            process.wait()
