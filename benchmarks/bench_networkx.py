"""PageRank and more through NetworkX: our backend beside NetworkX's own, and PageRank beside other libraries.

Run: python benchmarks/bench_networkx.py [scale]

The graphs are an R-MAT graph of 2**scale nodes (16 by default) and the Debian dependencies, directed and weighted.
Through NetworkX every row stops at NetworkX's default tolerance, and `difference` is the largest from NetworkX's
answer. On arrays every row is asked for an L1 change below 1e-8, and `L1 to exact` tells what that gave. Set
PURLIEU_PEERS to a Python that has scikit-network, igraph, networkit or rustworkx for their rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from benchmarks.bench import median_seconds, print_table
from benchmarks.rmat import rmat
from graph.csr import CSRGraph
from graph.edge_list import ReadParams, read_graph
from graph.pagerank import PageRankParams, in_arcs, pagerank
from purlieu.networkx_backend.graphs import convert_from_nx

DEBIAN = Path(__file__).parents[1] / "data" / "debian" / "dependencies.tsv.zst"
PEERS = Path(__file__).with_name("pagerank_peers.py")
PARAMS = PageRankParams(tol=1e-8)
REPEATS = 5
LIBRARIES = ("scikit-network", "igraph", "networkit", "rustworkx")


def timed(fn: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median seconds and CPU-seconds; the second are the steadier where others work too."""
    return median_seconds(fn, repeats), median_seconds(fn, repeats, time.process_time)


def through_networkx(name: str, graph: nx.Graph[Any]) -> list[dict[str, object]]:
    """NetworkX, then ours: with the conversion, with the graph converted before, and on two threads."""
    theirs = nx.pagerank(graph, backend="networkx")
    scipy_times = timed(lambda: nx.pagerank(graph, backend="networkx"), 3)

    def line(what: str, times: tuple[float, float], answer: dict[Any, float] | None = None) -> dict[str, object]:
        difference = "" if answer is None else f"{max(abs(answer[node] - theirs[node]) for node in theirs):.1e}"
        row: dict[str, object] = {"graph": name, "call": what, "ms": 1000 * times[0], "CPU ms": 1000 * times[1]}
        return {**row, "networkx / this, CPU": scipy_times[1] / times[1], "difference": difference}

    def ours() -> dict[Any, float]:
        return dict(nx.pagerank(graph, backend="purlieu"))

    rows = [line("nx.pagerank, scipy", scipy_times)]
    with nx.config(cache_converted_graphs=False):
        answer = ours()  # compiled
        rows.append(line("nx.pagerank, purlieu, converting", timed(ours, 3), answer))
    rows.append(line("the conversion alone", timed(lambda: convert_from_nx(graph, edge_attrs={"weight": 1}), 3)))
    with nx.config(warnings_to_ignore={"cache"}):
        for n_threads in (1, 2):
            with nx.config.backends.purlieu(n_threads=n_threads):
                answer = ours()
                rows.append(line(f"nx.pagerank, purlieu, converted, {n_threads} threads", timed(ours, REPEATS), answer))
    return rows


def other_functions(graph: nx.Graph[Any]) -> list[dict[str, object]]:
    """One run of NetworkX each, since it takes long; ours converts the graph every time."""
    rows: list[dict[str, object]] = []
    for name in ("core_number", "triangles", "transitivity", "clustering"):
        answers: dict[str, object] = {}

        def run(by: str, name: str = name, answers: dict[str, object] = answers) -> None:
            answers[by] = getattr(nx, name)(graph, backend=by)

        with nx.config(cache_converted_graphs=False):
            run("purlieu")  # compiled
            cpu = {
                "networkx": median_seconds(partial(run, "networkx"), 1, time.process_time),
                "purlieu": median_seconds(partial(run, "purlieu"), 3, time.process_time),
            }
        rows.append(
            {
                "call": f"nx.{name}",
                "networkx, CPU ms": 1000 * cpu["networkx"],
                "purlieu, converting, CPU ms": 1000 * cpu["purlieu"],
                "networkx / purlieu": cpu["networkx"] / cpu["purlieu"],
                "same": answers["purlieu"] == answers["networkx"],
            }
        )
    return rows


def without_isolated(graph: CSRGraph) -> CSRGraph:
    """Without nodes that have no edge: libraries differ in what these are worth."""
    alive = np.flatnonzero(np.diff(graph.indptr))
    row = np.cumsum(np.diff(graph.indptr) > 0, dtype=np.int32) - np.int32(1)
    return CSRGraph(indptr=np.append(graph.indptr[alive], graph.n_edges), indices=row[graph.indices], directed=False)


def on_arrays(graph: CSRGraph) -> list[dict[str, object]]:
    """Our loops and those of the peers, from a graph each has in its own form."""
    arcs = in_arcs(graph.indptr, graph.indices, graph.weights, directed=graph.directed)
    exact = pagerank(arcs, PageRankParams(tol=1e-15, max_iter=10_000))
    rows: list[dict[str, object]] = []

    def add(library: str, times: tuple[float, float], ranking: Any) -> None:
        distance = f"{np.abs(ranking - exact).sum():.1e}"
        rows.append({"library": library, "ms": 1000 * times[0], "CPU ms": 1000 * times[1], "L1 to exact": distance})

    def leave_out(library: str, reason: str) -> None:
        rows.append({"library": library, "ms": "", "CPU ms": "", "L1 to exact": f"left out: {reason}"})

    for n_threads in (1, 2):
        ranking = pagerank(arcs, PARAMS, n_threads=n_threads)

        def ours(n_threads: int = n_threads) -> object:
            return pagerank(arcs, PARAMS, n_threads=n_threads)

        add(f"purlieu, {n_threads} threads", timed(ours, REPEATS), ranking)
    interpreter = os.environ.get("PURLIEU_PEERS")
    if interpreter is None:
        leave_out(", ".join(LIBRARIES), "PURLIEU_PEERS is not set")
        return rows
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "indptr.npy", graph.indptr)
        np.save(Path(folder) / "indices.npy", graph.indices)
        for library in LIBRARIES:
            command = [interpreter, str(PEERS), library, folder, str(PARAMS.tol), str(REPEATS)]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode:
                said = (run.stderr.strip() or f"exit code {run.returncode}").splitlines()[-1]
                leave_out(library, said)
            else:
                said = json.loads(run.stdout)
                ranking = np.load(Path(folder) / f"{library}.npy")
                add(f"{library} {said['version']}", (said["seconds"], said["cpu_seconds"]), ranking)
    return rows


def main() -> None:
    scale = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    drawn = rmat(scale)
    debian = read_graph(DEBIAN, ReadParams(type_weights=(("depends", 2.0), ("*", 1.0))))
    rows = []
    for name, graph in ((f"R-MAT {scale}", drawn), ("Debian", debian)):
        print(f"{name}: {graph.n_nodes} nodes, {graph.n_edges} arcs")
        rows += through_networkx(name, graph.to_networkx())
    print_table(rows)
    print(f"\nR-MAT {scale - 2}")
    print_table(other_functions(rmat(scale - 2).to_networkx()))
    print(f"\non arrays, R-MAT {scale} without isolated nodes, L1 change below {PARAMS.tol:g}")
    print_table(on_arrays(without_isolated(drawn)))


if __name__ == "__main__":
    main()
