"""Fixed dimensional encodings: sets of token vectors to single vectors whose dot product approximates MaxSim.

Source: Dhulipala, Hadian, Jayaram, Lee, Mirrokni, "MUVERA: Multi-Vector Retrieval via Fixed Dimensional Encodings",
NeurIPS 2024, arXiv:2405.19504; cells are numbered as in its C++ reference (google/graph-mining).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from foundation.threads import balanced_ranges, even_ranges, run_ranges
from vectors.fde_params import FDEMatrices, FDEParams, check_matrices, fde_matrices
from vectors.kernels.fde import add_tails, aggregate, project_rows
from vectors.multivector import MultiVectors, readonly

__all__ = ["FDEMatrices", "FDEParams", "encode_documents", "encode_queries", "fde_matrices"]

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]

_BLOCK_BYTES = 256 << 20  # hashed and projected rows held at once
_ROWS_PER_CALL = 1024
_TOKENS_PER_CALL = 4096  # their rows of one repetition stay in the second-level cache


def encode_documents(
    documents: MultiVectors, params: FDEParams, n_threads: int = 1, matrices: FDEMatrices | None = None
) -> Float32s:
    """Encode documents: a cell holds the mean of its tokens, an empty one the nearest token (``fill_empty``).

    Parameters
    ----------
    documents
        Plain or coded; both give the same bytes. Of a coded one every distinct row is hashed and projected once.
    matrices
        Used in place of those drawn from ``params.seed``.

    Returns
    -------
    float32, shape (n_docs, fde_dim)
        Repetition by repetition, cell by cell, or all of it sketched to ``d_final``; then the ``d_whole`` sums times
        √num_repetitions. An empty document is the zero vector. Do not normalise: lengths count.

    Raises
    ------
    InvalidInput
        When ``matrices`` do not fit ``params`` and the tokens' width.
    InvalidParams
        When ``d_whole`` is the tokens' width or more.
    """
    return _encode(documents, params, n_threads, matrices, mean=True)


def encode_queries(
    queries: MultiVectors, params: FDEParams, n_threads: int = 1, matrices: FDEMatrices | None = None
) -> Float32s:
    """Encode queries: a cell holds the sum of its tokens, and nothing is ever filled.

    ``encode_queries(q, p) @ encode_documents(d, p).T / p.num_repetitions`` approximates MaxSim.
    Parameters, result and errors as `encode_documents`.
    """
    return _encode(queries, params, n_threads, matrices, mean=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Tokens:
    """Distinct token vectors of some documents, and what the kernel reads of them: ``cells`` and ``values``.

    ``rank`` maps a code to its row here; None when the documents are plain and a token is its own row.
    """

    rank: Int32s | None
    rows: Float32s
    cells: Int32s
    values: Float32s


def _encode(
    sets: MultiVectors, params: FDEParams, n_threads: int, given: FDEMatrices | None, *, mean: bool
) -> Float32s:
    matrices = fde_matrices(sets.dim, params) if given is None else given
    check_matrices(matrices, sets.dim, params)
    parts = [matrices.simhash] if matrices.projection is None else [matrices.simhash, matrices.projection]
    head = sets.dim - params.d_whole
    columns = [np.asarray(part, dtype=np.float32).transpose(1, 0, 2).reshape(head, -1) for part in parts]
    matrix = np.ascontiguousarray(np.concatenate(columns, axis=1))
    out = np.zeros((sets.n_docs, params.fde_dim(sets.dim)), dtype=np.float32)
    max_rows = max(1, _BLOCK_BYTES // (4 * (matrix.shape[1] + params.num_repetitions)))
    for start, stop, rows, rank in _blocks(sets, max_rows):
        tokens = _hash_and_project(rows, rank, matrix, params, n_threads)
        block = sets.slice(start, stop)
        work = partial(_aggregate, block, tokens, matrices, params, mean, out[start:stop])
        run_ranges(work, balanced_ranges(block.offsets, _TOKENS_PER_CALL), n_threads)
    return out


def _blocks(sets: MultiVectors, max_rows: int) -> Iterator[tuple[int, int, Float32s, Int32s | None]]:
    """Ranges of documents, each with the rows its tokens use and their ranks: ``max_rows``, but whole documents."""
    if sets.codes is not None:
        used, rank = _distinct(sets.codes, sets.vectors.shape[0])
        if used.size <= max_rows:
            yield 0, sets.n_docs, sets.vectors[used], rank
            return
    for start, stop in balanced_ranges(sets.offsets, max_rows):
        block = sets.slice(start, stop)
        if block.codes is None:
            yield start, stop, block.vectors, None
        else:
            used, rank = _distinct(block.codes, block.vectors.shape[0])
            yield start, stop, block.vectors[used], rank


def _distinct(codes: Int32s, n_rows: int) -> tuple[npt.NDArray[np.intp], Int32s]:
    """Rows of the table that some token uses, ascending, and the place of every table row among them."""
    is_used = np.zeros(n_rows, dtype=np.bool_)
    is_used[codes] = True
    return np.flatnonzero(is_used), np.cumsum(is_used, dtype=np.int32) - np.int32(1)


def _hash_and_project(
    rows: Float32s, rank: Int32s | None, matrix: Float32s, params: FDEParams, n_threads: int
) -> _Tokens:
    n_repetitions, (n_rows, dim) = params.num_repetitions, rows.shape
    cells = np.empty((n_repetitions, n_rows), dtype=np.int32)
    if params.d_proj is None:  # every repetition adds up the rows themselves
        values = np.ascontiguousarray(rows[:, : dim - params.d_whole])[None]
    else:
        values = np.empty((n_repetitions, n_rows, params.d_proj), dtype=np.float32)
    frozen_rows, frozen_matrix = readonly(rows), readonly(matrix)
    writable = values if params.d_proj is not None else np.empty((0, 0, 0), dtype=np.float32)

    def work(start: int, stop: int) -> None:
        project_rows(frozen_rows, frozen_matrix, params.k_sim, start, stop, cells, writable)

    run_ranges(work, even_ranges(n_rows, _ROWS_PER_CALL), n_threads)
    return _Tokens(rank, frozen_rows, readonly(cells), readonly(values))


def _aggregate(
    sets: MultiVectors,
    tokens: _Tokens,
    matrices: FDEMatrices,
    params: FDEParams,
    mean: bool,
    out: Float32s,
    start: int,
    stop: int,
) -> None:
    """Encodings of documents ``start:stop`` into their rows of ``out``."""
    first, last = int(sets.offsets[start]), int(sets.offsets[stop])
    if sets.codes is None or tokens.rank is None:
        codes = np.arange(first, last, dtype=np.int32)
    else:
        codes = tokens.rank[sets.codes[first:last]]
    slots = np.empty(0, dtype=np.int64) if matrices.final_slots is None else matrices.final_slots
    signs = np.empty(0, dtype=np.float32) if matrices.final_signs is None else matrices.final_signs
    offsets, codes = readonly(sets.offsets[start : stop + 1] - first), readonly(codes)
    shape = params.k_sim, mean, params.fill_empty, readonly(slots), readonly(signs)
    aggregate(offsets, codes, tokens.cells, tokens.values, *shape, out[start:stop])
    if params.d_whole:
        add_tails(offsets, codes, tokens.rows, params.d_whole, np.sqrt(params.num_repetitions), out[start:stop])
