"""Stage ``fastrp``: a graph becomes node embeddings. A partition is a panel of columns over the whole graph.

Paper mode needs nothing from other panels until the end, so each panel runs all its hops at once. GDS mode feeds
normalised rows to the next hop, so there is a round per hop and only the row norms cross panels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import ArtifactWriter
from artifacts.embedding import KIND, VERSION, write_embedding
from artifacts.graph import open_graph
from artifacts.parts import Part, part_path, read_part
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import even_ranges
from graph.fastrp import FastRPParams, Power, combine_panel, hop_panel, hop_scale, initial_panel, row_norms
from graph.projection import squared_norms

PANEL = 64  # columns; the bytes are the same for any multiple of 16
ROWS = 65_536  # rows joined at a time


def split(job: Job) -> list[list[Range]]:
    """One round in paper mode, one per hop in GDS mode."""
    params = FastRPParams(**job.params)
    n_rounds = 1 if params.mode == "paper" else max(1, len(params.iteration_weights))
    return [even_ranges(params.dim, PANEL) for _ in range(n_rounds)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """The powers of columns [start, stop) that have a weight, and the last one for the next round."""
    graph = open_graph(job.inputs["graph"])
    params = FastRPParams(**job.params)
    weights = params.iteration_weights
    arrays: dict[str, npt.NDArray[Any]] = {}
    if round_ == 0:
        block = initial_panel(graph, params, start, stop)
        scale = hop_scale(graph, params, None)
        if params.self_influence:
            arrays |= {"power0": block, "squares0": squared_norms(block)}
    else:
        block = read_part(part_path(job.work, round_ - 1, start, stop)).array(f"power{round_}")
        scale = hop_scale(graph, params, row_norms(_squares(job.work, round_, even_ranges(params.dim, PANEL))))
    last = len(weights) if params.mode == "paper" else min(round_ + 1, len(weights))
    for hop in range(round_ + 1, last + 1):
        block, squares = hop_panel(graph, block, scale)
        scale = None  # only the first hop of paper mode has one; in GDS mode the next hop is another round's
        if weights[hop - 1] or params.mode == "gds":
            arrays |= {f"power{hop}": block, f"squares{hop}": squares}
    return Output(arrays)


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Join panels and powers into rows."""
    params = FastRPParams(**job.params)
    graph = open_graph(job.inputs["graph"])
    weights = {0: params.self_influence} | dict(enumerate(params.iteration_weights, start=1))
    terms = []
    for hop, weight in weights.items():
        if weight:
            panels = parts[max(0, hop - 1) if params.mode == "gds" else 0]
            norms = row_norms([part.array(f"squares{hop}") for part in panels])
            terms.append((weight, norms, [part.array(f"power{hop}") for part in panels]))
    stats = write_embedding(writer, _rows(terms, graph.n_nodes, len(parts[0])), graph.n_nodes, params.dim)
    return Findings(stats=stats)


def _rows(
    terms: Sequence[tuple[float, npt.NDArray[np.float64], list[npt.NDArray[Any]]]], n_nodes: int, n_panels: int
) -> Iterator[npt.NDArray[np.float32]]:
    for start, stop in even_ranges(n_nodes, ROWS):
        panels = [
            combine_panel(
                [Power(weight, norms[start:stop], blocks[panel][start:stop]) for weight, norms, blocks in terms]
            )
            for panel in range(n_panels)
        ]
        yield np.concatenate(panels, axis=1)


def _squares(work: Path, hop: int, panels: Sequence[Range]) -> list[npt.NDArray[Any]]:
    """Squared norms of hop ``hop`` (GDS mode), which the round before this one left."""
    return [read_part(part_path(work, hop - 1, *panel)).array(f"squares{hop}") for panel in panels]


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Two panels a worker in memory; the powers of all panels and the result on disk."""
    dim, hops = int(params["dim"]), max(1, len(params["iteration_weights"]))
    kept = sum(1 for weight in params["iteration_weights"] if weight)
    panel = 4 * PANEL * sizes.n_nodes
    seconds = 2.5e-10 * hops * dim * (2 * sizes.n_edges + sizes.n_nodes) + 1e-9 * dim * sizes.n_nodes * (kept + 2)
    return Estimate(8 * panel + 12 * sizes.n_edges, 4 * dim * sizes.n_nodes, seconds)


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=1,
    parallel=True,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
)
