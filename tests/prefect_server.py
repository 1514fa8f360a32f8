"""A real Prefect server on loopback, and workers of it, as processes that end with the test."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

START_SECONDS = 150
STOP_SECONDS = 20


@dataclass
class Server:
    """A running server: ``url`` of its API, ``pid``, and the environment its clients need."""

    url: str
    pid: int
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.home) | {"PREFECT_API_URL": self.url}


def environment(home: Path) -> dict[str, str]:
    """What Prefect needs to live in ``home``, offline, untouched by whatever this machine is set to."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return inherited | {
        "PREFECT_HOME": str(home),
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "NO_PROXY": "*",
        "no_proxy": "*",
        "PREFECT_SERVER_UI_ENABLED": "false",
        # Tests wait for schedules and slots: look more often than a night's work needs.
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
        "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS": "2",
        "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "0:00:10",
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_WORKER_PREFETCH_SECONDS": "1",
    }


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def start_prefect(home: Path, port: int | None = None) -> Iterator[Server]:
    """Run ``prefect server start`` with its database and settings in ``home`` until the block ends."""
    home.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    words = ["server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with _running(words, environment(home), home / "server.log") as process:
        url = f"http://127.0.0.1:{port}/api"
        _wait_until_healthy(process, url, home / "server.log")
        yield Server(url, process.pid, home)


@contextlib.contextmanager
def start_worker(server: Server, pool: str, name: str = "tester") -> Iterator[int]:
    """Run a process worker of ``pool`` until the block ends; its pid is yielded."""
    words = ["worker", "start", "--pool", pool, "--type", "process", "--name", name, "--install-policy", "never"]
    elsewhere = server.home / "elsewhere"  # where it is started must not matter
    elsewhere.mkdir(exist_ok=True)
    with _running(words, server.environment, server.home / f"{name}.log", elsewhere) as process:
        yield process.pid


@contextlib.contextmanager
def _running(
    words: list[str], environment: dict[str, str], log: Path, directory: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "prefect", *words],
            env=environment,
            cwd=directory,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask, then insist; with it go the processes it started."""
    if process.poll() is not None:
        return
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    process.kill()
    process.wait()
    for child in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), opener.open(f"{url}/health", timeout=5):
            return
        time.sleep(0.3)
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")
