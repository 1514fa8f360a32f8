"""Stage ``powerwalk``: walks from every node become fingerprints. A partition is a range of nodes.

The quality of the answers is measured on sampled sources against exact personalised PageRank and kept with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from artifacts.artifact import ArtifactWriter
from artifacts.fingerprints import KIND, VERSION
from artifacts.graph import open_graph
from artifacts.parts import Part
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.seeds import stream
from foundation.threads import even_ranges
from graph.csr import CSRGraph
from graph.powerwalk import Fingerprints, PowerWalkIndex, PowerWalkParams, QueryParams, fingerprints
from graph.ppr import PPRParams, personalized_pagerank

HELD_OUT = 20  # sources measured; each costs one exact power iteration
REACH = 50  # a source must reach so many nodes for precision@50 to mean something


def split(job: Job) -> list[list[Range]]:
    """Even ranges of nodes."""
    return [even_ranges(open_graph(job.inputs["graph"]).n_nodes, job.part_nodes)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Fingerprints of nodes [start, stop)."""
    del round_
    prints = fingerprints(open_graph(job.inputs["graph"]), PowerWalkParams(**job.params["index"]), start, stop)
    return Output(prints.arrays())


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Lay the rows end to end, then ask the index about sampled sources."""
    graph = open_graph(job.inputs["graph"])
    params = PowerWalkParams(**job.params["index"])
    ranges = parts[0]
    indptr = np.zeros(graph.n_nodes + 1, dtype=np.int64)
    for part in ranges:
        indptr[part.start + 1 : part.stop + 1] = part.array("indptr")[1:] + indptr[part.start]
    n_entries = int(indptr[-1])
    writer.array("indptr", indptr)
    writer.pieces("nodes", (part.array("nodes") for part in ranges), np.int32, (n_entries,))
    writer.pieces("counts", (part.array("counts") for part in ranges), params.count_dtype, (n_entries,))
    lost = np.concatenate([np.zeros(0, dtype=np.float32), *(part.array("lost") for part in ranges)])
    writer.array("lost", lost)
    prints = (
        Fingerprints.concatenate(
            [
                Fingerprints(**{name: part.array(name) for name in ("indptr", "nodes", "counts", "lost")})
                for part in ranges
            ]
        )
        if ranges
        else fingerprints(graph, params)
    )
    stats = {
        "n_nodes": graph.n_nodes,
        "n_entries": n_entries,
        "mean_entries": round(n_entries / max(1, graph.n_nodes), 3),
        "n_cut_rows": int(np.count_nonzero(lost)),
    }
    return Findings(stats, _measure(graph, PowerWalkIndex(graph, params, prints), QueryParams(**job.params["query"])))


def _measure(graph: CSRGraph, index: PowerWalkIndex, query: QueryParams) -> dict[str, Any]:
    """Precision and RAG at 50, ties counted as right, over sources that reach at least 50 nodes."""
    order = stream(index.params.seed, "powerwalk.heldout").permutation(graph.n_nodes)
    precision: list[float] = []
    rag: list[float] = []
    bounds: list[float] = []
    for source in order[: 20 * HELD_OUT].tolist():
        if len(precision) == HELD_OUT:
            break
        truth = personalized_pagerank(graph, source, PPRParams(damping=index.params.damping))
        if np.count_nonzero(truth) < REACH:
            continue
        found = index.query([{source: 1.0}], REACH, params=query).nodes[0]
        values = truth[found[found >= 0]]
        best = np.sort(truth)[::-1][:REACH]
        precision.append(float(np.count_nonzero(values >= best[-1] * (1 - 1e-12)) / REACH))
        rag.append(float(values.sum() / best.sum()))
        bounds.append(float(index.query([{source: 1.0}], 1, params=query).error_bound[0]))
    if not precision:
        return {"n_sources": 0}
    return {
        "precision_at_50": round(float(np.mean(precision)), 4),
        "rag_at_50": round(float(np.mean(rag)), 5),
        "mean_error_bound": round(float(np.mean(bounds)), 4),
        "n_sources": len(precision),
    }


def row_bytes(job: Job) -> float:
    """Nodes and counts of a fingerprint, once while they are collected and once as the part that is written."""
    index = job.params["index"]
    visits = index["n_walks"] / (1 - index["damping"])
    return 16 * min(float(visits), float(index["max_entries"] or visits))


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Walk length is geometric, and most visits of a fingerprint repeat."""
    index = params["index"]
    steps = index["n_walks"] * index["damping"] / (1 - index["damping"])
    entries = min(steps / 6, index["max_entries"] or steps / 6) * sizes.n_nodes
    return Estimate(int(8 * entries) + 12 * sizes.n_edges, int(6 * entries), 6e-8 * steps * sizes.n_nodes)


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=1,
    parallel=True,
    split=split,
    partition=partition,
    row_bytes=row_bytes,
    assemble=assemble,
    estimate=estimate,
)
