"""k-medoids beside the kmedoids package (Rust), and samples beside searches: seconds and loss in one run.

Run: python -m benchmarks.bench_medoids [--n 5000] [--k 10 100] [--repeats 5] [--only search samples]

PURLIEU_PEERS names a Python that has `kmedoids`; without it its rows are left out. All start from the same medoids, but
for BUILD, which finds some. Matrices are float32 and lie in memory; their check is inside the clock. "of peer" is our
wall time over the peer's of the same row, with as many threads. Samples are judged on all points, beside medoids that
FasterPAM finds in 10,000 of them, the best of 3 starts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import print_table
from benchmarks.debian import debian_graph
from clustering.medoids.assignment import Medoids, assigned
from clustering.medoids.dissimilarities import Dissimilarities, Matrix
from clustering.medoids.fastclara import fastclara
from clustering.medoids.fastclarans import fastclarans
from clustering.medoids.fasterpam import fasterpam
from clustering.medoids.fastpam1 import fastpam1
from clustering.medoids.params import ClaransParams, ClaraParams, MedoidParams
from clustering.medoids.sketches import SketchDissimilarities
from clustering.medoids.starts import build, drawn
from clustering.medoids.vectors import VectorDissimilarities
from clustering.neighbourhoods import neighbourhoods
from clustering.sketches.sketch import SketchParams, sketch
from graph.fastrp import FastRPParams, fastrp

ROOT = Path(__file__).parents[1]
N_LARGE, N_SAMPLE = 50_000, 10_000
Row = dict[str, object]


def blobs(n: int, n_blobs: int = 100, dim: int = 16, spread: float = 1.0) -> np.ndarray[Any, Any]:
    """Points around random centres; with a spread of 1 the blobs overlap."""
    rng = np.random.default_rng(0)
    centres = spread * rng.standard_normal((n_blobs, dim))
    return (centres[rng.integers(0, n_blobs, n)] + rng.standard_normal((n, dim))).astype(np.float32)


def collections(n: int) -> Iterator[tuple[str, Dissimilarities]]:
    """What is clustered: blobs, embeddings of Debian packages, sketches of their neighbourhoods; n of each at most."""
    yield "blobs, l2", VectorDissimilarities(blobs(n))
    graph = debian_graph("undirected")
    packages = drawn(graph.n_nodes, min(n, graph.n_nodes), 0, "bench.medoids")
    yield "Debian FastRP, cosine", VectorDissimilarities(fastrp(graph, FastRPParams(dim=64))[packages], "cosine")
    made = sketch(*neighbourhoods(graph, "both", include_self=True), SketchParams(num_perm=128))
    yield "Debian neighbourhoods, Jaccard", SketchDissimilarities(made.rows(packages))


def timed(work: Callable[[], Any], repeats: int) -> tuple[Any, float, float]:
    """Answer, median wall seconds, median CPU seconds."""
    laps = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        answer = work()
        laps.append((time.perf_counter() - wall, time.process_time() - cpu))
    seconds = np.median(laps, axis=0)
    return answer, float(seconds[0]), float(seconds[1])


def peer(matrix: np.ndarray[Any, Any], start: np.ndarray[Any, Any], names: str, n_cpu: int, repeats: int) -> Any:
    """What kmedoids says; nothing without an interpreter that has it."""
    if "PURLIEU_PEERS" not in os.environ:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "matrix.npy", matrix)
        np.save(Path(folder) / "start.npy", start)
        script = str(ROOT / "benchmarks" / "medoid_peers.py")
        command = [os.environ["PURLIEU_PEERS"], "-P", script, folder, names, str(n_cpu), str(repeats)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def search_rows(name: str, matrix: np.ndarray[Any, Any], k: int, repeats: int) -> Iterator[Row]:
    """FasterPAM with one and two threads, FastPAM1 and BUILD, ours and the peer's."""
    start, params = drawn(len(matrix), k, 0, "bench.start"), MedoidParams(n_medoids=k)
    ours: dict[tuple[str, int], Callable[[], Any]] = {
        ("fasterpam", 1): lambda: fasterpam(Matrix(matrix), params, medoids=start),
        ("fasterpam", 2): lambda: fasterpam(Matrix(matrix, n_threads=2), params, medoids=start, n_threads=2),
        ("fastpam1", 1): lambda: fastpam1(Matrix(matrix), params, medoids=start),
        ("build", 1): lambda: build(Matrix(matrix), k),
    }
    theirs = {
        1: peer(matrix, start, "fasterpam,fastpam1,build", 1, repeats),
        2: peer(matrix, start, "fasterpam", 2, repeats),
    }
    for (what, threads), work in ours.items():
        answer, wall, cpu = timed(work, repeats if what == "fasterpam" else 1)
        if isinstance(answer, Medoids):
            loss, swaps = answer.loss, answer.n_swaps
        else:
            loss, swaps = assigned(Matrix(matrix), answer, 0, 0, True).loss, 0
        common = {"data": name, "n": len(matrix), "k": k, "search": what, "threads": threads}
        beside = theirs[threads].get(what)
        yield {
            **common, "by": "purlieu", "wall s": wall, "CPU s": cpu, "loss": f"{loss:.3f}", "swaps": swaps,
            "of peer": wall / beside["wall s"] if beside else "",
            "CPU of peer": cpu / beside["CPU s"] if beside else "",
        }  # fmt: skip
        if beside:
            beside["loss"] = f"{beside['loss']:.3f}"
            yield {**common, "by": "kmedoids", **beside, "of peer": "", "CPU of peer": ""}


def sample_rows(name: str, points: Dissimilarities, k: int) -> Iterator[Row]:
    """FastCLARA and FastCLARANS on all points, beside what FasterPAM finds in a large sample."""
    chosen = np.sort(drawn(len(points), min(len(points), N_SAMPLE), 0, "bench.sample"))

    def reference() -> Medoids:
        matrix = Matrix(points.rows(chosen, chosen))
        searches = (fasterpam(matrix, MedoidParams(n_medoids=k, init="lab", seed=seed)) for seed in range(3))
        best = min(searches, key=lambda found: found.loss)
        return assigned(points, chosen[best.medoids], best.n_iter, best.n_swaps, True)

    works: dict[str, Callable[[], Medoids]] = {
        f"FasterPAM on {chosen.size}, 3 starts": reference,
        "FastCLARA, 5 samples of 80 + 4 k": lambda: fastclara(points, ClaraParams(n_medoids=k, sample_size=80 + 4 * k)),
        "FastCLARA, default": lambda: fastclara(points, ClaraParams(n_medoids=k)),
        "FastCLARA, default, two threads": lambda: fastclara(points, ClaraParams(n_medoids=k), n_threads=2),
        "FastCLARANS, default": lambda: fastclarans(points, ClaransParams(n_medoids=k)),
    }
    least = None
    for what, work in works.items():
        answer, wall, cpu = timed(work, 1)
        least = answer.loss if least is None else least
        yield {
            "data": name, "n": len(points), "k": k, "search": what, "wall s": wall, "CPU s": cpu,
            "loss": f"{answer.loss:.1f}", "of FasterPAM's loss": f"{answer.loss / least:.4f}",
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--k", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=["search", "samples"], default=["search", "samples"])
    args = parser.parse_args()
    fasterpam(
        Matrix(np.eye(70, dtype=np.float32)), MedoidParams(n_medoids=2, init="build")
    )  # compiled outside the clock
    fastpam1(Matrix(np.eye(70, dtype=np.float32)), MedoidParams(n_medoids=2, init="lab"))
    if "search" in args.only:
        if "PURLIEU_PEERS" not in os.environ:
            print("PURLIEU_PEERS names no Python with kmedoids: its rows are left out")
        for name, points in collections(args.n):
            matrix = np.array(points.rows(slice(None)))
            print_table([row for k in args.k for row in search_rows(name, matrix, k, args.repeats)])
    if "samples" in args.only:
        for name, points in collections(N_LARGE):
            print_table(list(sample_rows(name, points, max(args.k))))


if __name__ == "__main__":
    main()
