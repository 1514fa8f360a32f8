"""Ask a server what its own description allows, and what it forbids, by the thousand.

Run: python -m tests.serving.fuzz [--examples 650]     of each operation, 10,000 cases in all; exits 1 on a failure

All checks of schemathesis are made (no 5xx; no status, media type, header or body that is not described; refusal of
what does not fit), and one of ours: what fits the description is never refused as a misfit.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from tests.serving.soak import address_in
from tests.small import write_small

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
_CASES = re.compile(r"Test cases:\s+([\d,]+) generated")


@dataclass(frozen=True)
class Fuzzed:
    """What came of it."""

    code: int
    cases: int
    said: str


@contextlib.contextmanager
def served(directory: Path) -> Iterator[str]:
    """The small index, served by a process of its own; yields its address."""
    store = Store.create(directory / "store")
    run_build(read_config(write_small(directory / "sources"), ()), store)
    log = directory / "server.log"
    with log.open("w") as lines:
        words = ["serve", "--store", str(store.root), "--port", "0", "--log", "json"]
        process = subprocess.Popen(
            [sys.executable, "-P", "-W", "error", "-m", "purlieu.main", *words],
            stderr=lines,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        try:
            yield address_in(log)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def fuzz(address: str, directory: Path, examples: int, *, seed: int = 0) -> Fuzzed:
    """Ask for so many examples of each operation, and of what does not fit it."""
    words = ["run", f"{address}/openapi.json", "--max-examples", str(examples), "--checks", "all", "--seed", str(seed)]
    ended = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "schemathesis.cli",
            "--config-file",
            str(HERE / "fuzz.toml"),
            *words,
            "--no-color",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.serving.fuzz_hooks"},
    )
    found = _CASES.search(ended.stdout)
    cases = int(found[1].replace(",", "")) if found else 0
    return Fuzzed(ended.returncode, cases, ended.stdout + ended.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold a server to its own description.")
    parser.add_argument("--examples", type=int, default=650, help="of each operation")
    args = parser.parse_args()
    with TemporaryDirectory() as place, served(Path(place)) as address:
        found = fuzz(address, Path(place), args.examples)
        server = Path(place, "server.log").read_text()
    unexpected = [line for line in server.splitlines() if "unexpected" in line or "Traceback" in line]
    sys.stdout.write(found.said)
    sys.stdout.write("".join(f"{line}\n" for line in unexpected[:5]))
    raise SystemExit(found.code or bool(unexpected))


if __name__ == "__main__":
    main()
