"""Exact personalised PageRank: one source, two threads, blocks and heat kernels, beside SciPy and other libraries.

Run: python -m benchmarks.bench_ppr_exact [--scales 17] [--sources 64] [--repeats 3]

Every row is asked for the same tolerances and ranks the same sources; picking the 100 best of each is part of a query,
making a library's own graph is not. ``L1`` tells what was reached: programs stop by different rules. PURLIEU_PEERS
names a Python that has python-igraph, scikit-network and fast-pagerank; without it their rows are left out.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench import print_table
from benchmarks.ppr_peer_run import best
from benchmarks.ppr_peers import Float64s, PeerResult, Quality, measured_peers, quality
from benchmarks.rmat import rmat
from foundation.seeds import stream
from graph.csr import CSRGraph
from graph.edge_list import read_graph
from graph.heat_kernel import HeatKernelParams, heat_kernel_pageranks
from graph.ppr import ExactPPR, PPRParams

TOLS = (1e-3, 1e-6, 1e-10)
TRUTH = PPRParams(tol=1e-13)
REACH = 100  # nodes that a source must reach
ALONE = 16  # sources that are ranked one by one
VOTES = [above / "shared" / "data" / "graphs" / "wiki-Vote.txt.gz" for above in Path(__file__).parents[2:4]]


def drawn_sources(graph: CSRGraph, exact: ExactPPR, n_sources: int) -> tuple[list[int], Float64s]:
    """Random sources that reach enough nodes, and their ranks."""
    order = stream(0, "benchmarks.ppr_exact").permutation(np.flatnonzero(graph.out_degree())).tolist()
    sources: list[int] = []
    rows: list[Float64s] = []
    for first, ranks in exact.blocks(order[: 4 * n_sources], TRUTH, n_threads=2):
        for source, rank in zip(order[first:], ranks, strict=False):
            if len(sources) < n_sources and np.count_nonzero(rank) >= REACH:
                sources.append(source)
                rows.append(rank)
        if len(sources) == n_sources:
            break
    return sources, np.array(rows)


def timed(run: Callable[[], Float64s], repeats: int) -> tuple[float, float, Float64s]:
    """Median seconds and CPU-seconds of ranking and picking, and the ranks."""
    seconds, cpu_seconds = [], []
    for _ in range(repeats):
        start, cpu_start = time.perf_counter(), time.process_time()
        ranks = run()
        for rank in ranks:
            best(rank)
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - cpu_start)
    return statistics.median(seconds), statistics.median(cpu_seconds), ranks


def row(name: str, tol: float | None, seconds: float, per_cpu_second: float, found: Quality) -> dict[str, object]:
    return {
        "program": name,
        "tol": "" if tol is None else f"{tol:.0e}",
        "ms a query": 1000 * seconds,
        "queries per CPU-second": per_cpu_second,
        "L1": f"{found.mean_l1:.1e}",
        "p@50": f"{found.precision_at_50:.4f}",
        "RAG@100": f"{found.rag_at_100:.6f}",
    }


def ours(exact: ExactPPR, sources: list[int], truth: Float64s, repeats: int) -> Iterator[dict[str, object]]:
    few = sources[:ALONE]
    for tol in TOLS:
        params = PPRParams(tol=tol)
        for n_threads in (1, 2):
            programs: dict[str, tuple[list[int], Callable[[], Float64s]]] = {
                "one by one": (few, lambda p=params, t=n_threads: np.array([exact.rank(s, p, t) for s in few])),  # type: ignore[misc]
                "blocks": (sources, lambda p=params, t=n_threads: exact.ranks(sources, p, t)),  # type: ignore[misc]
            }
            for name, (asked, run) in programs.items():
                run()  # compiled
                seconds, cpu_seconds, ranks = timed(run, repeats)
                found = quality(truth, ranks, [best(rank) for rank in ranks])
                n = len(asked)
                yield row(f"purlieu {name}, {n_threads} threads", tol, seconds / n, n / cpu_seconds, found)


def theirs(result: PeerResult) -> dict[str, object]:
    name = f"{result.library} {result.version}"
    return row(name, result.tol, result.seconds_per_query, result.queries_per_cpu_second, result.quality)


def heat(exact: ExactPPR, sources: list[int], repeats: int) -> Iterator[dict[str, object]]:
    for t in (1.0, 5.0, 20.0):
        params = HeatKernelParams(t=t)
        closer = heat_kernel_pageranks(exact.steps, sources, HeatKernelParams(t=t, tol=1e-14))
        seconds, cpu_seconds, ranks = timed(
            lambda p=params: heat_kernel_pageranks(exact.steps, sources, p),  # type: ignore[misc]
            repeats,
        )
        distance = np.abs(ranks - closer).sum(axis=1).mean()
        yield {
            "heat kernel": f"t = {t:g}",
            "ms a query": 1000 * seconds / len(sources),
            "queries per CPU-second": len(sources) / cpu_seconds,
            "L1": f"{distance:.1e}",
        }


def compare(name: str, graph: CSRGraph, n_sources: int, repeats: int) -> None:
    start = time.process_time()
    exact = ExactPPR.of(graph)
    prepared = time.process_time() - start
    sources, truth = drawn_sources(graph, exact, n_sources)
    print(f"\n{name}: {graph.n_nodes:,} nodes, {graph.n_edges:,} arcs, {len(sources)} sources", end="; ")
    print(f"prepared in {prepared:.2f} CPU-seconds\n")
    print_table(
        [
            *ours(exact, sources, truth, repeats),
            *(theirs(result) for result in measured_peers(graph, sources, truth, tols=TOLS, repeats=repeats)),
        ]
    )
    print("\nheat kernels in blocks, one thread, tol 1e-10\n")
    print_table(list(heat(exact, sources, repeats)))


def main(*arguments: str) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scales", type=int, nargs="*", default=[17])
    parser.add_argument("--sources", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args(arguments)
    for scale in asked.scales:
        compare(f"R-MAT {scale}", rmat(scale), max(16, asked.sources >> max(0, scale - 18)), asked.repeats)
    for votes in filter(Path.exists, VOTES):
        compare("wiki-Vote", read_graph(votes), asked.sources, asked.repeats)


if __name__ == "__main__":
    main(*sys.argv[1:])
