"""FastRP from CSR to the finished embedding, each run in a fresh process, beside SciPy, the Rust `fastrp` and pycleora.

Run: python -m benchmarks.bench_fastrp [--scales 17 18 20] [--shuffled 18] [--repeats 3]

PURLIEU_PEERS names a Python that has `fastrp` and `pycleora`; without it their rows are left out. Times are cold:
memory is touched for the first time inside the clock, kernels are compiled and loaded before it.
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
from pathlib import Path
from typing import Any

import networkx as nx
import numba
import numpy as np

from benchmarks.bench import print_table
from benchmarks.fastrp_peers import DIM, WEIGHTS
from benchmarks.fastrp_run import params_of
from benchmarks.rmat import rmat
from foundation.kernels.simd import prefetch_element
from graph.csr import CSRGraph
from graph.fastrp import fastrp
from graph.fastrp_start import next_source, start_panel
from graph.propagation import Walk, row_norms

ROOT = Path(__file__).parents[1]
OURS = ("float16", "int8", "float32")
PEERS = ("fastrp", "pycleora")
ITEM = {"float16": 2, "int8": 1, "float32": 4}


def shuffled(graph: CSRGraph) -> CSRGraph:
    """The same graph with its ids drawn anew: nothing lies beside its neighbours any more."""
    order = np.random.default_rng(0).permutation(graph.n_nodes)
    src = np.repeat(order, graph.out_degree())
    return CSRGraph.from_edges(src, order[graph.indices], n_nodes=graph.n_nodes)


def save(graph: CSRGraph, folder: Path) -> Path:
    folder.mkdir(parents=True)
    np.save(folder / "indptr.npy", graph.indptr)
    np.save(folder / "indices.npy", graph.indices)
    return folder


def run(program: str, folder: Path, n_threads: int, warm: bool = False) -> dict[str, float]:
    """Cost of one run in a process of its own."""
    if program in OURS:
        state = "warm" if warm else "cold"
        command = [sys.executable, "-m", "benchmarks.fastrp_run", program, str(folder), str(n_threads), state]
    else:
        python = sys.executable if program == "scipy" else os.environ["PURLIEU_PEERS"]
        command = [python, "-P", str(ROOT / "benchmarks" / "fastrp_peers.py"), program, str(folder), str(n_threads)]
    threads = {name: str(n_threads) for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    environment = os.environ | threads | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(one[key] for one in runs) for key in runs[0]}


def compare(name: str, graph: CSRGraph, folder: Path, repeats: int) -> None:
    """One table: every program with one thread and with two, ratios of CPU and wall time."""
    save(graph, folder)
    programs = [*OURS, "scipy", *(PEERS if "PURLIEU_PEERS" in os.environ else ())]
    costs: dict[tuple[str, int], list[dict[str, float]]] = {}
    for repeat in range(repeats):  # taking turns, so that a busy moment of the machine hits all alike
        for n_threads in (1, 2):
            for program in programs[repeat:] + programs[:repeat]:
                if repeat and program == "pycleora":
                    continue  # building its graph takes minutes
                if n_threads == 2 and program == "scipy":
                    continue  # it has one thread
                costs.setdefault((program, n_threads), []).append(run(program, folder, n_threads))
    cost = {key: medians(runs) for key, runs in costs.items()}
    ours, cpu = cost["float16", 1], {key: value["user"] + value["system"] for key, value in cost.items()}
    rows = []
    for (program, n_threads), found in cost.items():
        rows.append(
            {
                "program": program if program not in OURS else f"purlieu {program}",
                "threads": n_threads,
                "user s": found["user"],
                "system s": found["system"],
                "wall s": found["wall"],
                "peak MiB": found["peak_mib"],
                "CPU : float16": cpu[program, n_threads] / (ours["user"] + ours["system"]),
                "CPU : int8": cpu[program, n_threads] / cpu["int8", 1],
                "wall : float16, 2 threads": found["wall"] / cost["float16", 2]["wall"],
            }
        )
    print(f"\n{name}: {graph.n_nodes:,} nodes, {graph.n_edges:,} arcs; dim {DIM}, weights {WEIGHTS}, cold\n")
    print_table(rows)
    warm = {p: medians([run(p, folder, 1, warm=True) for _ in range(repeats)]) for p in ("float16", "int8")}
    said = ", ".join(f"{p} {found['user']:.2f} user + {found['system']:.2f} system" for p, found in warm.items())
    print(f"\nwith memory that was touched before, one thread: {said}")


@numba.njit(nogil=True, cache=True)
def read_rows(words: Any, rows: Any) -> int:
    """Sum of the words of the rows named, each row asked for sixteen rows before its turn."""
    total, width = np.uint64(0), words.shape[1]
    for i in range(rows.size):
        if i + 16 < rows.size:
            soon = np.int64(rows[i + 16]) * width
            for c in range(0, width, 8):
                prefetch_element(words, soon + c)
        row = words[rows[i]]
        for c in range(width):
            total += row[c]
    return total


def against_bandwidth(graph: CSRGraph) -> None:
    """Seconds of a product beside those that the machine takes to read the same rows and do nothing with them."""
    rows = []
    for precision in OURS:
        params = params_of(precision)
        walk = Walk.over(graph, params.precision)
        start = start_panel(graph, params, 0, DIM)
        first = walk.step(start.source)
        source = next_source(walk, params, first, row_norms([first.squares]))
        words = first.values.view(np.uint64)
        wanted = walk.places[graph.indices]
        anywhere = np.random.default_rng(0).integers(0, walk.n_places, wanted.size // 4).astype(wanted.dtype)
        n_bytes = wanted.size * (DIM * ITEM[precision] + DIM // 64 * 4 + 4) + walk.n_places * DIM * ITEM[precision]
        seconds = {}
        for what, work in (
            ("random", lambda words=words, anywhere=anywhere: read_rows(words, anywhere)),
            ("read", lambda words=words, wanted=wanted: read_rows(words, wanted)),
            ("product", lambda walk=walk, source=source, first=first: walk.step(source, into=first)),
        ):
            work()
            took = []
            for _ in range(3):
                begun = time.thread_time()
                work()
                took.append(time.thread_time() - begun)
            seconds[what] = statistics.median(took)
        gathered = wanted.size * DIM * ITEM[precision]
        at_random = gathered / 4 / seconds["random"]
        rows.append(
            {
                "precision": precision,
                "bytes moved GB": n_bytes / 1e9,
                "gather GB/s, random rows": at_random / 1e9,
                "these rows": gathered / seconds["read"] / 1e9,
                "product s": seconds["product"],
                "product : gather of random rows": seconds["product"] / (n_bytes / at_random),
                "product : these rows": seconds["product"] / (n_bytes / (gathered / seconds["read"])),
            }
        )
    print("\none product, one thread, beside reading rows and adding up their words: random ones, then these\n")
    print_table(rows)


def purity(precision: str) -> float:
    """Share of the 10 nearest by cosine that lie in the node's own part of a planted partition of 50 x 40 nodes."""
    network = nx.planted_partition_graph(50, 40, 0.15, 0.004, seed=1)
    embedding = fastrp(CSRGraph.from_networkx(network), params_of(precision)).astype(np.float64)
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, -1)
    nearest = np.argpartition(-likeness, 10, axis=1)[:, :10]
    return float(np.mean(nearest // 40 == np.arange(len(unit))[:, None] // 40))


def quality(graph: CSRGraph) -> None:
    """What narrow rows change: entries, directions, neighbours."""
    exact = fastrp(graph, params_of("float32"), n_threads=2)
    picked = np.flatnonzero(graph.out_degree())[::97][:1000]
    rows = []

    def likeness(embedding: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        unit = embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-9)
        return unit[picked] @ unit.T

    true = likeness(exact)
    tenth = -np.partition(-true, 9, axis=1)[:, 9:10]
    for precision in OURS:
        found = fastrp(graph, params_of(precision), n_threads=2)
        nearest = np.argpartition(-likeness(found), 10, axis=1)[:, :10]
        worse = np.take_along_axis(true, nearest, axis=1) < tenth - 1e-6  # equal ones may take each other's place
        rows.append(
            {
                "precision": precision,
                "largest error of an entry": float(np.abs(found - exact).max()),
                "of the ten nearest, worse ones": f"{np.mean(worse):.2%}",
                "purity@10 of a planted partition": purity(precision),
            }
        )
    print(f"\nquality beside float32, {graph.n_nodes:,} nodes\n")
    print_table(rows)


def main(*arguments: str) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scales", type=int, nargs="*", default=[17, 18, 20])
    parser.add_argument("--shuffled", type=int, nargs="*", default=[18], help="scales to repeat with ids drawn anew")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args(arguments)
    if "PURLIEU_PEERS" not in os.environ:
        print("PURLIEU_PEERS names no Python with fastrp and pycleora: their rows are left out")
    with tempfile.TemporaryDirectory() as folder:
        for scale in asked.scales:
            graph = rmat(scale)
            compare(f"R-MAT {scale}", graph, Path(folder) / str(scale), asked.repeats)
            if scale == max(asked.scales):
                against_bandwidth(graph)
            if scale in asked.shuffled:
                compare(
                    f"R-MAT {scale}, ids shuffled", shuffled(graph), Path(folder) / f"{scale}-shuffled", asked.repeats
                )
    quality(rmat(15))


if __name__ == "__main__":
    main(*sys.argv[1:])
