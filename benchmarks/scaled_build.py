"""Builds of R-MAT graphs with some number of workers, as threads of the build or as a Dask cluster of processes."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measured_build import ROOT, measured_build
from benchmarks.rmat import rmat_file
from flows.cluster import ONE_THREAD

STAGES = ("fastrp", "powerwalk", "minhash", "lsh", "ann.nodes")
CONFIG = """
name = "rmat"
[graph]
source = "{source}"
directed = false
duplicates = "first"
self_loops = "drop"
[fastrp]
orientation = "natural"
dim = 256
[powerwalk]
orientation = "natural"
[communities]
num_perm = 128
n_bands = 64
n_rows = 2
"""
ANN = """
[ann.nodes]
metric = "cosine"
kind = "hnsw"
"""


def write_config(folder: Path, scale: int, *, ann: bool = False) -> Path:
    """The config of an index over an R-MAT graph; the graph's file is made once."""
    path = folder / f"rmat-{scale}{'-ann' if ann else ''}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CONFIG.format(source=rmat_file(folder, scale)) + (ANN if ann else ""))
    return path


def scaled_build(config: Path, folder: Path, workers: int, way: str) -> dict[str, Any]:
    """Build ``config`` with so many workers of one thread each on "threads" or a "cluster"; what `measured_build` says.

    The graph is built before, and linked into a store of its own, which is removed afterwards. On a cluster "workers"
    holds the peak of each worker's memory.
    """
    base, store = folder / f"base-{config.stem}", folder / f"store-{workers}-{way}"
    if not base.exists():
        measured_build(config, base, ["runtime.workers=1"])
        for entry in (base / "objects").iterdir():
            if not entry.name.startswith("graph-"):
                shutil.rmtree(entry)
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(base, store, copy_function=os.link, ignore=shutil.ignore_patterns("indexes", "locks", "work"))
    try:
        if way == "threads":
            return measured_build(config, store, [f"runtime.workers={workers}"])
        with dask_cluster(folder, workers) as (address, pids):
            found = measured_build(config, store, [f'runtime.scheduler="{address}"', f"runtime.workers={workers}"])
            return found | {"workers": [peak_memory(pid) for pid in pids]}
    finally:
        shutil.rmtree(store, ignore_errors=True)


def peak_memory(pid: int) -> int:
    """The most a process ever had in memory, bytes."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) << 10 if found else 0


@contextlib.contextmanager
def dask_cluster(folder: Path, workers: int) -> Iterator[tuple[str, list[int]]]:
    """A scheduler and workers on loopback, each a process; the address, and the workers' process ids."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    env = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT)}
    common = ["--scheduler-file", str(file), "--no-dashboard", "--host", "127.0.0.1"]
    worker = [*common, "--nthreads", "1", "--no-nanny", "--memory-limit", "0", "--local-directory", str(folder)]
    commands = [["distributed.cli.dask_scheduler", *common, "--port", "0"]]
    commands += [["distributed.cli.dask_worker", *worker] for _ in range(workers)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", *command], env=env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for command in commands
    ]
    try:
        yield _ready(file, workers), [process.pid for process in processes[1:]]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def _ready(file: Path, workers: int) -> str:
    from distributed import Client

    begun = time.monotonic()
    while not file.exists() and time.monotonic() - begun < 60:
        time.sleep(0.1)
    with Client(scheduler_file=str(file), timeout=60, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=60)
        return str(client.scheduler_info()["address"])
