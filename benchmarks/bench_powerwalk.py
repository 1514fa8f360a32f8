"""Personalised PageRank: the index beside push alone, exact iteration, SciPy and NetworkX, with quality beside time.

Run: python benchmarks/bench_powerwalk.py [directed | reverse | undirected | rmat]...  (about a minute for the default)
Times are CPU time of one thread, compiled; the ranking of 100 nodes is part of a query.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np
import numpy.typing as npt
import scipy.sparse

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench import median_seconds, print_table
from benchmarks.debian import debian_graph
from benchmarks.rmat import rmat
from foundation.seeds import stream
from graph.csr import CSRGraph
from graph.powerwalk import Fingerprints, PowerWalkIndex, PowerWalkParams, QueryParams
from graph.ppr import personalized_pagerank

K = 50  # ranks compared
ASKED = 100  # nodes asked for
DAMPING = 0.85
BLOCK = 32
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """Sources that reach at least K nodes, and the exact answer of each, float64 (n_sources, n_nodes)."""

    sources: list[int]
    ranks: Float64s


def ground_truth(graph: CSRGraph, n_sources: int) -> Truth:
    """Random sources in the order of a seeded permutation."""
    sources: list[int] = []
    ranks: list[Float64s] = []
    for source in stream(0, "benchmarks.powerwalk").permutation(graph.n_nodes).tolist():
        if len(sources) == n_sources:
            break
        if np.count_nonzero(rank := personalized_pagerank(graph, source)) >= K:
            sources.append(source)
            ranks.append(rank)
    return Truth(sources, np.array(ranks))


def quality(truth: Truth, nodes: npt.NDArray[np.int64]) -> dict[str, object]:
    """Precision and RAG at K; a node is right when its true value reaches the true K-th, so that ties are right."""
    precision, gathered = [], []
    for rank, found in zip(truth.ranks, nodes[:, :K], strict=True):
        best = np.sort(rank)[::-1][:K]
        values = rank[found[found >= 0]]
        precision.append(np.count_nonzero(values >= best[-1] * (1 - 1e-12)) / K)
        gathered.append(values.sum() / best.sum())
    return {"p@50": f"{np.mean(precision):.4f}", "RAG@50": f"{np.mean(gathered):.5f}"}


def distance(truth: Truth, index: PowerWalkIndex, effort: QueryParams) -> tuple[float, float]:
    """Mean L1 distance of all scores to the truth, and the mean bound that was given for it."""
    n_nodes = index.graph.n_nodes
    total, bound = 0.0, 0.0
    for source, rank in zip(truth.sources, truth.ranks, strict=True):
        answer = index.query([{source: 1.0}], n_nodes, params=effort)
        scores = np.zeros(n_nodes)
        found = answer.nodes[0] >= 0
        scores[answer.nodes[0, found]] = answer.scores[0, found]
        total += float(np.abs(scores - rank).sum())
        bound += float(answer.error_bound[0])
    return total / len(truth.sources), bound / len(truth.sources)


def without_walks(graph: CSRGraph) -> PowerWalkIndex:
    """An index whose fingerprints are empty: what push alone can do."""
    prints = Fingerprints(
        indptr=np.zeros(graph.n_nodes + 1, dtype=np.int64),
        nodes=np.zeros(0, dtype=np.int32),
        counts=np.zeros(0, dtype=np.uint16),
        lost=np.zeros(graph.n_nodes, dtype=np.float32),
    )
    return PowerWalkIndex(graph, PowerWalkParams(damping=DAMPING), prints)


def index_bytes(index: PowerWalkIndex) -> float:
    """Bytes per node."""
    return sum(array.nbytes for array in index.fingerprints.arrays().values()) / index.graph.n_nodes


def measured(truth: Truth, index: PowerWalkIndex, effort: QueryParams) -> dict[str, object]:
    """Quality, distance, bound and milliseconds of a batch of one query per source."""
    queries = [{source: 1.0} for source in truth.sources]
    answer = index.query(queries, ASKED, params=effort)
    seconds = median_seconds(lambda: index.query(queries, ASKED, params=effort), 3, time.process_time)
    l1, bound = distance(truth, index, effort)
    return {
        **quality(truth, answer.nodes),
        "L1": f"{l1:.5f}",
        "bound": f"{bound:.4f}",
        "ms/query": f"{1e3 * seconds / len(queries):.3f}",
    }


def frontier(
    graph: CSRGraph, truth: Truth, walks: Sequence[int], thresholds: Sequence[float]
) -> Iterator[dict[str, object]]:
    """One row per index size and effort; 0 walks is push alone."""
    for n_walks in walks:
        start = time.process_time()
        params = PowerWalkParams(n_walks=max(1, n_walks), damping=DAMPING)
        index = PowerWalkIndex.build(graph, params) if n_walks else without_walks(graph)
        seconds = time.process_time() - start
        for rmax in thresholds:
            yield {
                "method": f"{n_walks} walks" if n_walks else "push alone",
                "rmax": f"{rmax:.0e}",
                **measured(truth, index, QueryParams(rmax=rmax)),
                "B/node": f"{index_bytes(index) if n_walks else 0:.0f}",
                "build s": f"{seconds if n_walks else 0:.2f}",
            }


def exact(truth: Truth, name: str, run: Callable[[list[int]], list[Float64s]], n_queries: int) -> dict[str, object]:
    """A method that returns whole vectors, ranked by a partial sort."""
    sources = truth.sources[:n_queries]
    start = time.process_time()
    ranks = run(sources)
    best = np.array([np.argpartition(-rank, ASKED)[:ASKED] for rank in ranks])
    best = np.take_along_axis(best, np.argsort([-rank[top] for rank, top in zip(ranks, best, strict=True)]), axis=1)
    seconds = time.process_time() - start
    l1 = np.mean([np.abs(rank - right).sum() for rank, right in zip(ranks, truth.ranks, strict=False)])
    return {
        "method": name,
        "rmax": "",
        **quality(Truth(sources, truth.ranks[:n_queries]), best),
        "L1": f"{l1:.5f}",
        "bound": "",
        "ms/query": f"{1e3 * seconds / n_queries:.3f}",
        "B/node": "0",
        "build s": "0",
    }


def scipy_blocks(graph: CSRGraph, tol: float) -> Callable[[list[int]], list[Float64s]]:
    """Power iteration on blocks of sources with ``scipy.sparse``, restarting dangling mass at the source."""
    out_weight = graph.out_weight()
    scale = np.divide(1.0, out_weight, out=np.zeros(graph.n_nodes), where=out_weight > 0)
    step = (scipy.sparse.diags_array(scale) @ graph.to_scipy()).T.tocsr()
    stuck = out_weight == 0

    def run(sources: list[int]) -> list[Float64s]:
        ranks: list[Float64s] = []
        for first in range(0, len(sources), BLOCK):
            block = np.array(sources[first : first + BLOCK])
            restart = np.zeros((graph.n_nodes, block.size))
            restart[block, np.arange(block.size)] = 1.0
            rank, change = restart, np.inf
            while change > tol:
                following = DAMPING * (step @ rank)
                following += restart * (1 - DAMPING + DAMPING * rank[stuck].sum(axis=0))
                change = np.abs(following - rank).sum(axis=0).max()
                rank = following
            ranks.extend(rank.T)
        return ranks

    return run


def networkx_one_by_one(graph: CSRGraph) -> Callable[[list[int]], list[Float64s]]:
    """``networkx.pagerank`` with its default tolerance."""
    named = graph.to_networkx()
    ids = graph.node_ids

    def run(sources: list[int]) -> list[Float64s]:
        answers = [nx.pagerank(named, alpha=DAMPING, personalization={ids[source]: 1.0}) for source in sources]
        return [np.array([answer[ids[node]] for node in range(graph.n_nodes)]) for answer in answers]

    return run


def ours_exactly(graph: CSRGraph) -> Callable[[list[int]], list[Float64s]]:
    return lambda sources: [personalized_pagerank(graph, source) for source in sources]


def peers(graph: CSRGraph, truth: Truth) -> Iterator[dict[str, object]]:
    """Methods without an index."""
    yield exact(truth, "exact, tol 1e-10 (ours)", ours_exactly(graph), 20)
    yield exact(truth, f"scipy, blocks of {BLOCK}, tol 1e-3", scipy_blocks(graph, 1e-3), 2 * BLOCK)
    yield exact(truth, f"scipy, blocks of {BLOCK}, tol 1e-6", scipy_blocks(graph, 1e-6), BLOCK)
    if graph.n_edges < 500_000:
        yield exact(truth, "networkx.pagerank", networkx_one_by_one(graph), 2)


def main() -> None:
    for name in sys.argv[1:] or ["directed"]:
        graph = rmat(16) if name == "rmat" else debian_graph(name)
        wide = name in ("directed", "reverse")
        truth = ground_truth(graph, 200 if wide else BLOCK * 2)
        print(f"{name}: {graph.n_nodes} nodes, {graph.n_edges} arcs, {len(truth.sources)} sources, top {ASKED}")
        walks, thresholds = ([0, 10, 30, 100, 250], [1e-3, 1e-4, 1e-5, 1e-6]) if wide else ([0, 100], [1e-4, 1e-5])
        print_table([*peers(graph, truth), *frontier(graph, truth, walks, thresholds)])


if __name__ == "__main__":
    main()
