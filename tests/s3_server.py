"""A real S3 server on loopback, in a process of its own, for the tests of stores far away."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "*",
}


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where it listens and which process it is."""

    url: str
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        """What a client's process needs."""
        return {**ENVIRONMENT, "AWS_ENDPOINT_URL": self.url}

    def bucket(self) -> str:
        """URL of a new, empty bucket."""
        import s3fs

        name = f"bucket-{uuid.uuid4().hex[:12]}"
        s3fs.S3FileSystem(endpoint_url=self.url, key="testing", secret="testing").mkdir(name)
        return f"s3://{name}"


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """Start the server, and end it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **ENVIRONMENT},
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield S3Server(url=f"http://127.0.0.1:{port}", pid=process.pid)
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def reachable(server: S3Server) -> Iterator[None]:
    """This process finds the server, and nothing else, in its environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield
