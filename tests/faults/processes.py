"""Processes of a case: started in a session of their own, told apart by their environment, found again by it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

ROOT = Path(__file__).parents[2]
_SAID_BEFORE = re.compile(r"[\w.]+ +\d+/\d+ parts( .*)?|waiting for .+|starting Prefect.+|note: .+")
_TRACKER = "resource_tracker: "  # Python's own, which says at the death of a process with workers what it cleans up
_INTERNALS = ("Traceback", "Errno", "Warning", "unexpected", "site-packages", "object at 0x")


@final
@dataclass(slots=True)
class Child:
    """A command under way: its output goes to files, so that nothing waits for a pipe."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def wait(self, seconds: float) -> int | None:
        """Its exit code, None when it had to be killed after ``seconds``."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self) -> None:
        """SIGKILL, to it alone."""
        self.process.kill()
        self.process.wait()

    def signal(self, number: int, *, group: bool) -> None:
        """Send a signal to it, or to all of its session as a terminal does."""
        if group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def said(self) -> str:
        """Everything it wrote to stderr."""
        return self.err.read_text(errors="replace")

    def error(self) -> str:
        """The one line of its error, "" when there is none."""
        return next((line for line in self.said().splitlines() if line.startswith("purlieu: ")), "")

    def ill_said(self) -> str:
        """What on stderr is neither progress nor the one line of an error; "" when all is well."""
        errors = [line for line in self.said().splitlines() if line.startswith("purlieu: ")]
        others = [line for line in self.said().splitlines() if line.strip() and line not in errors]
        bad = [line for line in others if not _SAID_BEFORE.fullmatch(line) and _TRACKER not in line]
        bad += [line for line in errors if any(word in line for word in _INTERNALS)]
        bad += errors[1:]
        return " | ".join(bad)[:1500]


def start(words: Sequence[str], token: str, directory: Path, environment: Mapping[str, str]) -> Child:
    """Run Python with ``words``; ``token`` marks it and all that it starts."""
    number = len(list(directory.glob("*.err")))
    out, err = directory / f"{number}.out", directory / f"{number}.err"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PURLIEU_"))}
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-P", *words],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=ROOT,
            env={**clean, "PYTHONPATH": str(ROOT), "PURLIEU_CASE": token, "NO_PROXY": "*", **environment},
            start_new_session=True,
        )
    return Child(process, out, err)


def living(token: str) -> dict[int, str]:
    """Process ids and command lines of what carries ``token`` and still runs."""
    found = {}
    wanted = f"PURLIEU_CASE={token}".encode()
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit() or int(directory.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted not in (directory / "environ").read_bytes().split(b"\0"):
                continue
            if (directory / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found[int(directory.name)] = command.strip()
    return found


def gone(token: str, seconds: float) -> dict[int, str]:
    """Wait until nothing carries ``token``; what is left after ``seconds`` is killed and returned."""
    deadline = time.monotonic() + seconds
    while (left := living(token)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return left
