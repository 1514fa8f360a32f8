"""A limit on all memory of a process, the pages of files it maps among them, where this machine lets us set one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

_ROOTS = {Path("/sys/fs/cgroup/memory"): "memory.limit_in_bytes", Path("/sys/fs/cgroup"): "memory.max"}


@contextlib.contextmanager
def limited(n_bytes: int) -> Iterator[Path]:
    """A control group of at most ``n_bytes``; skips the test where none can be made."""
    for root, limit in _ROOTS.items():
        group = root / f"purlieu-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(n_bytes))
        except OSError:
            group.rmdir()
            continue
        try:
            yield group
        finally:
            for _ in range(100):  # the kernel lets go of the last process a moment after it ended
                with contextlib.suppress(OSError):
                    group.rmdir()
                    break
                time.sleep(0.05)
        return
    pytest.skip("this machine lets nobody make a control group for memory")


def run_limited(group: Path, script: str, arguments: Sequence[str]) -> str:
    """What a Python script prints that joins ``group`` before it does anything."""
    joining = f"import os\nopen({str(group / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))\n"
    command = [sys.executable, "-P", "-c", joining + script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
