"""Stages ``ann.nodes`` and ``ann.documents``: vectors become an index. A partition is one or more shards.

What a shard covers is part of the index's identity, so a partition is a range of shards and any number of them. Lists
are one shard: a first round learns them, and in a second every range of rows finds its lists
(`vectors.ann.list_parts`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from artifacts.ann import KIND, VERSION, write_ann
from artifacts.artifact import ArtifactWriter
from artifacts.parts import Part, part_path, read_part
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.indexed import is_of_nodes, open_vectors
from flows.stages.stage import ROWS, ROWS_REUSED, Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import even_ranges
from vectors.ann.build import BuiltShard, build_shard
from vectors.ann.files import read_shard
from vectors.ann.forms import LISTED
from vectors.ann.index import ANNIndex, tune
from vectors.ann.list_parts import joined, learned_arrays, placed_arrays
from vectors.ann.params import ANNParams, is_open, plan, shard_ranges
from vectors.ann.shard import Shard
from vectors.unchanged import equal_rows


def split(job: Job) -> list[list[Range]]:
    """A range of one shard each, or of rows of lists; none where candidates are compared, which `assemble` does."""
    vectors, params = open_vectors(job.inputs["vectors"]), ANNParams(**job.params)
    if is_open(vectors.shape[0], vectors.shape[1], params):
        return []
    if params.kind in LISTED:
        n_rows = job.part_nodes if is_of_nodes(job.inputs["vectors"]) else job.part_docs
        return [[(0, 1)], even_ranges(vectors.shape[0], n_rows) or [(0, 0)]]
    return [even_ranges(len(shard_ranges(vectors.shape[0], params)), 1)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Shard ``start``; of lists what they learn, or rows ``start:stop``."""
    vectors, params = open_vectors(job.inputs["vectors"]), ANNParams(**job.params)
    if params.kind in LISTED:
        if round_ == 0:
            return Output(learned_arrays(vectors, params))
        learned = read_part(part_path(job.work, 0, 0, 1)).arrays()
        return Output(placed_arrays(vectors, learned, params, start, stop), {ROWS: stop - start, ROWS_REUSED: 0})
    first, last = shard_ranges(vectors.shape[0], params)[start]
    built = _kept(job, start, first, last, vectors, params)
    stats = {ROWS: last - first, ROWS_REUSED: 0 if built is None else last - first}
    if built is None:
        built = build_shard(vectors, params, first, last)
    return Output({"index": built.index, "copies": built.copies}, stats)


def _kept(
    job: Job, number: int, start: int, stop: int, vectors: npt.NDArray[Any], params: ANNParams
) -> BuiltShard | None:
    """The previous artifact's shard, if it covers the same rows with the same bytes and would have the same form."""
    if not job.previous:
        return None
    before = open_vectors(job.previous["vectors"])
    if before.dtype != vectors.dtype or before.shape[1] != vectors.shape[1]:
        return None
    if (start, stop) not in shard_ranges(before.shape[0], params) or not equal_rows(before, vectors, start, stop):
        return None
    shard = read_shard(job.previous["self"], number)
    chosen = plan(vectors.shape[0], vectors.shape[1], params)
    return shard.built() if (shard.kind, shard.vectors.storage) == (chosen.kind, chosen.storage) else None


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Put the shards together and measure; without shards compare what there could be, and build the best."""
    vectors, params = open_vectors(job.inputs["vectors"]), ANNParams(**job.params)
    if parts:
        if params.kind in LISTED:
            learned, placed = parts[0][0].arrays(), [part.arrays() for part in parts[1]]
            built = [joined(vectors, learned, placed, params)]
        else:
            built = [BuiltShard(index=part.array("index"), copies=part.array("copies")) for part in parts[0]]
        index = ANNIndex([Shard.from_built(shard) for shard in built], params)
        index = dataclasses.replace(index, measured=tune(index, vectors, params))
    else:
        index = ANNIndex.build(vectors, params)
    stats, measured = write_ann(writer, index)
    return Findings(stats, measured)


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Adding a value to a graph takes 0.45 µs, to lists 80 ns, to a scan 20; measuring compares queries with every row.

    Where candidates are compared a graph stands for all of them: that is more than most choices take.
    """
    documents = params["metric"] == "inner_product"
    n_rows, dim = (sizes.n_docs, sizes.doc_dim) if documents else (sizes.n_nodes, sizes.node_dim)
    options = dataclasses.replace(ANNParams(**params), memory=None)
    compared = is_open(n_rows, dim, options)
    chosen, n_parts = plan(n_rows, dim, options), 1 if compared else len(shard_ranges(n_rows, options))
    n_held = n_parts  # parts that rows and index are divided among; what learns lists holds all
    if options.kind in LISTED:
        n_parts = parts_of(n_rows, sizes.part_docs if documents else sizes.part_nodes)
    per_value = {"hnsw": 4.5e-7, "flat": 2e-8}.get(chosen.kind, 8e-8)
    per_measured = 1e-7 if chosen.kind == "hnsw" or chosen.storage == "float32" else 8e-8
    values = n_rows * dim
    return Estimate(
        memory=(12 * values + 2 * chosen.n_bytes) // n_held,
        disk=chosen.n_bytes,
        seconds=per_value * values + WRITE_SECONDS * chosen.n_bytes + PART_SECONDS * n_parts,
        n_parts=n_parts,
        shared=4 * values,
        assembling=3 * chosen.n_bytes + 4 * values,
        serial=0.25 + per_measured * values,
        work="stream",
        kernels="vectors.kernels.scoring",
        compiling=1.8,
    )


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=6,
    parallel=True,
    compares=("vectors",),
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
)
