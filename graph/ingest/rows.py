"""Some rows of the whole graph, from the parts of them in every chunk. The policy on duplicates is applied here.

This holds 8 bytes for each arc of the rows (16 with weights, as much again where duplicates are merged).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from graph.assembly import NO_WEIGHTS, Duplicates, first_arcs, merged_weights
from graph.ingest.chunk import Chunk
from graph.kernels.rows import append_rows, sort_rows, squeeze_rows

Arc = tuple[int, int]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RowBlock:
    """Finished rows: ``indptr`` begins at 0, ``weights`` is None where all are 1.

    Of an undirected graph only arcs to an equal or larger row are counted in ``n_duplicates`` and named: ``repeated``
    is the first arc that has a duplicate where that is an error, ``too_large`` the first whose summed weight float32
    does not hold.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[Any]
    weights: npt.NDArray[np.float32] | None
    n_duplicates: int = 0
    repeated: Arc | None = None
    too_large: Arc | None = None

    def all_weights(self) -> npt.NDArray[np.float32]:
        """The weights, ones where there are none."""
        return np.ones(self.indices.size, dtype=np.float32) if self.weights is None else self.weights


def pointers_of(blocks: Iterable[RowBlock]) -> Iterator[npt.NDArray[np.int64]]:
    """The row pointer of blocks that follow one another, in pieces."""
    yield np.zeros(1, dtype=np.int64)
    n_before = 0
    for block in blocks:
        yield block.indptr[1:] + n_before
        n_before += int(block.indptr[-1])


def make_rows(
    chunks: Iterable[tuple[Chunk, npt.NDArray[Any]]],
    start: int,
    stop: int,
    *,
    weighted: bool,
    directed: bool,
    duplicates: Duplicates,
) -> RowBlock:
    """Rows [start, stop). With each chunk come the rows of its ids; the order of the chunks is that of the lines.

    The chunks are gone through twice, and none is held meanwhile.
    """
    indptr, spans, dtype = _counted(chunks, start, stop)
    indices = np.empty(int(indptr[-1]), dtype=dtype)
    weights = np.empty(indices.size if weighted else 0, dtype=np.float32)
    cursor = indptr[:-1].copy()
    for (chunk, rows), (first, last) in zip(chunks, spans, strict=True):
        given = NO_WEIGHTS if chunk.weights is None else chunk.weights
        append_rows(chunk.indptr, chunk.indices, given, first, last, rows, start, cursor, indices, weights)
    longest = int(np.diff(indptr).max(initial=0))
    scratch = np.empty(longest, dtype=dtype), np.empty(longest if weighted else 0, dtype=np.float32)
    sort_rows(indptr, indices, weights, *scratch)
    return _merged(indptr, indices, weights if weighted else None, start, directed, duplicates)


def _counted(
    chunks: Iterable[tuple[Chunk, npt.NDArray[Any]]], start: int, stop: int
) -> tuple[npt.NDArray[np.int64], list[tuple[int, int]], np.dtype[Any]]:
    """Row pointer of all arcs of the rows, which rows of every chunk they are, and what holds a row's number."""
    indptr = np.zeros(stop - start + 1, dtype=np.int64)
    spans, dtype = [], np.dtype(np.int32)
    for chunk, rows in chunks:
        dtype = rows.dtype
        first, last = (int(at) for at in np.searchsorted(rows, (start, stop)))
        indptr[np.asarray(rows[first:last]) - start + 1] += np.diff(chunk.indptr[first : last + 1])
        spans.append((first, last))
    np.cumsum(indptr, out=indptr)
    return indptr, spans, dtype


def _merged(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: npt.NDArray[np.float32] | None,
    start: int,
    directed: bool,
    duplicates: Duplicates,
) -> RowBlock:
    if weights is None and duplicates not in ("keep", "error"):
        counts = np.empty(indices.size, dtype=np.int32)
        n, n_duplicates = squeeze_rows(indptr, indices, start, directed, counts)
        if n == indices.size:
            return RowBlock(indptr=indptr, indices=indices, weights=None)
        merged = counts[:n].astype(np.float32) if duplicates == "sum" else None
        return RowBlock(indptr=indptr, indices=indices[:n].copy(), weights=merged, n_duplicates=n_duplicates)
    first = first_arcs(indptr, indices)
    repeats = np.flatnonzero(~first)
    if repeats.size == 0:
        return RowBlock(indptr=indptr, indices=indices, weights=weights)

    def arc(position: int) -> Arc:
        return start + int(np.searchsorted(indptr, position, side="right")) - 1, int(indices[position])

    if not directed:
        repeats = repeats[indices[repeats] >= start + np.searchsorted(indptr, repeats, side="right") - 1]
    repeated = arc(int(repeats[0])) if repeats.size and duplicates == "error" else None
    found: dict[str, Any] = {"n_duplicates": int(repeats.size), "repeated": repeated}
    if duplicates in ("keep", "error"):
        return RowBlock(indptr=indptr, indices=indices, weights=weights, **found)
    starts = np.flatnonzero(first)
    merged = merged_weights(weights, starts, indices.size, duplicates)
    if merged is not None and np.isinf(merged).any():
        ends = [arc(int(position)) for position in starts[np.isinf(merged)]]
        found["too_large"] = next(((row, column) for row, column in ends if directed or column >= row), None)
    pointers = np.searchsorted(starts, indptr).astype(np.int64)
    return RowBlock(indptr=pointers, indices=indices[starts], weights=merged, **found)
