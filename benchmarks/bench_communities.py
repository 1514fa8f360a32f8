"""Communities around seeds in a large graph: are they filled, and how long does one take?

Run: python -m benchmarks.bench_communities [--scale 20] [--queries 200]
The graph is R-MAT with 2**scale nodes and edge factor 16. Seeds are five neighbours of a random node. Times are of one
thread on the wall; where other work shares the cores, those in CPU time beside them are the ones to compare.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any, get_args

import numpy as np

from benchmarks.bench import print_table
from benchmarks.rmat import rmat
from clustering.banding import LSHParams
from clustering.communities import CommunityIndex, CommunityParams
from clustering.expansion import Method
from clustering.fill import sampled_fill
from clustering.lsh import LSHIndex

SIZE, N_SEEDS, N_LOOKUPS = 100, 5, 3_000
Row = dict[str, object]


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it returns, its seconds on the wall and of CPU time."""
    wall, cpu = time.perf_counter(), time.thread_time()
    done = work()
    return done, time.perf_counter() - wall, time.thread_time() - cpu


def quantiles(laps: list[tuple[float, float]], unit: str, per_second: float) -> Row:
    """Median and 99th percentile of both."""
    (wall50, cpu50), (wall99, cpu99) = (np.percentile(laps, q, axis=0) * per_second for q in (50, 99))
    return {
        f"{unit} p50": float(wall50),
        f"{unit} p99": float(wall99),
        "CPU p50": float(cpu50),
        "CPU p99": float(cpu99),
    }


def seed_sets(index: CommunityIndex, n: int) -> list[Any]:
    rng = np.random.default_rng(3)
    indptr, indices = index.links
    drawn = []
    for middle in rng.choice(np.flatnonzero(np.diff(indptr)), n):
        neighbours = indices[indptr[middle] : indptr[middle + 1]]
        drawn.append(rng.choice(neighbours, min(N_SEEDS, neighbours.size), replace=False))
    return drawn


def bench_methods(index: CommunityIndex, n_queries: int) -> None:
    """Every procedure, and how much it costs to go on."""
    rows: list[Row] = []
    questions = seed_sets(index, n_queries)
    for method in get_args(Method):
        index.grow(questions[0], method).more(2 * SIZE)
        first, second, n_filled, n_by_buckets = [], [], 0, 0
        for seeds in questions:
            growth, *begun = timed(lambda seeds=seeds, method=method: index.grow(seeds, method))
            found, *grown = timed(lambda growth=growth: growth.more(SIZE))
            _, *went_on = timed(lambda growth=growth: growth.more(SIZE))
            first.append((begun[0] + grown[0], begun[1] + grown[1]))
            second.append((went_on[0], went_on[1]))
            n_filled += found.nodes.size == SIZE
            n_by_buckets += found.n_candidates + seeds.size >= SIZE
        rows.append(
            {
                f"{SIZE} around {N_SEEDS} seeds": method,
                "filled": n_filled / n_queries,
                "by buckets alone": n_by_buckets / n_queries,
                **quantiles(first, "ms", 1e3),
                f"{SIZE} more, ms": 1e3 * float(np.median([wall for wall, _ in second])),
            }
        )
    print_table(rows)


def bench_lookups(lsh: LSHIndex) -> None:
    """Candidates and neighbours of one stored node."""
    filled = np.unique(lsh.nodes[0])
    queries = np.random.default_rng(1).choice(filled, N_LOOKUPS).tolist()
    asked: dict[str, Callable[[int], Any]] = {"candidates": lsh.candidates, "ten best": lambda node: lsh.top(node, 10)}
    rows: list[Row] = []
    for name, ask in asked.items():
        ask(queries[0])
        laps = [timed(lambda node=node, ask=ask: ask(node))[1:] for node in queries]
        rows.append({"of a stored node": name, **quantiles(laps, "us", 1e6)})
    print_table(rows)


def bench_splits(communities: CommunityIndex) -> None:
    """Which split of the signatures lets enough through to fill an answer from one node."""
    rows: list[Row] = []
    lsh, indptr = communities.lsh, communities.links.indptr
    for n_rows in (2, 3, 4):
        params = LSHParams(n_rows=n_rows)
        index = lsh if n_rows == 2 else LSHIndex.build(lsh.signatures, params)
        fill = sampled_fill(index, SIZE, indptr)
        n_bands, _ = params.banding(lsh.num_perm)
        rows.append(
            {
                "bands x rows": f"{n_bands} x {n_rows}",
                "median candidates": fill.median_candidates,
                f"nodes that fill {SIZE}": fill.share_filled,
            }
        )
    print_table(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scale", type=int, default=20)
    parser.add_argument("--queries", type=int, default=200)
    given = parser.parse_args()
    graph = rmat(given.scale)
    small = rmat(8)
    CommunityIndex.build(small, CommunityParams())  # compiles
    index, built, _ = timed(lambda: CommunityIndex.build(graph, CommunityParams()))
    arrays = (index.lsh.signatures, index.lsh.keys, index.lsh.nodes, *index.links)
    print(
        f"R-MAT scale {given.scale}: {graph.n_nodes:,} nodes, {graph.n_edges:,} arcs; 64 x 2; "
        f"index built in {built:.1f} s, {sum(array.nbytes for array in arrays) / 1e6:,.0f} MB\n"
    )
    bench_methods(index, given.queries)
    print()
    bench_lookups(index.lsh)
    print()
    bench_splits(index)


if __name__ == "__main__":
    main()
