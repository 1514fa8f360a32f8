"""Random walks beside a bare pointer chase over the same arrays, a plain walker, PecanPy and pycleora.

Run: python -m benchmarks.bench_walks [--scales 17 20] [--repeats 5]

Million steps per CPU-second of one thread, medians, compiled; what takes turns within a repeat is compared. The chase
goes to a random neighbour, many walkers side by side, and does nothing else. Alias tables are made before.
PURLIEU_PEERS names a Python that has `pecanpy` and `pycleora`; without it their rows are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from benchmarks.bench import print_table
from benchmarks.rmat import rmat
from foundation.kernels.simd import prefetch_element
from foundation.kernels.splitmix import hash2
from graph.csr import CSRGraph
from graph.powerwalk import PowerWalkParams, fingerprints
from graph.random_walks import RandomWalkParams, random_walks
from graph.walk_tables import arc_aliases

ROOT = Path(__file__).parents[1]
STREAMS = (16, 32, 64, 128)
CHASED = 8_000_000
LARGEST_OF_PEERS = 18  # pycleora takes lists of Python integers
PEER_WALKS = {("pecanpy", 1.0): 100_000, ("pecanpy", 0.5): 1000, ("pycleora", 1.0): 3000, ("pycleora", 0.5): 30}
_HALF = np.uint64(32)


@numba.njit(nogil=True, cache=True)
def chase(indptr: Any, indices: Any, at: Any, arcs: Any, n_steps: int) -> None:
    """``n_steps`` of every walker in ``at``, each to a random neighbour, in two sweeps that ask for lines ahead."""
    for step in range(n_steps):
        for i in range(at.size):
            first = indptr[at[i]]
            degree = np.uint64(indptr[at[i] + 1] - first)
            arcs[i] = first + np.int64(((hash2(np.uint64(i), np.uint64(step)) >> _HALF) * degree) >> _HALF)
            prefetch_element(indices, arcs[i])
        for i in range(at.size):
            at[i] = indices[arcs[i]]
            prefetch_element(indptr, np.int64(at[i]))


@numba.njit(nogil=True, cache=True)
def plain_walks(indptr: Any, indices: Any, rows: Any, n_walks: int, damping: float, visits: Any) -> int:
    """What one writes first: one walk after another, numba's own random numbers, visits counted in an array."""
    n_steps = 0
    for row in rows:
        for _ in range(n_walks):
            node = row
            while indptr[node] < indptr[node + 1] and np.random.random() < damping:  # noqa: NPY002  # numba's own
                node = indices[np.random.randint(indptr[node], indptr[node + 1])]  # noqa: NPY002  # as above
                visits[node] += 1
                n_steps += 1
    return n_steps


def timed(work: Callable[[], int]) -> float:
    """Million steps per CPU-second."""
    begun = time.process_time()
    n_steps = work()
    return n_steps / (time.process_time() - begun) / 1e6


def told(work: Callable[[], Any], count: Callable[[Any], int]) -> Callable[[], int]:
    """``work`` that returns its steps, which are counted once, the first time."""
    known: list[int] = []

    def counted() -> int:
        found = work()
        if not known:
            known.append(count(found))
        return known[0]

    return counted


def peer(library: str, folder: Path, p: float, q: float) -> tuple[str, float]:
    """Version and million steps per CPU-second."""
    threads = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [os.environ["PURLIEU_PEERS"], "-P", str(ROOT / "benchmarks" / "walk_peers.py"), library, str(folder)]
    words = [str(p), str(q), str(PEER_WALKS[library, p]), "80"]
    done = subprocess.run([*command, *words], env=os.environ | threads, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    return f"{library} {found['version']}", found["steps"] / found["seconds"] / 1e6


def ours(graph: CSRGraph, rows: int) -> dict[str, Callable[[], int]]:
    """Every program of ours that walks, from the first ``rows`` rows."""
    weights = np.random.default_rng(0).random(graph.n_edges, dtype=np.float32) + np.float32(0.1)
    weighted = CSRGraph(indptr=graph.indptr, indices=graph.indices, weights=weights, check=False)

    aliases = arc_aliases(weighted)

    def prints(of: CSRGraph, **more: Any) -> Callable[[], int]:
        params = PowerWalkParams(n_walks=100, **more)
        ready = aliases if of is weighted else None
        return told(
            lambda: fingerprints(of, params, 0, rows, aliases=ready),
            lambda found: int(found.counts.sum(dtype=np.int64)),
        )

    def corpus(of: CSRGraph, p: float, q: float) -> Callable[[], int]:
        params = RandomWalkParams(walks_per_node=1, p=p, q=q)
        n_rows = rows if p == 1 else rows // 10
        ready = aliases if of is weighted else None
        return told(
            lambda: random_walks(of, params, 0, n_rows, aliases=ready),
            lambda found: int(np.count_nonzero(found >= 0)) - n_rows,
        )

    return {
        "fingerprints, 100 walks": prints(graph),
        "fingerprints, 100 walks by degree": prints(graph, allotment="degree"),
        "fingerprints, 100 walks, weighted": prints(weighted),
        "corpus": corpus(graph, 1.0, 1.0),
        "corpus, weighted": corpus(weighted, 1.0, 1.0),
        "corpus, p = .5, q = 2": corpus(graph, 0.5, 2.0),
        "corpus, p = .5, q = 2, weighted": corpus(weighted, 0.5, 2.0),
    }


def compare(graph: CSRGraph, scale: int, folder: Path, repeats: int) -> None:
    """One table of rates."""
    walking = np.flatnonzero(graph.out_degree())
    rows = min(graph.n_nodes, 1 << 17)
    visits = np.zeros(graph.n_nodes, dtype=np.uint32)
    some = walking[:: max(1, walking.size // 5000)]
    programs: dict[str, Callable[[], int]] = {}
    for n_streams in STREAMS:
        programs[f"chase, {n_streams} walkers"] = lambda n=n_streams: chased(graph, walking, n)
    programs["plain numba walker"] = lambda: plain_walks(graph.indptr, graph.indices, some, 100, 0.85, visits)
    programs |= ours(graph, rows)
    for work in programs.values():
        work()
    rates: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repeats):
        for name, work in programs.items():
            rates[name].append(timed(work))
    rate = {name: statistics.median(found) for name, found in rates.items()}
    if "PURLIEU_PEERS" in os.environ and scale <= LARGEST_OF_PEERS:
        np.save(folder / "indptr.npy", graph.indptr)
        np.save(folder / "indices.npy", graph.indices)
        for library, p in PEER_WALKS:
            said, found = peer(library, folder, p, 1 / p)
            rate[f"{said}{'' if p == 1 else ', p = .5, q = 2'}"] = found
    best = max(rate[f"chase, {n} walkers"] for n in STREAMS)
    print(f"\nR-MAT {scale}: {graph.n_nodes:,} nodes, {graph.n_edges:,} arcs; one thread\n")
    print_table(
        [
            {
                "program": name,
                "M steps/CPU-s": found,
                "of the 32-walker chase": f"{found / rate['chase, 32 walkers']:.0%}",
                "of the best chase": f"{found / best:.0%}",
                "of the plain walker": f"{found / rate['plain numba walker']:.2f}",
            }
            for name, found in rate.items()
        ]
    )


def chased(graph: CSRGraph, walking: npt.NDArray[np.int64], n_streams: int) -> int:
    """A chase from random nodes; returns its steps."""
    at = np.random.default_rng(0).choice(walking, n_streams).astype(np.int32)
    chase(graph.indptr, graph.indices, at, np.empty(n_streams, dtype=np.int64), CHASED // n_streams)
    return CHASED // n_streams * n_streams


def threads(graph: CSRGraph, repeats: int) -> None:
    """Seconds of the index with one thread and with two."""
    rows = []
    for n_walks in (10, 100):
        params = PowerWalkParams(n_walks=n_walks)
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(repeats):
            for n_threads, took in seconds.items():
                begun = time.perf_counter()
                fingerprints(graph, params, 0, min(graph.n_nodes, 1 << 17), n_threads=n_threads)
                took.append(time.perf_counter() - begun)
        one, two = (statistics.median(took) for took in seconds.values())
        rows.append({"walks": n_walks, "1 thread s": one, "2 threads s": two, "faster by": one / two})
    print("\nfingerprints, wall seconds\n")
    print_table(rows)


def main(*arguments: str) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scales", type=int, nargs="*", default=[17, 20])
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args(arguments)
    if "PURLIEU_PEERS" not in os.environ:
        print("PURLIEU_PEERS names no Python with pecanpy and pycleora: their rows are left out")
    for scale in asked.scales:
        graph = rmat(scale)
        with tempfile.TemporaryDirectory() as folder:
            compare(graph, scale, Path(folder), asked.repeats)
        threads(graph, asked.repeats)


if __name__ == "__main__":
    main(*sys.argv[1:])
