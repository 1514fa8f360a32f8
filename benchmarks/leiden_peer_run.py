"""One library's communities of one graph, in a process of its own.

Run by `benchmarks.leiden_peers` with a library, a file of CSR arrays, and where to put the labels; OMP_NUM_THREADS says
how many threads. Of this project only the library "purlieu" is known. Prints one line of JSON. What is timed is the
search: not the import, not the making of the library's own graph (ours includes the check of the matrix). Short
searches are repeated with the same seed, and the median told.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import scipy.sparse

ITERATIONS = 3  # of Leiden, where it can be said
MOST_LAPS = 5
Labels = np.ndarray[Any, Any]


def purlieu(method: str, matrix: Any) -> Callable[[], Labels]:
    from clustering.global_communities import GlobalParams, find_communities

    name, _, n_iterations = method.partition("-")
    params = GlobalParams(method=name, n_iterations=int(n_iterations or ITERATIONS))  # type: ignore[arg-type]
    find_communities(scipy.sparse.csr_array(np.ones((2, 2), dtype=np.float32)), params)  # compile outside the clock
    return lambda: find_communities(matrix, params).labels


def sknetwork(method: str, matrix: Any) -> Callable[[], Labels]:
    from sknetwork.clustering import Leiden, Louvain

    kind = {"leiden": Leiden, "louvain": Louvain}[method]
    given = scipy.sparse.csr_matrix(matrix)
    return lambda: kind(random_state=0).fit_predict(given)


def networkit(method: str, matrix: Any) -> Callable[[], Labels]:
    import networkit as nk

    upper = scipy.sparse.triu(matrix, 1).tocoo()
    ends = tuple(end.astype(np.uint64) for end in upper.coords)
    graph = nk.GraphFromCoo((upper.data.astype(float), ends), n=matrix.shape[0], weighted=True)
    kinds = {
        "leiden": lambda: nk.community.ParallelLeiden(graph, iterations=ITERATIONS),
        "louvain": lambda: nk.community.PLM(graph, refine=True),
    }

    def search() -> Labels:
        nk.setSeed(0, False)
        return np.array(kinds[method]().run().getPartition().getVector())

    return search


def igraph(method: str, matrix: Any) -> Callable[[], Labels]:
    import igraph

    graph, weights = _igraph_of(matrix, igraph)
    kinds = {
        "leiden": lambda: graph.community_leiden("modularity", weights=weights, n_iterations=ITERATIONS),
        "louvain": lambda: graph.community_multilevel(weights=weights),
    }

    def search() -> Labels:
        random.seed(0)
        return np.array(kinds[method]().membership)

    return search


def leidenalg(_: str, matrix: Any) -> Callable[[], Labels]:
    import igraph
    import leidenalg

    graph, weights = _igraph_of(matrix, igraph)
    kind = leidenalg.ModularityVertexPartition
    return lambda: np.array(
        leidenalg.find_partition(graph, kind, weights=weights, n_iterations=ITERATIONS, seed=0).membership
    )


def _igraph_of(matrix: Any, igraph: Any) -> tuple[Any, list[float]]:
    upper = scipy.sparse.triu(matrix, 1).tocoo()
    return igraph.Graph(n=matrix.shape[0], edges=np.column_stack(upper.coords).tolist()), upper.data.tolist()


LIBRARIES = {
    "purlieu": purlieu,
    "sknetwork": sknetwork,
    "networkit": networkit,
    "igraph": igraph,
    "leidenalg": leidenalg,
}
MODULES = {"purlieu": "clustering.global_communities", "sknetwork": "sknetwork.clustering"}
PACKAGES = {"sknetwork": "scikit-network"}


def memory(field: str) -> float:
    """Megabytes of this process: "VmRSS" now, "VmHWM" at its highest (not what its parent had, as with getrusage)."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field + ":"))


def main() -> None:
    library, method, path, out = sys.argv[1:]
    with np.load(path) as arrays:
        n = arrays["indptr"].size - 1
        matrix = scipy.sparse.csr_array((arrays["weights"], arrays["indices"], arrays["indptr"]), shape=(n, n))
    start = time.perf_counter()
    __import__(MODULES.get(library, library))
    imported = time.perf_counter() - start
    search = LIBRARIES[library](method, matrix)
    before = memory("VmRSS")
    laps: list[tuple[float, float]] = []
    found: list[Labels] = []
    while not laps or (sum(lap for lap, _ in laps) < 1 and len(laps) < MOST_LAPS):
        start, cpu_start = time.perf_counter(), time.process_time()
        found.append(search())
        laps.append((time.perf_counter() - start, time.process_time() - cpu_start))
    seconds, cpu_seconds = np.median(laps, axis=0).tolist()
    np.save(out, np.unique(found[0], return_inverse=True)[1].astype(np.int64))
    report = {
        "version": version(PACKAGES.get(library, library)),
        "import": imported,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "is_repeatable": all(np.array_equal(found[0], labels) for labels in found),
        "more_mb": memory("VmHWM") - before,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
