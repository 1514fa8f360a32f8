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
from artifacts.features import open_features
from artifacts.graph import open_graph
from artifacts.parts import Part, part_path, read_part
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import ahead, even_ranges
from graph.csr import CSRGraph
from graph.fastrp_params import FastRPParams
from graph.fastrp_start import next_source, own_term, start_panel
from graph.propagation import GROUP, Rows, Stored, Walk, row_norms, unit_factors

PANEL = 128  # columns
PANEL_BYTES = 1 << 30  # of one power; above it panels are halved: less memory for each, and more workers have work
ROWS = 16_384  # rows joined at a time; the memory of many more would be fresh for each
ITEM = {"int8": 1, "float16": 2, "float32": 4}  # bytes of a value


def split(job: Job) -> list[list[Range]]:
    """One round in paper mode, one per hop in GDS mode."""
    params = FastRPParams(**job.params)
    n_rounds = 1 if params.mode == "paper" else max(1, len(params.hops))
    return [panels_of(open_graph(job.inputs["graph"]).n_nodes, params.dim) for _ in range(n_rounds)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """The powers of columns [start, stop) that have a weight, and the last one for the next round."""
    graph = open_graph(job.inputs["graph"])
    params = FastRPParams(**job.params)
    walk = Walk.over(graph, params.precision)
    arrays: dict[str, npt.NDArray[Any]] = {}
    if round_ == 0:
        features = open_features(job.inputs["features"]) if params.n_property else None
        first = start_panel(graph, params, start, stop, features=features)
        source = first.source
        if params.self_influence and first.rows is not None:
            arrays |= named(first.rows, 0)
    else:
        rows = rows_of(read_part(part_path(job.work, round_ - 1, start, stop)), round_)
        source = next_source(walk, params, rows, norms_of(job.work, round_, panels_of(graph.n_nodes, params.dim)))
    hops = params.hops
    last = len(hops) if params.mode == "paper" else min(round_ + 1, len(hops))
    for hop in range(round_ + 1, last + 1):
        rows = walk.step(source)
        if hops[hop - 1] or params.mode == "gds":
            arrays |= named(rows, hop)
        if hop < last:  # in paper mode, where the next hop does not ask for norms
            source = next_source(walk, params, rows, row_norms([rows.squares]))
    return Output(arrays)


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Join panels and powers into rows."""
    params = FastRPParams(**job.params)
    graph = open_graph(job.inputs["graph"])
    walk = Walk.over(graph, params.precision)
    terms: list[tuple[int, Stored]] = []
    for hop, weight in enumerate((params.self_influence, *params.hops)):
        if weight:
            panels = parts[max(0, hop - 1) if params.mode == "gds" else 0]
            blocks = [rows_of(part, hop) for part in panels]
            norms = row_norms([block.squares for block in blocks])
            for part, block in zip(panels, blocks, strict=True):
                there = Stored(block.values, unit_factors(weight, block, norms), walk.places)
                terms.append((part.start, there if hop else own_term(block, weight, norms)))
    rows = ahead(_rows(walk, graph, params.dim, terms))  # summed while the rows before are hashed and written
    stats = write_embedding(writer, rows, graph.n_nodes, params.dim)
    return Findings(stats=stats)


def panels_of(n_nodes: int, dim: int) -> list[Range]:
    """Panels of the widest kind whose blocks fit; the bytes are the same for any multiple of `GROUP`."""
    width = PANEL
    while width > GROUP and 2 * width * n_nodes > PANEL_BYTES:
        width //= 2
    return even_ranges(dim, width)


def _rows(
    walk: Walk, graph: CSRGraph, dim: int, terms: Sequence[tuple[int, Stored]]
) -> Iterator[npt.NDArray[np.float32]]:
    for start, stop in even_ranges(graph.n_nodes, ROWS):
        out = np.zeros((stop - start, dim), dtype=np.float32)
        for first, term in terms:
            walk.add(term, out, first, start, stop)
        yield out


def named(rows: Rows, hop: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a part that hold a power, or the nodes' own rows as hop 0."""
    return {f"{name}{hop}": array for name, array in rows._asdict().items()}


def rows_of(part: Part, hop: int) -> Rows:
    """What `named` gave."""
    return Rows(*(part.array(f"{name}{hop}") for name in Rows._fields))


def norms_of(work: Path, hop: int, panels: Sequence[Range]) -> npt.NDArray[np.float64]:
    """Norms of hop ``hop`` (GDS mode), from what the round before this one left."""
    return row_norms([read_part(part_path(work, hop - 1, *panel)).array(f"squares{hop}") for panel in panels])


def walking_seconds(sizes: Sizes, hops: int, dim: int, item: int) -> float:
    """A hop gathers an arc's column in 0.1 ns and packs a node's in 0.5 ns."""
    return hops * dim * (0.12e-9 * item * sizes.n_edges / 2 + 0.6e-9 * sizes.n_nodes)


def arcs_bytes(sizes: Sizes) -> int:
    """What all panels read: the arcs, and the nodes' places and shares."""
    return (8 if sizes.weighted else 4) * sizes.n_edges + 28 * sizes.n_nodes


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Hops, as many as there are up to the last weight that is not 0; every power that counts is written.

    A worker holds the powers that count, the hop before and this one; joining maps all powers. With features it begins
    with columns in 32 bits, twice, and multiplies in 0.2 ns.
    """
    dim, precision, gds = int(params["dim"]), str(params["precision"]), params["mode"] == "gds"
    item = ITEM[precision]
    wanted = FastRPParams(**params)
    hops = max(1, len(wanted.hops))
    counted = sum(1 for weight in wanted.hops if weight)
    kept = hops if gds else counted
    panels = panels_of(sizes.n_nodes, dim)
    power = sizes.n_nodes * dim * item
    disk = 4 * dim * sizes.n_nodes
    given = 4 * sizes.n_features * sizes.n_nodes if wanted.n_property else 0
    begun = 8 * sizes.n_nodes * dim if wanted.n_property else 0
    seconds = walking_seconds(sizes, hops, dim, item) + 0.05e-9 * given * wanted.n_property
    return Estimate(
        memory=max(((1 if gds else kept) + 2) * power, begun + power) // len(panels),
        disk=disk,
        seconds=seconds + WRITE_SECONDS * (kept * power + disk) + PART_SECONDS * len(panels) * (hops if gds else 1),
        n_parts=len(panels),
        shared=arcs_bytes(sizes) + given,
        assembling=counted * power + 12 * dim * min(ROWS, sizes.n_nodes),
        serial=0.8e-9 * disk,
        kernels="graph.kernels.propagate",
        compiling=6.0,
    )


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=2,
    parallel=True,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
)
