"""Stage ``graph``: an edge list, or any other supported source, becomes a graph artifact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from artifacts.artifact import ArtifactWriter
from artifacts.graph import KIND, VERSION, write_graph
from artifacts.parts import Part
from flows.stages.stage import Estimate, Findings, Job, Sizes, Stage
from graph.edge_list import ReadParams, read_graph


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Read the source on the machine that runs the flow."""
    del parts
    return Findings(stats=write_graph(writer, read_graph(job.sources["edges"], ReadParams(**job.params))))


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Columns, their sorted copies and the result are in memory together."""
    del params
    return Estimate(
        120 * sizes.n_edges + 100 * sizes.n_nodes, 8 * sizes.n_edges + 30 * sizes.n_nodes, 1.5e-6 * sizes.n_edges
    )


STAGE = Stage(kind=KIND, kind_version=VERSION, code_version=1, assemble=assemble, estimate=estimate)
