"""A text of any size to one graph in memory: chunks in threads, one numbering, ranges of rows in threads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from foundation.threads import balanced_ranges, even_ranges, in_order, run_ranges
from graph.csr import CSRGraph
from graph.ingest.chunk import Chunk, Counts, make_chunk
from graph.ingest.numbering import rows_of, unite_ids
from graph.ingest.rows import RowBlock, make_rows, pointers_of
from graph.ingest.settle import settle, settle_duplicates
from graph.readers.cutting import BLOCK
from graph.readers.pieces import Text

SMALL = 1 << 22  # bytes of a text that is not worth cutting
_ARCS = 1 << 20  # of a range of rows: what is sorted and merged stays small beside the graph


def read_in_chunks(text: Text, n_threads: int) -> CSRGraph:
    """The graph of the text; no byte depends on the threads, nor on the chunks.

    Beyond the result and a chunk of text for each thread this holds 4 bytes an arc (8 with weights, twice that for an
    undirected graph) and 12 for each distinct id of a chunk.

    Raises
    ------
    InvalidInput
        For lines that cannot be used, and what the policies forbid.
    """
    size = BLOCK if text.n_bytes is None else max(SMALL, min(BLOCK, text.n_bytes // (2 * n_threads)))
    chunks, counts = _chunks(text, text.integers, n_threads, size)
    if text.integers and not all(counted.integers for counted in counts):
        chunks, counts = _chunks(text, False, n_threads, size)
    report = settle(text, counts, size)
    columns = [chunk.ids for chunk in chunks]
    ids = unite_ids(columns)
    numbered = list(zip(chunks, rows_of(ids, columns), strict=True))
    weighted = any(chunk.weights is not None for chunk in chunks)
    pointers = np.zeros(len(ids) + 1, dtype=np.int64)
    for chunk, rows in numbered:
        pointers[1:][rows] += np.diff(chunk.indptr)
    np.cumsum(pointers, out=pointers)
    spans = balanced_ranges(pointers, _ARCS)
    blocks: dict[int, RowBlock] = {}

    def make(number: int, _: int) -> None:
        params = text.params
        blocks[number] = make_rows(
            numbered, *spans[number], weighted=weighted, directed=params.directed, duplicates=params.duplicates
        )

    run_ranges(make, even_ranges(len(spans), 1), n_threads)
    made = [blocks[number] for number in range(len(spans))]
    report = settle_duplicates(text, report, made, ids)
    weighted = weighted or (text.params.duplicates == "sum" and report.n_duplicates > 0)
    return CSRGraph(
        indptr=np.concatenate(list(pointers_of(made))),
        indices=np.concatenate([block.indices for block in made]),
        weights=np.concatenate([block.all_weights() for block in made]) if weighted else None,
        node_ids=ids,
        directed=text.params.directed,
        report=report,
        check=False,
    )


def _chunks(text: Text, integers: bool, n_threads: int, size: int) -> tuple[list[Chunk], list[Counts]]:
    def make(read: Callable[[], bytes]) -> tuple[Chunk, Counts]:
        return make_chunk(text, read(), integers)

    made = list(in_order(make, text.pieces(size), n_threads))
    return [chunk for chunk, _ in made], [counts for _, counts in made]
