"""Stage ``map``: embeddings become points in the plane. A partition finds the nearest rows of a range.

The points move together, step by step, in one thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from artifacts.artifact import ArtifactWriter
from artifacts.embedding import open_embedding
from artifacts.node_map import KIND, MAX_POINTS, VERSION, mapped_rows, write_map
from artifacts.parts import Part
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import even_ranges
from vectors.pacmap import PHASES, SPARE, Float32s, PaCMAPParams, directions, nearest, neighbours_kept, place
from vectors.pacmap_neighbours import EXACT, LISTS, PROBED, Nearest


def split(job: Job) -> list[list[Range]]:
    """Ranges of the nodes that are on the map."""
    n_nodes = len(open_embedding(job.inputs["vectors"]))
    return [even_ranges(min(n_nodes, MAX_POINTS), job.part_nodes)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """The nearest of points [start, stop)."""
    del round_
    return Output(nearest(_units(job), start, stop, PaCMAPParams(**job.params))._asdict())


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Place the points, and measure how many of their neighbours they keep."""
    units, params = _units(job), PaCMAPParams(**job.params)
    if parts and parts[0]:
        found = Nearest(*(np.concatenate([part.array(name) for part in parts[0]]) for name in Nearest._fields))
    else:
        found = nearest(units, 0, 0, params)
    points = place(units, found, params)
    stats = write_map(writer, points, len(open_embedding(job.inputs["vectors"])))
    return Findings(stats=stats, measured={"neighbours_kept": round(neighbours_kept(points, units), 6)})


def _units(job: Job) -> Float32s:
    embedding = open_embedding(job.inputs["vectors"])
    n_nodes = len(embedding)
    return directions(embedding if n_nodes <= MAX_POINTS else embedding[mapped_rows(n_nodes, MAX_POINTS)])


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """To compare two rows takes 0.05 ns a number of theirs; a pair's force takes 5 ns a step, either way.

    Of many rows one is compared with those of near lists, four times as slowly, and every partition builds the lists.
    """
    n = min(sizes.n_nodes, MAX_POINTS)
    wanted = int(params["n_neighbors"]) * (1 + float(params["mid_near_ratio"]) + float(params["far_ratio"]))
    n_parts = parts_of(n, sizes.part_nodes)
    candidates = int(params["n_neighbors"]) + SPARE
    rows = min(n, sizes.part_nodes)
    units = 4 * n * sizes.node_dim
    if n <= EXACT:
        seconds = (5e-11 * n + 2e-8 * candidates) * n * sizes.node_dim
    else:
        seconds = (2e-10 * n * PROBED / LISTS + 1.5e-10 * LISTS * n_parts) * n * sizes.node_dim
    return Estimate(
        memory=(2 if n <= EXACT else 4) * units + rows * candidates * 60,
        disk=8 * n,
        seconds=seconds + PART_SECONDS * n_parts,
        n_parts=n_parts,
        assembling=int(units + n * (40 * candidates + 16 * wanted)),
        serial=1e-8 * n * wanted * sum(PHASES) + WRITE_SECONDS * 8 * n,
        kernels="vectors.kernels.pacmap",
        compiling=5.0,
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
