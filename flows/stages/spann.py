"""Stages ``ann.nodes`` and ``ann.documents`` with lists on disk: `vectors.spann.build` by ranges of rows and of lists.

Four rounds. Ranges of rows are hashed, then one partition finds equal rows and chooses the heads, then ranges of rows
enter the lists of their nearest heads, then ranges of lists are merged from all of those. Assembling writes the lists
and the vectors one after another and measures. No byte depends on the ranges: a build that is killed goes on with those
it has, and `vectors.spann.index.SpannIndex.build` writes the same files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from artifacts.artifact import ArtifactWriter
from artifacts.parts import Part as StagePart
from artifacts.parts import part_path, read_part
from artifacts.spann import KIND, VERSION, write_spann
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.indexed import is_of_nodes, open_vectors
from flows.stages.stage import ROWS, Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import even_ranges
from vectors.metrics import Float32s, Int64s, parse_taken
from vectors.spann.build import check_vectors, find_copies, hash_range, row_bytes, store_vectors
from vectors.spann.files import LISTS, VECTORS, write_arrays
from vectors.spann.finish import finish
from vectors.spann.heads import ARRAYS, Heads, choose_heads
from vectors.spann.measured import Measured
from vectors.spann.params import SpannParams, head_bytes
from vectors.spann.postings import ARRAYS as LISTED
from vectors.spann.postings import Part, Table, assign_range, merged, table_of
from vectors.spann.space import Space

HASHED, HEADS, LISTED_ROWS, MERGED = range(4)
_ALONE: Final = (0, 1)
_COMPARED = 4096  # rows at a time that may be equal


def split(job: Job) -> list[list[Range]]:
    """Ranges of rows, one partition, the same ranges, and as many ranges of lists, which are not counted yet."""
    ranges = _ranges(job)
    return [ranges, [_ALONE], ranges, even_ranges(len(ranges), 1)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Rows [start, stop) of the first and third round; of the last, lists of the share ``start``."""
    vectors, params = open_vectors(job.inputs["vectors"]), SpannParams(**job.params)
    if round_ == HASHED:
        check_vectors(vectors)
        hashes, longest, _ = hash_range(vectors, start, stop, params.metric)
        return Output({"hashes": hashes, "longest": np.array([longest])})
    if round_ == HEADS:
        return Output(_heads(job, vectors, params))
    heads, distinct = _opened_heads(job, params)
    if round_ == LISTED_ROWS:
        rows = distinct[slice(*np.searchsorted(distinct, (start, stop)))]
        origins = read_part(part_path(job.work, HEADS, *_ALONE)).array("origins")
        part = assign_range(parse_taken(vectors, rows, params.metric), rows, heads, origins, params)
        return Output({name: getattr(part, name) for name in LISTED}, {ROWS: stop - start})
    parts, table = _opened_lists(job, heads, params)
    n_shares = len(_ranges(job))
    first, last = (heads.n_heads * share // n_shares for share in (start, stop))
    data = merged(parts, table, params.list_limit, first, last)[1] if last > first else np.zeros(0, dtype=np.int8)
    return Output({"data": data})


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[StagePart]]) -> Findings:
    """Put lists and vectors one after another, and measure."""
    vectors, params = open_vectors(job.inputs["vectors"]), SpannParams(**job.params)
    heads, distinct = _opened_heads(job, params)
    copies, head_rows = (parts[HEADS][0].array(name) for name in ("copies", "head_rows"))
    table = _opened_lists(job, heads, params)[1]

    def write(directory: Path) -> Measured:
        store_vectors(vectors, directory / VECTORS, params.metric, max(1, _rows(job)), 1)
        with (directory / LISTS).open("wb") as file:
            for part in parts[MERGED]:
                file.write(part.array("data").data)
        write_arrays(directory, heads, table, copies)
        return finish(directory, heads, table, copies, distinct, head_rows, params)

    return Findings(*write_spann(writer, write))


def _rows(job: Job) -> int:
    return job.part_nodes if is_of_nodes(job.inputs["vectors"]) else job.part_docs


def _ranges(job: Job) -> list[Range]:
    return even_ranges(open_vectors(job.inputs["vectors"]).shape[0], _rows(job))


def _heads(job: Job, vectors: npt.NDArray[Any], params: SpannParams) -> dict[str, npt.NDArray[Any]]:
    """What all further rounds read: equal rows, the others, the heads and the rotation."""
    hashed = [read_part(part_path(job.work, HASHED, *span)) for span in _ranges(job)]
    hashes = np.concatenate([np.zeros(0, dtype=np.uint64), *(part.array("hashes") for part in hashed)])
    longest = float(np.sqrt(max((float(part.array("longest")[0]) for part in hashed), default=0.0)))

    def take(rows: Int64s) -> Float32s:
        return parse_taken(vectors, rows, params.metric)

    copies, distinct = find_copies(hashes, take, _COMPARED)
    space = Space.drawn(params.metric, vectors.shape[1], longest, params.seed)
    head_rows = choose_heads(take, distinct, space, params)
    heads = Heads.build(space.rows(take(head_rows)), space, params.seed)
    return {
        **heads.arrays(),
        "origins": heads.vectors(),
        "longest": np.array([longest]),
        "copies": copies,
        "distinct": distinct,
        "head_rows": head_rows,
    }


def _opened_heads(job: Job, params: SpannParams) -> tuple[Heads, Int64s]:
    """The heads, mapped, and the rows that are in lists."""
    part = read_part(part_path(job.work, HEADS, *_ALONE))
    dim = open_vectors(job.inputs["vectors"]).shape[1]
    space = Space.drawn(params.metric, dim, float(part.array("longest")[0]), params.seed)
    return Heads.of(space, {name: part.array(name) for name in ARRAYS}), part.array("distinct")


def _opened_lists(job: Job, heads: Heads, params: SpannParams) -> tuple[list[Part], Table]:
    """What every range of rows contributes, mapped, and where the lists will be."""
    found = (read_part(part_path(job.work, LISTED_ROWS, *span)) for span in _ranges(job))
    parts = [Part(**{name: part.array(name) for name in LISTED}) for part in found]
    if not parts:
        return parts, Table.placed(np.zeros(0, dtype=np.int32), heads.space.block_bytes)
    return parts, table_of(parts, params.list_limit, heads.space.block_bytes)


def needed(job: Job) -> float:
    """Bytes a row takes while it enters its lists; merging takes less."""
    return row_bytes(open_vectors(job.inputs["vectors"]).shape[1], SpannParams(**job.params))


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """A value takes 0.9 µs to enter its lists and be merged; measuring compares queries with every row."""
    told = SpannParams(**params)
    documents = told.metric == "inner_product"
    n_rows, dim = (sizes.n_docs, sizes.doc_dim) if documents else (sizes.n_nodes, sizes.node_dim)
    size = sizes.part_docs if documents else sizes.part_nodes
    values, n_parts = n_rows * dim, parts_of(n_rows, size)
    n_heads = told.n_heads(max(1, n_rows), dim)
    listed = 6 * n_rows * (dim + 14)
    return Estimate(
        memory=min(n_rows, size) * row_bytes(dim, told),
        disk=4 * values + listed + n_heads * head_bytes(dim),
        seconds=9e-7 * values + 3 * PART_SECONDS * n_parts + 2 * WRITE_SECONDS * listed,
        n_parts=n_parts,
        shared=4 * values + n_heads * (head_bytes(dim) + 4 * dim),
        assembling=4 * values + n_heads * head_bytes(dim) + (64 << 20),
        serial=0.5 + 34e-9 * n_rows + 2.5e-7 * values + WRITE_SECONDS * (4 * values + listed),
        work="stream",
        kernels="vectors.kernels.spann_search",
        compiling=6.0,
    )


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=3,
    parallel=True,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
    row_bytes=needed,
    looks_back=2,
)
