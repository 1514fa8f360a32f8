"""Stage ``graph``: an edge list, or any other supported source, becomes a graph artifact.

A text that is larger than a chunk never is in memory as a whole. First round: chunks of lines become small graphs over
their own ids; compressed or far away they come from one stream, in one partition. Second: the ids of all chunks become
rows, and errors are judged in the order of the lines. Third: ranges of rows are gathered from all chunks.

Mapped files count as a worker's memory: of the chunks one at a time is mapped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from artifacts.arrays import Array
from artifacts.artifact import ArtifactWriter
from artifacts.graph import KIND, VERSION, write_graph, write_rows
from artifacts.parts import Part, part_path, read_part
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.ids import ids_from_arrays
from foundation.pieces import Opened, Pieces
from foundation.sources import plain_size, sample_source
from foundation.threads import even_ranges
from graph.edge_list import ReadParams, is_table, read_graph
from graph.ingest.chunk import Chunk, Counts, make_chunk
from graph.ingest.range_numbering import number_chunks
from graph.ingest.rows import RowBlock, make_rows
from graph.ingest.settle import settle, settle_duplicates
from graph.ingest.spill import Place, Spill
from graph.readers.formats import format_of
from graph.readers.pieces import Text, open_text
from graph.report import GraphReport

CHUNKS, NUMBERING, ROWS = 0, 1, 2
NODE_BYTES = 2048  # of text for each node of `Job.part_nodes`
LEAST_BYTES = 1 << 20
BYTES_A_BYTE = 6  # of memory for each of a chunk's text: the text, its edges as read, as rows, as arcs
LINE_BYTES = 14  # of a text whose size is not known
_OF_A_CHUNK = ("ids_range", "ids_int", "ids_blob", "ids_offsets", "indptr", "indices", "weights")


def split(job: Job) -> list[list[Range]]:
    """Chunks, one numbering, and about as many ranges of rows as chunks; nothing for what one chunk holds."""
    params, source = _params(job), job.sources["edges"]
    if is_table(source, params):
        return []
    n_plain, size = plain_size(source), _chunk_bytes(job)
    n_bytes = sample_source(source, 1)[1] if n_plain is None else n_plain
    if n_bytes <= size:
        return []
    open_text(source, params)  # what is wrong with its beginning is said at once
    n_ranges = parts_of(n_bytes, size) * (1 if params.directed else 2)
    return [_chunk_spans(job), [(0, 1)], even_ranges(n_ranges, 1)]


def _chunk_spans(job: Job) -> list[Range]:
    n_plain = plain_size(job.sources["edges"])
    return [(0, 1)] if n_plain is None else even_ranges(parts_of(n_plain, _chunk_bytes(job)), 1)


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Chunks of lines, or the numbering, or a range of rows."""
    stats: dict[str, Any] = {}
    if round_ == ROWS:
        block = _rows(job, start)
        weights = {} if block.weights is None else {"weights": block.weights}
        stats = {"n_duplicates": block.n_duplicates, "repeated": block.repeated, "too_large": block.too_large}
        return Output({"indptr": block.indptr, "indices": block.indices, **weights}, stats)
    text = open_text(job.sources["edges"], _params(job))
    if round_ == CHUNKS:
        return Output(_chunks(text, _chunk_bytes(job), range(start, stop), stats), stats)
    return Output(_numbering(job, text, stats), stats)


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Lay the rows end to end, or read a small source as a whole, on the machine that runs the flow."""
    params, source = _params(job), job.sources["edges"]
    if not parts:
        return Findings(stats=write_graph(writer, read_graph(source, params)))
    numbering, ids = parts[NUMBERING][0], ids_from_arrays(parts[NUMBERING][0].arrays())
    blocks = Opened([partial(_block, part) for part in parts[ROWS]])
    report = settle_duplicates(open_text(source, params), _report(numbering), blocks, ids)
    weighted = numbering.stats["weighted"] or (params.duplicates == "sum" and report.n_duplicates > 0)
    stats = write_rows(writer, blocks, ids, weighted=weighted, directed=params.directed, report=report)
    return Findings(stats=stats)


def _params(job: Job) -> ReadParams:
    params = ReadParams(**job.params)
    return replace(params, format=format_of(job.sources["edges"], params.format))


def _chunk_bytes(job: Job) -> int:
    return max(LEAST_BYTES, NODE_BYTES * job.part_nodes)


def _chunks(text: Text, size: int, numbers: range, stats: dict[str, Any]) -> Iterator[tuple[str, Array]]:
    """Chunks of a plain file by their numbers, or all of a stream."""
    stats["chunks"] = counts = list[dict[str, Any]]()
    stream = enumerate(text.stream(size)) if text.n_bytes is None else ((n, text.nth(n, size)) for n in numbers)
    for number, lines in stream:
        chunk, counted = make_chunk(text, lines, text.integers)
        counts.append(counted.to_json())
        yield from _suffixed(chunk.arrays(), number)


def _numbering(job: Job, text: Text, stats: dict[str, Any]) -> Iterator[tuple[str, Array | Pieces]]:
    """The ids of the graph, the rows of every chunk's ids, and where to cut the rows."""
    size = _chunk_bytes(job)
    chunks, counts = _chunks_made(job)
    with Spill(job.work) as spill:
        integers = all(counted.integers for counted in counts)
        again = {number for number, counted in enumerate(counts) if counted.integers and not integers}
        for number, read in enumerate(text.pieces(size) if again else ()):
            if number in again:  # integers among strings are strings: as they are written
                chunk, counts[number] = make_chunk(text, read(), False)
                yield from _suffixed(chunk.arrays(), number)
                places = {name: spill.put(array) for name, array in chunk.arrays().items()}
                chunks[number] = partial(_spilled, spill, places)
        report = settle(text, counts, size)
        stats |= {"report": asdict(report), "weighted": any(open_().weights is not None for open_ in chunks)}
        numbered = number_chunks(chunks, len(split(job)[ROWS]), spill)
        yield from numbered.ids()
        for number in range(len(chunks)):
            yield f"rows.{number}", numbered.rows(number)
        yield "cuts", numbered.cuts


def _rows(job: Job, number: int) -> RowBlock:
    numbering, params = read_part(part_path(job.work, NUMBERING, 0, 1)), _params(job)
    first, _ = _chunks_made(job)
    cuts = numbering.array("cuts")
    return make_rows(
        Opened([partial(_numbered, numbering, place, open_) for place, open_ in enumerate(first)]),
        int(cuts[number]),
        int(cuts[number + 1]),
        weighted=numbering.stats["weighted"],
        directed=params.directed,
        duplicates=params.duplicates,
    )


def _chunks_made(job: Job) -> tuple[list[Callable[[], Chunk]], list[Counts]]:
    """What opens each chunk of the first round, in the order of the lines, and what was counted in it."""
    chunks: list[Callable[[], Chunk]] = []
    counts: list[Counts] = []
    for span in _chunk_spans(job):
        part = read_part(part_path(job.work, CHUNKS, *span))
        for counted in part.stats["chunks"]:
            chunks.append(partial(_chunk, part, len(chunks)))
            counts.append(Counts(**counted))
    return chunks, counts


def _chunk(part: Part, number: int) -> Chunk:
    names = [name for name in _OF_A_CHUNK if f"{name}.{number}.npy" in part.files]
    return Chunk.of({name: part.array(f"{name}.{number}") for name in names})


def _spilled(spill: Spill, places: Mapping[str, Place]) -> Chunk:
    return Chunk.of({name: spill.get(place) for name, place in places.items()})


def _numbered(numbering: Part, number: int, first: Callable[[], Chunk]) -> tuple[Chunk, Array]:
    """A chunk, made again with the numbering or else as it was made ``first``, and the rows of its ids."""
    chunk = _chunk(numbering, number) if f"indptr.{number}.npy" in numbering.files else first()
    return chunk, numbering.array(f"rows.{number}")


def _suffixed(arrays: Mapping[str, Array], number: int) -> Iterator[tuple[str, Array]]:
    return ((f"{name}.{number}", array) for name, array in arrays.items())


def _block(part: Part) -> RowBlock:
    arrays = part.arrays()
    return RowBlock(
        indptr=arrays["indptr"], indices=arrays["indices"], weights=arrays.get("weights"), **dict(part.stats)
    )


def _report(numbering: Part) -> GraphReport:
    found = dict(numbering.stats["report"])
    found["type_counts"] = tuple((name, n) for name, n in found["type_counts"])
    return GraphReport(**found | {"notes": tuple(found["notes"])})


def row_bytes(job: Job) -> float:
    """Memory for each node that `Job.part_nodes` counts, which is what its text takes."""
    del job
    return NODE_BYTES * BYTES_A_BYTE


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """A table, and a text that one chunk holds, in memory as a whole: 0.6 µs a line of text, 0.15 µs a row of a table.

    A larger text: 0.3 µs a line in chunks and in rows, 5 ns for each node of a chunk when they are numbered, at 14
    bytes a line. What is spilled on the way and removed at the end is not in ``disk``: about twice the artifact.
    """
    disk = (8 if sizes.weighted else 4) * sizes.n_edges + 24 * sizes.n_nodes
    n_chunks = parts_of(LINE_BYTES * sizes.n_lines, max(LEAST_BYTES, NODE_BYTES * sizes.part_nodes))
    if sizes.table or n_chunks == 1:
        per_line, line_bytes = (0.15e-6, 60) if sizes.table else (0.6e-6, 160)
        return Estimate(
            (32 << 20) + line_bytes * sizes.n_lines + 100 * sizes.n_nodes,
            disk,
            0.35 + per_line * sizes.n_lines + WRITE_SECONDS * disk,
            work="parse",
            kernels="graph.kernels.counting",
            compiling=0.5,
        )
    n_parts = n_chunks * (2 if params["directed"] else 3)
    return Estimate(
        memory=BYTES_A_BYTE * max(LEAST_BYTES, NODE_BYTES * sizes.part_nodes),
        disk=disk,
        seconds=0.3e-6 * sizes.n_lines + PART_SECONDS * n_parts,
        n_parts=n_parts,
        assembling=16 * sizes.n_nodes,
        serial=0.35 + 5e-9 * n_chunks * sizes.n_nodes + WRITE_SECONDS * disk,
        work="parse",
        kernels="graph.kernels.rows",
        compiling=3.0,
    )


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=1,
    parallel=True,
    looks_back=2,
    split=split,
    partition=partition,
    row_bytes=row_bytes,
    assemble=assemble,
    estimate=estimate,
)
