"""The map of the Debian graph's embedding: principal components beside PaCMAP, and what of its neighbours each keeps.

Run: python benchmarks/bench_pacmap.py [PYTHON]
First the candidates that PaCMAP chooses from: all rows compared, and those of near lists, with the share of the ten and
of all sixty that these have. Then the maps: ``neighbours_kept`` is the share of a node's ten nearest by cosine that are
among its ten nearest points, from either candidates; "same bytes" compares threads. PYTHON is one that has the authors'
package ``pacmap``, which is then run twice on the same directions. Compiles outside the clock.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.bench import print_table
from benchmarks.debian import debian_graph
from graph.fastrp import FastRPParams, fastrp
from vectors.ann.exact import exact_top_k
from vectors.pacmap import SPARE, PaCMAPParams, directions, nearest, neighbours_kept, pacmap, place
from vectors.pacmap_neighbours import Nearest
from vectors.plane import principal_plane

DIM = 256
PARAMS = PaCMAPParams()
N_CANDIDATES = PARAMS.n_neighbors + SPARE
THREADS = 2
NEXT_TO_EQUAL = 1e-6  # distances are rounded where they were found
PEER = """
import sys, time, warnings
import numpy as np, pacmap
warnings.simplefilter("ignore")
rows = np.load(sys.argv[1])
pacmap.PaCMAP(n_neighbors=10, random_state=0).fit_transform(rows[:2000])
begun = time.perf_counter()
points = pacmap.PaCMAP(n_neighbors=10, random_state=0).fit_transform(rows)
print(time.perf_counter() - begun)
np.save(sys.argv[2], points)
"""


def peer(python: str, units: np.ndarray) -> dict[str, object]:
    """The authors' package, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        rows, points = Path(folder) / "rows.npy", [Path(folder) / f"points{run}.npy" for run in range(2)]
        np.save(rows, units)
        runs = [
            subprocess.run([python, "-c", PEER, rows, out], check=True, capture_output=True, text=True)
            for out in points
        ]
        one, other = (np.load(out) for out in points)
    return {
        "map": "pacmap's package, all threads",
        "seconds": min(float(run.stdout.split()[-1]) for run in runs),
        "neighbours_kept": neighbours_kept(np.ascontiguousarray(one, dtype=np.float32), units),
        "same bytes": one.tobytes() == other.tobytes(),
    }


def all_compared(units: np.ndarray) -> Nearest:
    """Every row's candidates among all."""
    rows = np.arange(len(units))
    found, distances = exact_top_k(units, units, N_CANDIDATES, metric="l2", exclude=rows, n_threads=THREADS)
    return Nearest(found.astype(np.int32), distances)


def candidates(units: np.ndarray) -> dict[str, Nearest]:
    """Found either way, and the table of what that takes."""
    found: dict[str, Nearest] = {}
    rows: list[dict[str, object]] = []
    for name, find in (
        ("all compared", all_compared),
        ("of near lists", lambda rows: nearest(rows, 0, len(rows), PARAMS, THREADS)),
    ):
        wall, cpu = time.perf_counter(), time.process_time()
        found[name] = find(units)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        true, these = found["all compared"].distances, found[name].distances
        shares = {
            f"of {k}": float((these[:, :k] <= true[:, k - 1 : k] + NEXT_TO_EQUAL).mean()) for k in (10, N_CANDIDATES)
        }
        rows.append({"candidates": name, "seconds": wall, "CPU s": cpu, **shares})
    print_table(rows)
    return found


def main() -> None:
    embedding = fastrp(debian_graph("undirected"), FastRPParams(dim=DIM))
    units = directions(embedding)
    pacmap(embedding[:5000], PARAMS, THREADS)  # compiles
    nearest(units, 0, 1, PARAMS)
    print(f"{len(units):,} nodes of {DIM} numbers, {THREADS} threads\n")
    found = candidates(units)
    begun = time.perf_counter()
    plane = principal_plane(embedding).points
    rows: list[dict[str, object]] = [
        {
            "map": "principal components",
            "seconds": time.perf_counter() - begun,
            "neighbours_kept": neighbours_kept(plane, units),
            "same bytes": "",
        }
    ]
    for name, near in found.items():
        first = b""
        for n_threads in (1, THREADS):
            begun = time.perf_counter()
            points = place(units, near, PARAMS, n_threads)
            took = time.perf_counter() - begun
            first = first or points.tobytes()
            rows.append(
                {
                    "map": f"PaCMAP, {name}, placed by {n_threads}",
                    "seconds": took,
                    "neighbours_kept": neighbours_kept(points, units),
                    "same bytes": points.tobytes() == first,
                }
            )
    if len(sys.argv) > 1:
        rows.append(peer(sys.argv[1], units))
    print()
    print_table(rows)


if __name__ == "__main__":
    main()
