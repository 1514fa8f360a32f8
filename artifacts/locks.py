"""Locks between processes, released by the kernel when their holder dies.

``flock`` on a small file that also says who holds it: a lock left by a dead process does not exist any
more, whatever the file still says.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from artifacts.disk import explained
from foundation.errors import StoreLocked


@contextlib.contextmanager
def locked(
    path: Path, purpose: str, *, shared: bool = False, wait: float = 0.0, on_wait: Callable[[str], None] | None = None
) -> Iterator[Callable[[], None]]:
    """Hold the lock at ``path``; yields a check that it is still held, which with ``flock`` it always is.

    Parameters
    ----------
    purpose : what the holder is doing, shown to whoever finds the lock taken
    shared : many shared holders, or one that is not
    wait : seconds to wait for it; ``on_wait`` is told once who is being waited for

    Raises
    ------
    StoreLocked
        When it is still taken after ``wait`` seconds.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + wait
        told = False
        while True:
            try:
                fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = _holder(path)
                if time.monotonic() >= deadline:
                    raise StoreLocked(path=str(path), holder=holder) from None
                if on_wait is not None and not told:
                    on_wait(holder)
                    told = True
                time.sleep(0.1)
        with contextlib.suppress(OSError):  # a full disk is no reason not to hold it: gc must
            _sign(descriptor, purpose)  # of many shared holders the last to come
        yield _held
    finally:
        os.close(descriptor)


def _held() -> None:
    """The kernel takes no lock away."""


def _sign(descriptor: int, purpose: str) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since, "purpose": purpose})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def _holder(path: Path) -> str:
    try:
        facts = json.loads(path.read_text())
        if facts["host"] == socket.gethostname() and not _lives(int(facts["pid"])):
            return "another process"  # who signed has ended: one of several that shared it
        return f"process {facts['pid']} on {facts['host']} ({facts['purpose']}, since {facts['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that left no name"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
