"""Codec of a graph: CSR arrays, ids, and whether it is directed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from artifacts.arrays import Array
from artifacts.artifact import Artifact, ArtifactWriter
from foundation.ids import Ids, ids_from_arrays
from graph.csr import CSRGraph
from graph.ingest.rows import RowBlock, pointers_of
from graph.report import GraphReport

KIND = "graph"
VERSION = 1
READABLE = (1,)


def write_graph(writer: ArtifactWriter, graph: CSRGraph) -> dict[str, Any]:
    """Write the arrays; the counts to put in the manifest are returned."""
    writer.array("indptr", graph.indptr)
    writer.array("indices", graph.indices)
    if graph.weights is not None:
        writer.array("weights", graph.weights)
    writer.arrays(graph.node_ids.arrays())
    return _stats([graph.indptr], directed=graph.directed, report=graph.report)


def write_rows(
    writer: ArtifactWriter,
    blocks: Iterable[RowBlock],
    node_ids: Ids,
    *,
    weighted: bool,
    directed: bool,
    report: GraphReport,
) -> dict[str, Any]:
    """The same bytes from blocks of rows that follow one another, of which one at a time is in memory; they are gone
    through several times.

    Of a ``weighted`` graph a block may leave out its weights: all are 1.
    """
    n_nodes, n_edges = len(node_ids), sum(block.indices.size for block in blocks)
    dtype = next(iter(blocks)).indices.dtype
    writer.pieces("indptr", pointers_of(blocks), np.int64, (n_nodes + 1,))
    writer.pieces("indices", (block.indices for block in blocks), dtype, (n_edges,))
    if weighted:
        writer.pieces("weights", (block.all_weights() for block in blocks), np.float32, (n_edges,))
    writer.arrays(node_ids.arrays())
    return _stats((block.indptr for block in blocks), directed=directed, report=report)


def _stats(pointers: Iterable[Array], *, directed: bool, report: GraphReport) -> dict[str, Any]:
    """Counts of rows that come in one or more pieces."""
    n_nodes = n_edges = n_without = longest = 0
    for indptr in pointers:
        degree = np.diff(indptr)
        n_nodes, n_edges = n_nodes + degree.size, n_edges + int(indptr[-1])
        n_without, longest = n_without + int(np.count_nonzero(degree == 0)), max(longest, int(degree.max(initial=0)))
    return {
        "n_nodes": n_nodes,
        "n_edges": n_edges,
        "directed": directed,
        "n_without_out_edges": n_without,
        "max_out_degree": longest,
        "report": asdict(report),
    }


def open_graph(path: Path) -> CSRGraph:
    """The graph, memory-mapped."""
    artifact = Artifact.open(path, KIND, READABLE)
    return CSRGraph(
        indptr=artifact.array("indptr"),
        indices=artifact.array("indices"),
        weights=artifact.array("weights") if artifact.has("weights") else None,
        node_ids=ids_from_arrays(artifact.arrays()),
        directed=bool(artifact.manifest.stats["directed"]),
        check=False,  # proven before it was written, and checksums vouch for it since
    )
