"""Codec of a graph: CSR arrays, ids, and whether it is directed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from artifacts.artifact import Artifact, ArtifactWriter
from foundation.ids import ids_from_arrays
from graph.csr import CSRGraph

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
    degree = graph.out_degree()
    return {
        "n_nodes": graph.n_nodes,
        "n_edges": graph.n_edges,
        "directed": graph.directed,
        "n_without_out_edges": int(np.count_nonzero(degree == 0)),
        "max_out_degree": int(degree.max(initial=0)),
        "report": asdict(graph.report),
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
