"""How good an index is: its answers beside exact ones, for sources that were held out.

Precision@50 counts ties as right: a node is right when its true score reaches the true 50th. RAG@100 is the true mass
of the 100 nodes returned over that of the best 100. Source of both: Liu, Li, Lui, Cheng, CIKM 2016, arXiv:1608.06054.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.seeds import stream
from graph.csr import CSRGraph
from graph.kernels.selection import BINS, best_of
from graph.powerwalk.index import PowerWalkIndex
from graph.powerwalk.params import QueryParams

HELD_OUT = 40  # sources measured; each costs one exact answer
REACH = 100  # nodes a source must reach
PRECISION_AT = 50
_TRIED = 20 * HELD_OUT  # sources drawn until there are enough of those

Float64s = npt.NDArray[np.float64]

# Microseconds of one thread, as a rule of thumb: a choice made by the clock would not be the same twice.
_PER_QUERY, _PER_ARC, _PER_ENTRY, _PER_NODE = 2.0, 0.003, 0.004, 0.012
_PER_SWEPT_ARC, _PER_SWEPT_NODE = 0.00012, 0.001  # of a sweep that is shared by a full block


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Means over the held-out sources, and the work a query took.

    Attributes
    ----------
    precision, rag, l1, error_bound : as asked for, and the bound that was given for ``l1``
    rag_at_50 : RAG of the best 50
    work : microseconds of one thread that the arcs, entries and nodes looked at come to by rule of thumb
    """

    precision: float
    rag: float
    l1: float
    error_bound: float
    work: float
    rag_at_50: float

    def rounded(self) -> dict[str, float]:
        """For a manifest."""
        return {name: float(f"{value:.5g}") for name, value in asdict(self).items()}


def held_out(graph: CSRGraph, seed: int) -> Iterator[int]:
    """Sources in the order they are drawn, those left out that arcs do not carry to `REACH` nodes."""
    order = stream(seed, "powerwalk.heldout").permutation(graph.n_nodes)
    return (source for source in order[:_TRIED].tolist() if reaches(graph, source))


def measure(index: PowerWalkIndex, effort: QueryParams, sources: Sequence[int], truth: Float64s) -> list[Quality]:
    """Quality of the answer for each source; ``truth`` (n_sources, n_nodes) holds the exact scores."""
    n_queries = len(sources)
    vectors = np.zeros((n_queries, index.graph.n_nodes))
    tally = index.answer(
        (np.arange(n_queries + 1), np.array(sources), np.ones(n_queries)), effort, vectors=vectors
    )  # fmt: skip
    graph = index.graph
    swept = index.sweeps_of(effort) * (_PER_SWEPT_ARC * graph.n_edges + _PER_SWEPT_NODE * graph.n_nodes)
    nodes, scores = np.empty(REACH, dtype=np.int64), np.empty(REACH, dtype=np.float32)
    keys, histogram = np.empty(index.graph.n_nodes, dtype=np.uint64), np.empty(BINS, dtype=np.int32)
    found = []
    for query, vector in enumerate(vectors):
        best_of(vector, keys, histogram, nodes, scores)
        precision, rag = goodness(truth[query], nodes)
        _, rag_at_50 = goodness(truth[query], nodes[:PRECISION_AT])
        found.append(
            Quality(
                precision=precision,
                rag=rag,
                l1=float(np.abs(vector - truth[query]).sum()),
                error_bound=float(tally[query, 1] / tally[query, 3]),
                work=float(
                    _PER_QUERY
                    + _PER_ENTRY * tally[query, 2]
                    + _PER_ARC * tally[query, 4]
                    + _PER_NODE * tally[query, 5]
                    + swept
                ),
                rag_at_50=rag_at_50,
            )
        )
    return found


def goodness(truth: Float64s, nodes: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Precision@50 and RAG of one ranking of node rows, -1 where there was none."""
    best = np.sort(np.partition(truth, max(0, truth.size - nodes.size))[-nodes.size :])[::-1]
    values = truth[nodes[nodes >= 0]]
    first = truth[nodes[:PRECISION_AT][nodes[:PRECISION_AT] >= 0]]
    at = min(PRECISION_AT, best.size)
    right = np.count_nonzero(first >= best[at - 1] * (1 - 1e-12))
    return float(right / at), float(values.sum() / best.sum())


def mean(qualities: Sequence[Quality]) -> Quality:
    """Over at least one."""
    columns: dict[str, Any] = {name: [getattr(q, name) for q in qualities] for name in Quality.__slots__}
    return Quality(**{name: float(np.mean(values)) for name, values in columns.items()})


def reaches(graph: CSRGraph, source: int) -> bool:
    """Whether arcs lead from ``source`` to `REACH` nodes, itself counted; looks at no more rows than that."""
    seen, front = {source}, [source]
    while front:
        node = front.pop()
        row = np.unique(graph.indices[graph.indptr[node] : graph.indptr[node + 1]])
        for other in row[: REACH + len(seen)].tolist():
            if other not in seen:
                seen.add(other)
                front.append(other)
        if len(seen) >= REACH:
            return True
    return False
