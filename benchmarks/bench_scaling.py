"""One worker and two: the compute stages of an R-MAT graph, on threads of the build and on a Dask cluster of processes.

Run: python -m benchmarks.bench_scaling [--scale 20] [--scratch DIR] [--ways threads cluster] [--ann]

Each worker has one thread. Beside the ratio of seconds stand what list scheduling makes of the partitions as one worker
measured them (the code's limit: serial parts and uneven partitions), and how much CPU time the same partitions take
with two workers (the machine's: caches and memory that both share, and neighbours). The machine's own ratio comes from
loops that do nothing but stream, gather, hash and write with one thread and with two.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import print_table
from benchmarks.scaled_build import STAGES, scaled_build, write_config
from benchmarks.schedule import Cluster, Task, makespan

DEFAULT_SCALE = 13  # what `make bench` runs in a minute; the target is stated for 20


def machine_ratios(scratch: Path) -> list[dict[str, object]]:
    """Rates of one thread and of two at once, bytes a second."""
    rng = np.random.default_rng(0)
    values = np.zeros((1 << 20, 64), dtype=np.float32)  # rows of 256 bytes, as a panel has them
    rows = rng.integers(0, len(values), 1 << 19)
    copies = [np.empty_like(values) for _ in range(2)]
    gathered = [np.empty((rows.size, 64), dtype=np.float32) for _ in range(2)]
    data = values.tobytes()

    def write(thread: int) -> int:
        with (scratch / f"probe-{thread}").open("wb") as file:
            file.write(data)
            os.fsync(file.fileno())
        return len(data)

    def stream(thread: int) -> int:
        np.copyto(copies[thread], values)
        return 2 * values.nbytes

    def gather(thread: int) -> int:
        np.take(values, rows, axis=0, out=gathered[thread], mode="clip")
        return gathered[thread].nbytes

    def digest(thread: int) -> int:  # noqa: ARG001  # like the others
        hashlib.sha256(data).digest()
        return len(data)

    found = []
    for name, loop in (("stream", stream), ("gather rows", gather), ("SHA-256", digest), ("write", write)):
        rates = [_rate(loop, n) for n in (1, 2)]
        found.append({"loop": name, "1 GB/s": rates[0] / 1e9, "2 GB/s": rates[1] / 1e9, "ratio": rates[1] / rates[0]})
    for thread in range(2):
        (scratch / f"probe-{thread}").unlink()
    return found


def _rate(loop: Callable[[int], int], n_threads: int, repeats: int = 3) -> float:
    best = 0.0
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(loop, range(n_threads)))
        for _ in range(repeats):
            begun = time.perf_counter()
            n_bytes = sum(pool.map(loop, range(n_threads)))
            best = max(best, n_bytes / (time.perf_counter() - begun))
    return best


def rounds_of(stage: dict[str, Any], clock: str = "seconds") -> list[list[Task]]:
    """The partitions of a measured stage as tasks, in the order they were handed out."""
    numbers = sorted({part["round"] for part in stage["parts"]})
    return [
        [
            Task(seconds=part[clock])
            for part in sorted(stage["parts"], key=lambda part: part["start"])
            if part["round"] == number
        ]
        for number in numbers
    ]


def compared(one: dict[str, Any], two: dict[str, Any]) -> list[dict[str, object]]:
    """A line per stage, and one for all of them."""
    lines: list[dict[str, object]] = []
    sums = np.zeros(5)
    for first, second in zip(one["stages"], two["stages"], strict=True):
        if first["name"] not in STAGES:
            continue
        rounds, alone = rounds_of(first, "cpu"), first["assembled"]["cpu"]
        planned = [makespan(rounds, Cluster(workers=n, cores=n)) + alone for n in (1, 2)]
        cpu = [sum(part["cpu"] for part in stage["parts"]) for stage in (first, second)]
        figures = np.array([first["seconds"], second["seconds"], *planned, alone])
        sums += figures
        grown = cpu[1] / max(1e-9, cpu[0])
        lines.append(_line(first["name"], figures, grown, max(first["memory"], second["memory"])))
    grown = sum(p["cpu"] for s in two["stages"] for p in s["parts"])
    grown /= max(1e-9, sum(p["cpu"] for s in one["stages"] for p in s["parts"]))
    lines.append(_line("all", sums, grown, max(one["memory"], two["memory"])))
    return lines


def _line(name: str, figures: Sequence[float] | np.ndarray[Any, Any], grown: float, memory: int) -> dict[str, object]:
    first, second, planned_first, planned_second, alone = (float(figure) for figure in figures)
    return {
        "stage": name,
        "1 worker s": first,
        "2 workers s": second,
        "ratio": first / second,
        "the code allows": planned_first / max(1e-9, planned_second),
        "serial CPU s": alone,
        "CPU of parts, 2 : 1": grown,
        "build's peak MiB": memory / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=DEFAULT_SCALE)
    parser.add_argument("--scratch", type=Path, help="kept afterwards: the graph is made once")
    parser.add_argument("--ways", nargs="+", choices=("threads", "cluster"), default=["threads", "cluster"])
    parser.add_argument("--ann", action="store_true", help="also the nearest-neighbour index of the embeddings")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.scratch or Path(temporary)
        config = write_config(folder, args.scale, ann=args.ann)
        warm = write_config(folder, 10, ann=args.ann)
        print("the machine, one thread and two")
        print_table(machine_ratios(folder))
        for way in args.ways:
            scaled_build(warm, folder, 1, way)  # compiles
            one, two = (scaled_build(config, folder, n, way) for n in (1, 2))
            print(f"\nR-MAT scale {args.scale}, {way}")
            print_table(compared(one, two))
            if "workers" in two:
                print("peak of each worker, MiB:", ", ".join(f"{n / 2**20:.0f}" for n in two["workers"]))


if __name__ == "__main__":
    main()
