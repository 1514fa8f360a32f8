"""Servers that cases share, each started when the first case needs it: S3, a Dask cluster, a Prefect server."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, final

from tests.dask_cluster import DaskCluster, dask_cluster
from tests.faults.base import Base
from tests.faults.processes import ROOT
from tests.faults.scene import Scene
from tests.s3_server import S3Server, free_port, reachable, s3_server

WORKERS = 2
PREFECT = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_CLIENT_MAX_RETRIES": "1"}


@final
class Resources:
    """Started on demand, ended by `close`; a case that breaks one says so, and the next gets a new one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._cluster: tuple[contextlib.ExitStack, DaskCluster] | None = None
        self._prefect: tuple[subprocess.Popen[bytes], str] | None = None
        self._s3: S3Server | None = None
        self._stack = contextlib.ExitStack()
        self._started = 0

    def ways(self, scene: Scene, who: str) -> tuple[list[str], Mapping[str, str]]:
        """More words and environment for ``purlieu build`` so that its partitions run with ``who``."""
        match who:
            case "processes":
                return ["--set", "runtime.processes=true"], {}
            case "cluster":
                return ["--scheduler", self.cluster(scene).address], {}
            case "prefect":
                return [], {"PREFECT_API_URL": self.prefect(), "PREFECT_HOME": str(self.root / "home"), **PREFECT}
            case _:
                return [], {}

    def cluster(self, scene: Scene | None = None) -> DaskCluster:
        """A scheduler with `WORKERS` workers that meet the faults of ``scene``."""
        if self._cluster is None:
            stack = contextlib.ExitStack()
            self._started += 1
            directory = self.root / f"dask-{self._started}"
            environment = {"PURLIEU_FAULT": str(self._fault_link)}
            self._cluster = stack, stack.enter_context(dask_cluster(directory, 0, environment))
        cluster = self._cluster[1]
        alive = sum(process.poll() is None for process in cluster.workers)
        for _ in range(WORKERS - alive):
            self.add_worker(cluster)
        cluster.wait_for_workers(WORKERS)
        if scene is not None:
            self._fault_link.unlink(missing_ok=True)
            self._fault_link.symlink_to(scene.directory / "fault.json")
        return cluster

    @property
    def _fault_link(self) -> Path:
        return self.root / "worker-fault.json"

    def add_worker(self, cluster: DaskCluster) -> None:
        """Start one more worker that meets faults."""
        cluster.add_worker({"PURLIEU_FAULT": str(self._fault_link)}, ["--preload", "tests.faults.preload"])

    def drop_cluster(self) -> None:
        """End the cluster: the next case that needs one gets a new one."""
        if self._cluster is not None:
            self._cluster[0].close()
            self._cluster = None

    def s3(self) -> S3Server:
        """The S3 server; from the first call on this process's environment leads to it."""
        if self._s3 is None:
            self._s3 = self._stack.enter_context(s3_server())
            self._stack.enter_context(reachable(self._s3))
        return self._s3

    @contextlib.contextmanager
    def bucket(self, base: Base) -> Iterator[str]:
        """URL of a store in a bucket with version ``a`` in it."""
        bucket = self.s3().bucket()
        self.send(base.store, f"{bucket}/store")
        try:
            yield f"{bucket}/store"
        finally:
            self._client().rm(bucket, recursive=True)

    def send(self, directory: Path, url: str) -> None:
        """Put every file of ``directory`` below ``url``."""
        client = self._client()
        for path in sorted(directory.rglob("*")):
            if path.is_file() and "locks" not in path.parts:
                client.put_file(str(path), f"{url}/{path.relative_to(directory)}")

    def _client(self) -> Any:
        import s3fs

        return s3fs.S3FileSystem(
            endpoint_url=self.s3().url,
            key="testing",
            secret="testing",
            use_listings_cache=False,
            skip_instance_cache=True,
        )

    def prefect(self) -> str:
        """API address of a Prefect server."""
        if self._prefect is None:
            self._started += 1
            home = self.root / f"prefect-{self._started}"
            template = self.root / "prefect-home"
            if template.exists():
                shutil.copytree(template, home)  # a database that exists is opened faster
            port = free_port()
            with (self.root / f"prefect-{self._started}.log").open("wb") as log:
                process = subprocess.Popen(
                    [*(sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"), "--port", str(port)],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=ROOT,
                    env={**os.environ, **PREFECT, "PREFECT_HOME": str(home), "NO_PROXY": "*"},
                    start_new_session=True,
                )
            self._prefect = process, f"http://127.0.0.1:{port}/api"
            _until_healthy(self._prefect[1], process)
        return self._prefect[1]

    def kill_prefect(self) -> None:
        """SIGKILL to the server and what it started."""
        if self._prefect is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._prefect[0].pid, signal.SIGKILL)
            self._prefect[0].wait()
            self._prefect = None

    def close(self) -> None:
        """End everything."""
        self.drop_cluster()
        self.kill_prefect()
        self._stack.close()


def _until_healthy(api: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{api}/health", timeout=2) as answer:
            if answer.status == 200:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the Prefect server did not start")
        time.sleep(0.2)
