"""Stage ``graph``: an edge list, or any other supported source, becomes a graph artifact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from artifacts.artifact import ArtifactWriter
from artifacts.graph import KIND, VERSION, write_graph
from artifacts.parts import Part
from flows.stages.costs import WRITE_SECONDS
from flows.stages.stage import Estimate, Findings, Job, Sizes, Stage
from graph.edge_list import ReadParams, read_graph


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Read the source on the machine that runs the flow."""
    del parts
    return Findings(stats=write_graph(writer, read_graph(job.sources["edges"], ReadParams(**job.params))))


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Reading: 0.6 µs a line of text, 0.15 µs a row of a table. In memory the ends in 64 bits, their rows in 32, and a
    sorted copy of those; of text also its ids before they are numbered."""
    del params
    per_line, line_bytes = (0.15e-6, 60) if sizes.table else (0.6e-6, 160)
    disk = (8 if sizes.weighted else 4) * sizes.n_edges + 24 * sizes.n_nodes
    return Estimate(
        (32 << 20) + line_bytes * sizes.n_lines + 100 * sizes.n_nodes,
        disk,
        0.35 + per_line * sizes.n_lines + WRITE_SECONDS * disk,
        work="parse",
        kernels="graph.kernels.counting",
        compiling=0.5,
    )


STAGE = Stage(kind=KIND, kind_version=VERSION, code_version=1, assemble=assemble, estimate=estimate)
