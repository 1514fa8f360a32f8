"""The map of the Debian graph's embedding: principal components beside PaCMAP, and what of its neighbours each keeps.

Run: python benchmarks/bench_pacmap.py [PYTHON]
``neighbours_kept`` is the share of a node's ten nearest by cosine that are among its ten nearest points. Seconds of
PaCMAP are those of finding neighbours and those of placing; "same bytes" compares threads. PYTHON is one that has the
authors' package ``pacmap``, which is then run twice on the same directions. Compiles outside the clock.
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
from vectors.pacmap import Nearest, PaCMAPParams, directions, nearest, neighbours_kept, pacmap, place
from vectors.plane import principal_plane

DIM = 256
PARAMS = PaCMAPParams()
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


def peer(python: str, units: np.ndarray, found: Nearest) -> dict[str, object]:
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
        "neighbours_kept": neighbours_kept(np.ascontiguousarray(one, dtype=np.float32), found),
        "same bytes": one.tobytes() == other.tobytes(),
    }


def main() -> None:
    embedding = fastrp(debian_graph("undirected"), FastRPParams(dim=DIM))
    units = directions(embedding)
    pacmap(embedding[:5000], PARAMS, 2)  # compiles
    begun = time.perf_counter()
    found = nearest(units, 0, len(units), PARAMS, 2)
    neighbours = time.perf_counter() - begun
    print(f"{len(units):,} nodes of {DIM} numbers; exact neighbours take {neighbours:.3g} s on two threads\n")
    begun = time.perf_counter()
    plane = principal_plane(embedding).points
    took = time.perf_counter() - begun
    kept = neighbours_kept(plane, found)
    rows: list[dict[str, object]] = [
        {"map": "principal components", "seconds": took, "neighbours_kept": kept, "same bytes": ""}
    ]
    first = b""
    for n_threads in (1, 2):
        begun = time.perf_counter()
        points = place(units, found, PARAMS, n_threads)
        took = time.perf_counter() - begun
        first = first or points.tobytes()
        rows.append(
            {
                "map": f"PaCMAP, placed by {n_threads}",
                "seconds": took,
                "neighbours_kept": neighbours_kept(points, found),
                "same bytes": points.tobytes() == first,
            }
        )
    if len(sys.argv) > 1:
        rows.append(peer(sys.argv[1], units, found))
    print_table(rows)


if __name__ == "__main__":
    main()
