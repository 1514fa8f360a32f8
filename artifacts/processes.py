"""Whether the process that a note names is still the one that wrote it."""

from __future__ import annotations

import os
from pathlib import Path


def born(pid: int) -> int | None:
    """Clock ticks between boot and the start of a process, 0 where the kernel does not tell; None if it is gone."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if state in "ZX" else int(rest[18])
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return 0
