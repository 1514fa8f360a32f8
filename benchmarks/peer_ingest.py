"""Reading an edge list of integers by another library, timed by itself: run by `benchmarks.bench_ingest`.

Arguments: networkit, networkx or polars; the file; how many times. Uses nothing of this project, so that any
interpreter that has the library will do. Prints, as JSON, the library's version, wall and CPU seconds of every run,
nodes and edges.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any


def networkit(path: str) -> tuple[int, int]:
    import networkit

    # Ids that leave no gaps are taken as they are; others go through its map of names, which is its only way.
    continuous = path.endswith("rows.tsv")
    reader = networkit.graphio.EdgeListReader("\t", 0, continuous=continuous, directed=True)
    graph = reader.read(path)
    return graph.numberOfNodes(), graph.numberOfEdges()


def networkx(path: str) -> tuple[int, int]:
    import networkx

    graph: Any = networkx.read_edgelist(path, create_using=networkx.DiGraph, nodetype=int, delimiter="\t")
    return graph.number_of_nodes(), graph.number_of_edges()


def polars(path: str) -> tuple[int, int]:
    import polars

    return 0, polars.read_csv(path, has_header=False, separator="\t").height


READERS: dict[str, Callable[[str], tuple[int, int]]] = {"networkit": networkit, "networkx": networkx, "polars": polars}


def main() -> None:
    name, path, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])
    seconds, cpu_seconds, found = [], [], (0, 0)
    for _ in range(repeats):
        begun, cpu_begun = time.perf_counter(), time.process_time()
        found = READERS[name](path)
        seconds.append(time.perf_counter() - begun)
        cpu_seconds.append(time.process_time() - cpu_begun)
    document = {"version": version(name), "seconds": seconds, "cpu_seconds": cpu_seconds, "found": found}
    print(json.dumps(document))


if __name__ == "__main__":
    main()
