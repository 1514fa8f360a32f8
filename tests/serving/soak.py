"""Ask a server everything, right and wrong, for a long time, while versions change under it.

Run: python -m tests.serving.soak [--seconds 1800] [--askers 4] [--reloads 1000] [--workers 2]: prints JSON, or exits 1

Every answer must be, to the last number, that of one of the two versions that are published in turn; every refusal
must be the one that was due. With ``--reloads`` the next version is published as soon as all workers serve the one
before, so many times; every worker must then have opened each of them.

Memory is the server's own (``RssAnon``: what it mapped from files is the kernel's to drop), of which what is left
between peaks (a version that is being opened, a large answer) is looked at: its first decile over the last quarter may
be 5 % above that of the second quarter; the first is for warming up. On a machine that is busy with other things
warming up may take longer: where memory grew by more, up to two more periods of the same length follow, and only what
goes on growing in each of them is a leak.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from artifacts.publish import point_current
from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from serving.engine import Engine
from tests.serving.soak_questions import keep_asking, questions
from tests.small import write_small

ROOT = Path(__file__).parents[2]
GROWTH = 0.05
PERIODS = 3  # at most, until memory has come to rest
SERVED_SECONDS = 120.0  # within which every worker serves what was published


@dataclass
class Soaked:
    """What came of it."""

    seconds: float = 0.0
    requests: int = 0
    refused_rightly: int = 0
    overloaded: int = 0
    reloads: int = 0
    opened: int = 0
    failures: list[str] = field(default_factory=list)
    periods: list[list[float]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, due: int, status: int, wrong: str) -> None:
        """Note an answer; see `tests.serving.soak_questions.keep_asking`."""
        with self.lock:
            self.requests += 1
            self.refused_rightly += not wrong and due != 200
            self.overloaded += status == 429
            if wrong and status != 429 and len(self.failures) < 20:
                self.failures.append(wrong)

    @property
    def megabytes(self) -> list[float]:
        """Of the last period."""
        return self.periods[-1]

    @property
    def growth(self) -> float:
        """Share by which memory grew in the period in which it grew least."""
        return min(map(growth, self.periods))

    @property
    def good(self) -> bool:
        return not self.failures and self.growth <= GROWTH and self.requests > 0 and self.reloads > 0


def growth(megabytes: list[float]) -> float:
    """Share by which memory grew from the second quarter to the last."""
    quarter = len(megabytes) // 4  # fewer than two are too few to tell
    if quarter < 2:
        return 0.0
    before = statistics.quantiles(megabytes[quarter : 2 * quarter], n=10)[0]
    return statistics.quantiles(megabytes[3 * quarter :], n=10)[0] / before - 1


def soak(
    store: Store,
    versions: list[str],
    seconds: float,
    n_askers: int = 2,
    every: float = 2.0,
    workers: int = 1,
    reloads: int = 0,
) -> Soaked:
    """Serve ``store`` in processes of its own and ask; every so many seconds another of ``versions`` is published.

    With ``reloads`` that many are published instead, each as soon as all workers serve the one before, however long
    that takes.
    """
    asked, soaked, stop = questions(store, versions), Soaked(), threading.Event()
    words = ["serve", "--store", str(store.root), "--port", "0", "--cache", "2MB", "--log", "json"]
    words += ["--workers", str(workers)]
    with (store.root.parent / "server.log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-W", "error", "-m", "purlieu.main", *words],
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        try:
            address = address_in(Path(log.name))
            askers = [
                threading.Thread(target=keep_asking, args=(address, asked, number, stop, soaked.tell))
                for number in range(n_askers)
            ]
            for asker in askers:
                asker.start()
            if reloads:
                _reload(process.pid, address, Path(log.name), store, versions, reloads, workers, soaked)
            else:
                _watch(process.pid, store, versions, seconds, every, soaked)
        finally:
            stop.set()
            for asker in askers:
                asker.join(60)
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
        if code != 0:
            soaked.failures.append(f"the server ended with {code}")
        log.seek(0)
        for line in log:
            soaked.opened += "serving version" in line
            if ("unexpected" in line or "Traceback" in line) and len(soaked.failures) < 25:
                soaked.failures.append(line)
    return soaked


def two_versions(directory: Path) -> tuple[Store, list[str]]:
    """A store with two versions of the small index."""
    config = write_small(directory / "sources")
    store = Store.create(directory / "store")
    versions = []
    for seed in (0, 9):
        run_build(read_config(config, (f"fastrp.seed={seed}", f"powerwalk.seed={seed}")), store)
        versions.append(Engine.open(store, "small").version)
    return store, versions


def _watch(pid: int, store: Store, versions: list[str], seconds: float, every: float, soaked: Soaked) -> None:
    begun = time.monotonic()
    next_flip = begun + every
    while len(soaked.periods) < PERIODS and (not soaked.periods or soaked.growth > GROWTH):
        period, until = list[float](), time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            if now >= next_flip:
                _publish_next(store, versions, soaked)
                next_flip = now + every
            period.append(_anonymous(pid))
            time.sleep(min(1.0, seconds / 300))
        soaked.periods.append(period)
    soaked.seconds = time.monotonic() - begun


def _reload(
    pid: int, address: str, log: Path, store: Store, versions: list[str], reloads: int, workers: int, soaked: Soaked
) -> None:
    """Publish, have every worker look, wait until each has said that it serves it; and so on."""
    begun, memory = time.monotonic(), list[float]()
    with httpx.Client(base_url=address, timeout=60) as client, log.open() as lines:
        opened: Counter[int] = Counter()
        line = ""  # what is there of it: a worker may be in the middle of writing
        while True:
            deadline = time.monotonic() + SERVED_SECONDS
            while len(opened) < workers or min(opened.values()) <= soaked.reloads:
                if more := lines.readline():
                    line += more
                    if line.endswith("\n"):
                        if "serving version" in line:
                            opened[json.loads(line).get("worker", 0)] += 1
                        line = ""
                    continue
                if time.monotonic() > deadline:
                    soaked.failures.append(f"publication {soaked.reloads} is not served by all: {dict(opened)}")
                    break
                time.sleep(0.005)
            memory.append(_anonymous(pid))
            if soaked.failures or soaked.reloads == reloads:
                break
            _publish_next(store, versions, soaked)
            client.post("/v1/reload").raise_for_status()
    soaked.periods.append(memory)
    soaked.seconds = time.monotonic() - begun


def _publish_next(store: Store, versions: list[str], soaked: Soaked) -> None:
    soaked.reloads += 1
    point_current(store, "small", versions[soaked.reloads % len(versions)])


def _anonymous(pid: int) -> float:
    """Megabytes of a process and those it began."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(found[1]) / 1024 if found else 0.0) + sum(_anonymous(int(child)) for child in children)


def address_in(log: Path, seconds: float = 120.0) -> str:
    """The address that a server told its log, when it has."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := re.search(r"http://[\d.:]+", log.read_text()):
            return found[0]
        time.sleep(0.05)
    raise SystemExit(f"the server did not start: {log.read_text()}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold a server under load and look at its memory and its answers.")
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--askers", type=int, default=4)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two publications")
    parser.add_argument("--reloads", type=int, default=0, help="publish so many, as fast as they are served, and end")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    with TemporaryDirectory() as place:
        store, versions = two_versions(Path(place))
        soaked = soak(store, versions, args.seconds, args.askers, args.every, args.workers, args.reloads)
    document = {
        "good": soaked.good,
        "seconds": round(soaked.seconds, 1),
        "requests": soaked.requests,
        "refused_rightly": soaked.refused_rightly,
        "overloaded": soaked.overloaded,
        "published": soaked.reloads,
        "opened": soaked.opened,
        "megabytes": [round(soaked.megabytes[len(soaked.megabytes) * part // 8], 1) for part in range(8)],
        "growth": [round(growth(period), 4) for period in soaked.periods],
        "failures": soaked.failures,
    }
    sys.stdout.write(json.dumps(document) + "\n")
    raise SystemExit(0 if soaked.good else 1)


if __name__ == "__main__":
    main()
