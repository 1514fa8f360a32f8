"""How much of known communities each method finds: area under the recall curve (0.5 is perfect), and query time.

Run: python benchmarks/bench_community_quality.py
Debian's packages ship with the project; the other graphs take part where ../shared/data is present. Each community
is grown to its true size.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import get_args

import numpy as np

from benchmarks.bench import print_table
from benchmarks.labelled_graphs import Labelled, labelled_graphs
from benchmarks.wordnet import wordnet
from clustering.communities import CommunityIndex, CommunityParams
from clustering.evaluation import recall_curve_area
from clustering.expansion import Method

RESTARTS = (451235, 35631241, 2315, 346213456, 134)  # those of the paper's code
METHODS: tuple[Method, ...] = get_args(Method)


def graphs() -> Iterator[Labelled]:
    yield from labelled_graphs()
    if (known := wordnet()) is not None:
        yield known


def quality(known: Labelled, index: CommunityIndex, method: Method) -> tuple[float, float, float]:
    """Mean area, its standard error over queries, and the median milliseconds of a query."""
    areas, laps = [], []
    for members in known.communities:
        for restart in RESTARTS:
            seeds = np.random.RandomState(restart).choice(members, known.n_seeds, replace=False)
            start = time.perf_counter()
            found = index.query(seeds, members.size, method).nodes
            laps.append(time.perf_counter() - start)
            areas.append(recall_curve_area(found, members, seeds))
    return float(np.mean(areas)), float(np.std(areas) / np.sqrt(len(areas))), 1e3 * float(np.median(laps))


def main() -> None:
    rows: list[dict[str, object]] = []
    for known in graphs():
        index = CommunityIndex.build(known.graph, CommunityParams())
        index.query([0], 2)
        for method in METHODS:
            if method in ("minrank", "page_rank") and known.graph.n_nodes > 10_000:
                continue  # slow on large pools, and behind initial_avgs on every small graph
            area, error, milliseconds = quality(known, index, method)
            rows.append(
                {
                    "graph": known.name,
                    "nodes": known.graph.n_nodes,
                    "communities": len(known.communities),
                    "method": method,
                    "area": f"{area:.3f} ± {error:.3f}",
                    "ms p50": milliseconds,
                }
            )
    print_table(rows)


if __name__ == "__main__":
    main()
