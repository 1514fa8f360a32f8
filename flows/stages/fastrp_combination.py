"""Stage ``fastrp`` where powers are kept: they become node embeddings. A partition is a range of nodes.

Its bytes are those of the stage that walks and joins in one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from artifacts.artifact import ArtifactWriter
from artifacts.embedding import KIND, VERSION, write_embedding
from artifacts.graph import open_graph
from artifacts.parts import Part, part_path, read_part
from artifacts.powers import open_powers
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.fastrp import ITEM
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import even_ranges
from graph.fastrp_combination import combined_rows
from graph.fastrp_params import FastRPParams
from graph.propagation import Rows, Walk

CHUNK_BYTES = 8 << 20  # of the rows that are scaled at a time


def split(job: Job) -> list[list[Range]]:
    """Where each node's row is, found once; then even ranges of nodes."""
    n_nodes = open_powers(job.inputs["powers"]).n_nodes
    return [[(0, n_nodes)], even_ranges(n_nodes, job.part_nodes)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """The places of all nodes, then embeddings of nodes [start, stop)."""
    params = FastRPParams(**job.params)
    if round_ == 0:
        return Output({"places": Walk.over(open_graph(job.inputs["graph"]), params.precision).places})
    powers = open_powers(job.inputs["powers"])
    places = read_part(part_path(job.work, 0, 0, powers.n_nodes)).array("places")
    own = Rows(*powers.block(0)) if params.self_influence else None
    hops = [Rows(*powers.block(hop)) for hop in range(1, len(params.hops) + 1)]
    return Output({"embedding": combined_rows(params, own, hops, places, start, stop)})


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Lay the rows end to end."""
    n_nodes, dim = open_powers(job.inputs["powers"]).n_nodes, FastRPParams(**job.params).dim
    return Findings(write_embedding(writer, (part.array("embedding") for part in parts[1]), n_nodes, dim))


def row_bytes(job: Job) -> float:
    """A row of the result, held until it is written."""
    return 4.0 * FastRPParams(**job.params).dim


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """A value of a power is copied, scaled and added in 0.8 ns; rows are written by workers and once more in order."""
    wanted = FastRPParams(**params)
    counted = sum(1 for weight in (wanted.self_influence, *wanted.hops) if weight)
    values, n_parts = sizes.n_nodes * wanted.dim, parts_of(sizes.n_nodes, sizes.part_nodes)
    disk = 4 * values
    return Estimate(
        memory=disk // n_parts + CHUNK_BYTES,
        disk=disk,
        seconds=0.8e-9 * counted * values + WRITE_SECONDS * disk + PART_SECONDS * n_parts,
        n_parts=n_parts,
        shared=counted * values * ITEM[wanted.precision],
        assembling=disk,
        serial=WRITE_SECONDS * disk + PART_SECONDS + 2e-9 * sizes.n_edges,
        kernels="graph.kernels.propagate",
        compiling=2.0,
    )


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
