"""Builds in processes of their own, killed where a test says; what takes seconds to import is imported once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

KILLER = Path(__file__).with_name("killed_build.py")
Kill = Callable[[Path, Path, str, str], None]


@contextmanager
def killing(log: Path) -> Iterator[Kill]:
    """``kill(config, store, stage, point)`` runs a build into the directory ``store`` that dies there."""
    process = subprocess.Popen(
        [sys.executable, "-P", str(KILLER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def kill(config: Path, store: Path, stage: str, point: str) -> None:
        print(json.dumps([str(config), str(store), stage, point, str(log)]), file=process.stdin, flush=True)
        assert int(process.stdout.readline()) == -signal.SIGKILL, log.read_text()

    try:
        yield kill
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
