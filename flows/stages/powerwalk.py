"""Stage ``powerwalk``: walks from every node become fingerprints. A partition is a range of nodes.

The quality of the answers is measured on sampled sources against exact personalised PageRank and kept with them. That
costs as much as the walks of many nodes, so a first round makes the exact rankings, one partition a source; in it
also, for a weighted graph, the aliases that all walks look up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import ArtifactWriter
from artifacts.fingerprints import KIND, VERSION
from artifacts.graph import open_graph
from artifacts.parts import Part, part_path, read_part
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.seeds import stream
from foundation.threads import even_ranges
from graph.csr import CSRGraph
from graph.powerwalk import (
    Fingerprints,
    PowerWalkIndex,
    PowerWalkParams,
    QueryParams,
    fingerprints,
)
from graph.ppr import PPRParams, personalized_pagerank
from graph.walk_tables import arc_aliases

HELD_OUT = 20  # sources measured; each costs one exact power iteration
REACH = 50  # a source must reach so many nodes for precision@50 to mean something
DIRECTED_SHARE = 0.6  # of the steps that walks along directed arcs take before a node without any: 0.3 to 1 was seen
TRIED = 20 * HELD_OUT  # sources drawn until there are enough of those


def split(job: Job) -> list[list[Range]]:
    """The aliases (all nodes) and each held-out source; then even ranges of nodes."""
    graph = open_graph(job.inputs["graph"])
    drawn = _candidates(graph, PowerWalkParams(**job.params["index"]).seed)
    sources = [(source, source + 1) for _, source in zip(range(HELD_OUT), drawn, strict=False)]
    weights = [(0, graph.n_nodes)] if graph.weights is not None and graph.n_nodes > 1 else []
    return [[*weights, *sources], even_ranges(graph.n_nodes, job.part_nodes)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Aliases or the exact ranking of node ``start``; then fingerprints of nodes [start, stop)."""
    graph, params = open_graph(job.inputs["graph"]), PowerWalkParams(**job.params["index"])
    if round_ == 0:
        if stop - start > 1:
            return Output({"aliases": arc_aliases(graph)})
        return Output({"rank": _exact(graph, start, params)})
    whole = part_path(job.work, 0, 0, graph.n_nodes)
    aliases = read_part(whole).array("aliases") if graph.weights is not None and graph.n_nodes > 1 else None
    return Output(fingerprints(graph, params, start, stop, aliases=aliases).arrays())


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Lay the rows end to end, then ask the index about sampled sources."""
    graph = open_graph(job.inputs["graph"])
    params = PowerWalkParams(**job.params["index"])
    prepared, ranges = parts
    indptr = np.zeros(graph.n_nodes + 1, dtype=np.int64)
    for part in ranges:
        indptr[part.start + 1 : part.stop + 1] = part.array("indptr")[1:] + indptr[part.start]
    n_entries = int(indptr[-1])
    writer.array("indptr", indptr)
    writer.pieces("nodes", (part.array("nodes") for part in ranges), np.int32, (n_entries,))
    writer.pieces("counts", (part.array("counts") for part in ranges), params.count_dtype, (n_entries,))
    lost = np.concatenate([np.zeros(0, dtype=np.float32), *(part.array("lost") for part in ranges)])
    writer.array("lost", lost)
    stats = {
        "n_nodes": graph.n_nodes,
        "n_entries": n_entries,
        "mean_entries": round(n_entries / max(1, graph.n_nodes), 3),
        "n_cut_rows": int(np.count_nonzero(lost)),
    }
    walks = None
    if params.allotment == "degree":
        walks = np.concatenate([np.zeros(0, dtype=np.int32), *(part.array("walks") for part in ranges)])
        writer.array("walks", walks)
    prints = Fingerprints(
        indptr=indptr, nodes=writer.written("nodes"), counts=writer.written("counts"), lost=lost, walks=walks
    )
    ranks = {part.start: part for part in prepared if part.stop - part.start == 1}
    index = PowerWalkIndex(graph, params, prints)
    return Findings(stats, _measure(index, QueryParams(**job.params["query"]), ranks))


def _measure(index: PowerWalkIndex, query: QueryParams, ranks: Mapping[int, Part]) -> dict[str, Any]:
    """Precision and RAG at 50, ties counted as right, over sources that reach at least 50 nodes."""
    precision: list[float] = []
    rag: list[float] = []
    bounds: list[float] = []
    for source in _candidates(index.graph, index.params.seed):
        if len(precision) == HELD_OUT:
            break
        ready = ranks.get(source)
        truth = _exact(index.graph, source, index.params) if ready is None else ready.array("rank")
        if np.count_nonzero(truth) < REACH:
            continue
        ranking = index.query([{source: 1.0}], REACH, params=query)
        found = ranking.nodes[0]
        values = truth[found[found >= 0]]
        best = np.sort(truth)[::-1][:REACH]
        precision.append(float(np.count_nonzero(values >= best[-1] * (1 - 1e-12)) / REACH))
        rag.append(float(values.sum() / best.sum()))
        bounds.append(float(ranking.error_bound[0]))
    if not precision:
        return {"n_sources": 0}
    return {
        "precision_at_50": round(float(np.mean(precision)), 4),
        "rag_at_50": round(float(np.mean(rag)), 5),
        "mean_error_bound": round(float(np.mean(bounds)), 4),
        "n_sources": len(precision),
    }


def _exact(graph: CSRGraph, source: int, params: PowerWalkParams) -> npt.NDArray[np.float64]:
    return personalized_pagerank(graph, source, PPRParams(damping=params.damping))


def _candidates(graph: CSRGraph, seed: int) -> Iterator[int]:
    """Sources in the order they are drawn, those left out that walks cannot carry to `REACH` nodes."""
    order = stream(seed, "powerwalk.heldout").permutation(graph.n_nodes)
    return (source for source in order[:TRIED].tolist() if _reaches(graph, source))


def _reaches(graph: CSRGraph, source: int) -> bool:
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


def row_bytes(job: Job) -> float:
    """Nodes and counts of a fingerprint, once while they are collected and once as the part that is written."""
    index = job.params["index"]
    visits = index["n_walks"] / (1 - index["damping"])
    return 16 * min(float(visits), float(index["max_entries"] or visits))


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """A step takes 40 ns. An exact ranking is some 60 sweeps of 1 ns an arc and 15 ns a node; a query
    takes as long as the push it does."""
    index, n_nodes = params["index"], sizes.n_nodes
    entries = min(_distinct_visits(sizes, index), index["max_entries"] or n_nodes) * n_nodes
    visits = index["n_walks"] * index["damping"] / (1 - index["damping"])
    n_sources = HELD_OUT if n_nodes > REACH else 0
    exact = n_sources * 60 * (1e-9 * sizes.n_edges + 15e-9 * n_nodes)
    query = 5e-8 / max(1e-9, params["query"]["rmax"]) + 1e-7 * n_nodes
    disk = int(6 * entries + 12 * n_nodes)
    n_parts = parts_of(n_nodes, sizes.part_nodes)
    walking = 4e-8 * visits * n_nodes * (1.0 if not sizes.directed else DIRECTED_SHARE)
    return Estimate(
        memory=12 * disk // (4 * n_parts) + 16 * n_nodes + (8 << 20),
        disk=disk,
        seconds=walking + exact + WRITE_SECONDS * disk + PART_SECONDS * (n_parts + n_sources),
        n_parts=max(n_parts, n_sources),
        shared=(16 if sizes.weighted else 4) * sizes.n_edges + 8 * n_nodes,
        assembling=disk + disk // 4 + 8 * n_sources * n_nodes,
        serial=WRITE_SECONDS * disk + n_sources * query,
        kernels="graph.kernels.walk",
        compiling=3.5,
    )


def _distinct_visits(sizes: Sizes, index: Mapping[str, Any]) -> float:
    """How many nodes the walks from one node visit.

    ``w`` walkers on ``d**step`` nodes (or all there are) find ``N (1 - exp(-w / N))`` of them. What the steps have in
    common takes a quarter off; along directed arcs most walks end early. Dense communities have fewer, to a third.
    """
    degree = max(1.0, sizes.n_edges / max(1, sizes.n_nodes))
    walkers, reached, found = float(index["n_walks"]), 1.0, 0.0
    while (walkers := walkers * index["damping"]) > 0.1:
        reached = min(reached * degree, float(max(1, sizes.n_nodes)))
        found += reached * -math.expm1(-walkers / reached)
    return min(float(sizes.n_nodes), 0.75 * found * (DIRECTED_SHARE if sizes.directed else 1.0))


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=2,
    parallel=True,
    split=split,
    partition=partition,
    row_bytes=row_bytes,
    assemble=assemble,
    estimate=estimate,
)
