"""How size and build time of a PowerWalk index grow with the graph: R-MAT by scale, each in a process of its own.

Run: python -m benchmarks.bench_powerwalk_linear [--scales 14 15 ...] [--threads 2]

An index of hubs and a background within 256 bytes a node beside the graph. Time is that of laying the graph out and
ranking the hubs, compiled before; the peak is that of the whole process, the graph included.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.bench import print_table
from benchmarks.rmat import rmat
from graph.powerwalk import PowerWalkParams
from graph.powerwalk.candidates import Candidate
from graph.powerwalk.choice import prepare

BYTES = 256


def measured(scale: int, n_threads: int) -> dict[str, float]:
    """One build in this process."""
    prepare(rmat(8), PowerWalkParams(method="hubs"), n_threads=n_threads)
    graph = rmat(scale)
    beside = graph.indices.nbytes + 4 * graph.indptr.nbytes
    params = PowerWalkParams(method="hubs", index_bytes=BYTES + beside // graph.n_nodes)
    wall, cpu = time.perf_counter(), time.process_time()
    material = prepare(graph, params, n_threads=n_threads)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    hubs = material.hubs.n_hubs if material.hubs is not None else 0
    whole = Candidate(
        n_hubs=hubs, hub_entries=params.max_hub_entries, walks=False, background=True, rmax=1e-3, cut=1e-5
    )
    size = material.bytes_per_node(whole) * graph.n_nodes
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return {
        "arcs": graph.n_edges,
        "hubs": hubs,
        "wall s": wall,
        "CPU s": cpu,
        "CPU us an arc": 1e6 * cpu / graph.n_edges,
        "bytes an arc": size / graph.n_edges,
        "peak MiB": peak // 1024,
    }


def main(*arguments: str) -> None:
    """Print one row a scale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", type=int, nargs="*", default=list(range(14, 21)))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments or None)
    if options.one is not None:
        print(json.dumps(measured(options.one, options.threads)))
        return
    rows = []
    for scale in options.scales:
        command = [sys.executable, "-P", "-m", "benchmarks.bench_powerwalk_linear", "--one", str(scale)]
        command += ["--threads", str(options.threads)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        rows.append({"scale": scale, **json.loads(done.stdout.splitlines()[-1])})
    print_table(rows)


if __name__ == "__main__":
    main()
