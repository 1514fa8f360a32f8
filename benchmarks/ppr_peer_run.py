"""Personalised PageRank of a list of sources by another library, run by an interpreter that has it.

Run: PYTHON ppr_peer_run.py LIBRARY FOLDER TOL N_SOURCES

FOLDER holds ``indptr.npy``, ``indices.npy``, ``weights.npy`` (empty when all arcs weigh 1) and ``sources.npy``. The
first N_SOURCES are ranked and the 100 best of each picked, which is timed; ranks and picks go to
``<library>-ranks.npy`` and ``<library>-best.npy``, and one JSON object with the library's version, seconds and
CPU-seconds is printed. A library's own graph, and what it keeps from one source to the next, is made before the clock
starts. Knows nothing of this project.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import scipy.sparse

DAMPING = 0.85
BEST = 100
BLOCK = 32
Array = np.ndarray
Ranking = Callable[[Array], list[Array]]  # sources -> a vector of ranks for each


def walk(adjacency: scipy.sparse.csr_array) -> tuple[scipy.sparse.csr_array, Array]:
    """The transposed matrix of a damped step, and the rows that pass nothing on."""
    out_weight = np.asarray(adjacency.sum(axis=1)).ravel()
    share = np.divide(DAMPING, out_weight, out=np.zeros(out_weight.size), where=out_weight > 0)
    step = scipy.sparse.csr_array((scipy.sparse.diags_array(share) @ adjacency).T.tocsr())
    return step, np.flatnonzero(out_weight == 0)


def scipy_one(adjacency: scipy.sparse.csr_array, tol: float) -> Ranking:
    """Power iteration, a vector at a time, in place where NumPy can."""
    step, dangling = walk(adjacency)

    def rank(sources: Array) -> list[Array]:
        found = []
        for source in sources:
            ranks, change = np.zeros(step.shape[0]), np.inf
            ranks[source] = 1.0
            while change > tol:
                following = step @ ranks
                following[source] += 1 - DAMPING + DAMPING * ranks[dangling].sum()
                ranks -= following
                change = np.abs(ranks, out=ranks).sum()
                ranks = following
            found.append(ranks)
        return found

    return rank


def scipy_blocks(adjacency: scipy.sparse.csr_array, tol: float) -> Ranking:
    """Power iteration on blocks of sources."""
    step, dangling = walk(adjacency)

    def rank(sources: Array) -> list[Array]:
        found: list[Array] = []
        for first in range(0, len(sources), BLOCK):
            block = sources[first : first + BLOCK]
            place, change = (block, np.arange(block.size)), np.inf
            ranks = np.zeros((step.shape[0], block.size))
            ranks[place] = 1.0
            while change > tol:
                following = step @ ranks
                following[place] += 1 - DAMPING + DAMPING * ranks[dangling].sum(axis=0)
                ranks -= following
                change = np.abs(ranks, out=ranks).sum(axis=0).max()
                ranks = following
            found.extend(np.ascontiguousarray(ranks.T))
        return found

    return rank


def igraph(adjacency: scipy.sparse.csr_array, _tol: float) -> Ranking:
    """PRPACK, which takes no tolerance."""
    import igraph as ig

    arcs = adjacency.tocoo()
    ends = np.column_stack(arcs.coords)
    graph = ig.Graph(n=adjacency.shape[0], edges=ends, directed=True)
    weights = None if (arcs.data == 1).all() else arcs.data.tolist()
    options = {"damping": DAMPING, "weights": weights, "implementation": "prpack"}
    return lambda sources: [
        np.array(graph.personalized_pagerank(reset_vertices=int(source), **options)) for source in sources
    ]


def scikit_network(solver: str) -> Callable[[scipy.sparse.csr_array, float], Ranking]:
    def prepared(adjacency: scipy.sparse.csr_array, tol: float) -> Ranking:
        from sknetwork.ranking import PageRank

        matrix = scipy.sparse.csr_matrix(adjacency)
        ranking = PageRank(DAMPING, solver=solver, n_iter=1000, tol=tol)
        return lambda sources: [ranking.fit_predict(matrix, weights={int(source): 1.0}) for source in sources]

    return prepared


def fast_pagerank(adjacency: scipy.sparse.csr_array, tol: float) -> Ranking:
    from fast_pagerank import pagerank_power

    matrix = scipy.sparse.csr_matrix(adjacency)
    everyone = np.eye(1, matrix.shape[0])[0]

    def rank(sources: Array) -> list[Array]:
        return [pagerank_power(matrix, p=DAMPING, personalize=np.roll(everyone, source), tol=tol) for source in sources]

    return rank


LIBRARIES: dict[str, tuple[str, Callable[[scipy.sparse.csr_array, float], Ranking]]] = {
    "scipy": ("scipy", scipy_one),
    "scipy blocks": ("scipy", scipy_blocks),
    "igraph": ("igraph", igraph),
    "scikit-network": ("scikit-network", scikit_network("piteration")),
    "scikit-network bicgstab": ("scikit-network", scikit_network("bicgstab")),
    "fast-pagerank": ("fast-pagerank", fast_pagerank),
}


def best(ranks: Array) -> Array:
    """The nodes of the 100 highest ranks, highest first."""
    top = np.argpartition(-ranks, BEST)[:BEST] if ranks.size > BEST else np.arange(ranks.size)
    return top[np.argsort(-ranks[top], kind="stable")]


def main() -> None:
    library, folder, tol, n_sources = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    indptr, indices, weights, sources = (
        np.load(folder / f"{name}.npy") for name in ("indptr", "indices", "weights", "sources")
    )
    data = weights.astype(np.float64) if weights.size else np.ones(indices.size)
    n_nodes = indptr.size - 1
    adjacency = scipy.sparse.csr_array((data, indices, indptr.astype(np.int32)), shape=(n_nodes, n_nodes))
    package, prepare = LIBRARIES[library]
    rank = prepare(adjacency, tol)
    rank(sources[:1])  # whatever is loaded or compiled at the first call
    start, cpu_start = time.perf_counter(), time.process_time()
    found = rank(sources[:n_sources])
    picked = [best(ranks) for ranks in found]
    cost = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu_start}
    np.save(folder / f"{library}-ranks.npy", np.array(found))
    np.save(folder / f"{library}-best.npy", np.array(picked))
    print(json.dumps({"version": version(package), **cost}))


if __name__ == "__main__":
    main()
