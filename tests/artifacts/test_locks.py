"""Locks between processes, with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from artifacts.locks import locked
from foundation.errors import StoreLocked

HOLD = """
import sys, time
from pathlib import Path
from artifacts.locks import locked
with locked(Path(sys.argv[1]), "a test"):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_taken_lock_names_its_holder(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock")
    try:
        with (
            pytest.raises(StoreLocked, match=f"process {process.pid} on .* \\(a test, since"),
            locked(tmp_path / "lock", "us"),
        ):
            pass
    finally:
        end(process)


def test_a_lock_left_by_a_dead_process_is_free(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock")
    os.kill(process.pid, signal.SIGKILL)
    end(process)
    assert str(process.pid) in (tmp_path / "lock").read_text()
    with locked(tmp_path / "lock", "us"):
        assert str(os.getpid()) in (tmp_path / "lock").read_text()


def test_waiting_says_for_whom_and_ends_when_the_holder_does(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock")
    told: list[str] = []

    def on_wait(who: str) -> None:
        told.append(who)
        end(process)

    begun = time.monotonic()
    with locked(tmp_path / "lock", "us", wait=30, on_wait=on_wait):
        assert time.monotonic() - begun < 25
    assert len(told) == 1
    assert str(process.pid) in told[0]


def test_a_shared_lock_names_one_of_its_holders_that_lives(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, "a build", shared=True):
        with pytest.raises(StoreLocked, match=f"process {os.getpid()} on .* \\(a build, since"), locked(path, "gc"):
            pass
        facts = json.loads(path.read_text())
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        path.write_text(json.dumps({**facts, "pid": ended.pid}))  # who came last went first
        with pytest.raises(StoreLocked, match="another process"), locked(path, "gc"):
            pass


def test_shared_locks_exclude_only_the_exclusive_one(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        locked(path, "one", shared=True),
        locked(path, "two", shared=True),
        pytest.raises(StoreLocked),
        locked(path, "three"),
    ):
        pass
