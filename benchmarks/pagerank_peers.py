"""PageRank by another library, run by an interpreter that has it.

Run: PYTHON pagerank_peers.py LIBRARY FOLDER TOL REPEATS

Reads ``indptr.npy`` and ``indices.npy`` of an undirected graph in FOLDER, writes the ranking there as ``<library>.npy``
and prints one JSON object: the library's version and median seconds. Knows nothing of this project.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

DAMPING = 0.85
Ranking = Callable[[], Any]


def scikit_network(indptr: np.ndarray, indices: np.ndarray, tol: float) -> Ranking:
    from scipy.sparse import csr_matrix
    from sknetwork.ranking import PageRank

    adjacency = csr_matrix((np.ones(indices.size, dtype=bool), indices, indptr))
    return lambda: PageRank(DAMPING, solver="piteration", n_iter=1000, tol=tol).fit_predict(adjacency)


def igraph(indptr: np.ndarray, indices: np.ndarray, _tol: float) -> Ranking:
    import igraph as ig

    src = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    once = src <= indices
    graph = ig.Graph(n=indptr.size - 1, edges=np.column_stack([src[once], indices[once]]))
    return lambda: graph.pagerank(damping=DAMPING, implementation="prpack")  # takes no tolerance


def networkit(indptr: np.ndarray, indices: np.ndarray, tol: float) -> Ranking:
    import networkit as nk

    nk.setNumberOfThreads(1)
    src = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    once = src <= indices
    ends = src[once].astype(np.uint64), indices[once].astype(np.uint64)  # anything else crashes it
    graph = nk.GraphFromCoo((np.ones(ends[0].size), ends), n=indptr.size - 1)

    def rank() -> Any:
        run = nk.centrality.PageRank(graph, DAMPING, tol)
        run.norm = nk.centrality.Norm.L1_NORM
        return run.run().scores()

    return rank


def rustworkx(indptr: np.ndarray, indices: np.ndarray, tol: float) -> Ranking:
    import rustworkx as rx

    src = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    graph = rx.PyDiGraph()
    graph.add_nodes_from(range(indptr.size - 1))
    graph.add_edges_from_no_data(list(zip(src.tolist(), indices.tolist(), strict=True)))
    n_nodes = indptr.size - 1
    return lambda: list(rx.pagerank(graph, alpha=DAMPING, tol=tol / n_nodes, max_iter=1000).values())


def main() -> None:
    library, folder, tol, repeats = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    prepare = {"scikit-network": scikit_network, "igraph": igraph, "networkit": networkit, "rustworkx": rustworkx}
    rank = prepare[library](np.load(folder / "indptr.npy"), np.load(folder / "indices.npy"), tol)
    np.save(folder / f"{library}.npy", np.asarray(rank(), dtype=np.float64))
    seconds, cpu_seconds = [], []
    for _ in range(repeats):
        start, cpu_start = time.perf_counter(), time.process_time()
        rank()
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - cpu_start)
    times = {"seconds": statistics.median(seconds), "cpu_seconds": statistics.median(cpu_seconds)}
    print(json.dumps({"version": version(library), **times}))


if __name__ == "__main__":
    main()
