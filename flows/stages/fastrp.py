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
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import ahead, even_ranges
from graph.fastrp import FastRPParams, Power, combine_panel, hop_panel, hop_scale, initial_panel, row_norms
from graph.kernels.spmm import COLUMNS
from graph.projection import squared_norms

PANEL = 64  # columns; a panel of 32 costs a sixth more a column, one of 16 half as much again
PANEL_BYTES = 1 << 30  # of one block; above it panels are halved: less memory for each, and more workers have work
ROWS = 65_536  # rows joined at a time


def split(job: Job) -> list[list[Range]]:
    """One round in paper mode, one per hop in GDS mode."""
    params = FastRPParams(**job.params)
    n_rounds = 1 if params.mode == "paper" else max(1, len(params.iteration_weights))
    return [_panels(open_graph(job.inputs["graph"]).n_nodes, params.dim) for _ in range(n_rounds)]


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
        scale = hop_scale(graph, params, row_norms(_squares(job.work, round_, _panels(graph.n_nodes, params.dim))))
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
    rows = ahead(_rows(terms, graph.n_nodes, len(parts[0])))  # summed while the rows before are hashed and written
    stats = write_embedding(writer, rows, graph.n_nodes, params.dim)
    return Findings(stats=stats)


def _panels(n_nodes: int, dim: int) -> list[Range]:
    """Panels of the widest kind whose blocks fit; the bytes are the same for any multiple of `COLUMNS`."""
    width = PANEL
    while width > COLUMNS and 4 * width * n_nodes > PANEL_BYTES:
        width //= 2
    return even_ranges(dim, width)


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
    """A hop gathers an arc's column in 0.45 ns and fills a node's in 1 ns; every power that counts is written.

    A worker holds three blocks, of the hop before, this hop, and what is written; joining maps all powers.
    """
    dim, weights = int(params["dim"]), params["iteration_weights"]
    hops = max(1, len(weights))
    kept = hops if params["mode"] == "gds" else sum(1 for weight in weights if weight)
    n_panels = len(_panels(sizes.n_nodes, dim))
    n_rounds = hops if params["mode"] == "gds" else 1
    disk = 4 * dim * sizes.n_nodes
    seconds = hops * dim * (0.45e-9 * sizes.n_edges + 1e-9 * sizes.n_nodes) + WRITE_SECONDS * kept * disk
    counted = sum(1 for weight in weights if weight)
    return Estimate(
        memory=3 * disk // n_panels,
        disk=disk,
        seconds=seconds + PART_SECONDS * n_panels * n_rounds,
        n_parts=n_panels,
        shared=(8 if sizes.weighted else 4) * sizes.n_edges + 16 * sizes.n_nodes,
        assembling=counted * disk + 12 * dim * min(ROWS, sizes.n_nodes),
        serial=3.2e-9 * disk,
        kernels="graph.kernels.spmm",
        compiling=1.1,
    )


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
