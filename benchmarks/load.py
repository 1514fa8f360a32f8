"""A server in a process of its own, and wrk (https://github.com/wg/wrk, Debian package ``wrk``) asking it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

ROOT = Path(__file__).parents[1]

# Every thread begins elsewhere in the list, so that connections do not ask the same at the same time.
_SCRIPT = """
local bodies = {}
for line in io.lines("BODIES") do bodies[#bodies + 1] = line end
local n_threads = 0
function setup(thread) thread:set("number", n_threads); n_threads = n_threads + 1 end
local at = nil
function request()
  if at == nil then at = number * 7919 end
  at = at + 1
  local body = bodies[at % #bodies + 1]
  if body:sub(1, 1) == "?" then return wrk.format("GET", wrk.path .. body) end
  return wrk.format("POST", nil, nil, body)
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\nJSON {"requests":%d,"micros":%d,"p50":%f,"p99":%f,"max":%f,"failed":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@final
@dataclass(frozen=True, slots=True)
class Load:
    """What came of asking for some seconds over some connections; times in milliseconds."""

    per_second: float
    p50: float
    p99: float
    most: float
    failed: int


def has_wrk() -> bool:
    """Whether the load tool is installed."""
    return shutil.which("wrk") is not None


@contextlib.contextmanager
def served(store: Path, *options: str) -> Iterator[str]:
    """The command ``purlieu serve`` in a process of its own; yields its address."""
    words = [sys.executable, "-P", "-m", "purlieu.main", "serve", "--store", str(store), "--port", "0", *options]
    process = subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, env=dict(os.environ, PYTHONPATH=str(ROOT)), cwd=ROOT
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise SystemExit(f"the server did not start: {line}{process.stderr.read()}")
        yield found[0]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def ask(address: str, path: str, bodies: Sequence[str], *, connections: int, seconds: float) -> Load:
    """Post ``bodies``, one after the other and again from the first, over so many connections at the same time.

    What begins with "?" is no body but the query of a GET.
    """
    with TemporaryDirectory() as place:
        lines, script = Path(place, "bodies"), Path(place, "load.lua")
        lines.write_text("".join(f"{body}\n" for body in bodies))
        script.write_text(_SCRIPT.replace("BODIES", str(lines)))
        words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s", "-s", str(script)]
        told = subprocess.run([*words, address + path], capture_output=True, text=True, check=True).stdout
    found = json.loads(told.partition("JSON ")[2])
    return Load(
        per_second=found["requests"] / (found["micros"] / 1e6),
        p50=found["p50"] / 1e3,
        p99=found["p99"] / 1e3,
        most=found["max"] / 1e3,
        failed=found["failed"],
    )
