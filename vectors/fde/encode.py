"""Fixed dimensional encodings: sets of token vectors to single vectors whose dot product approximates MaxSim.

Source: Dhulipala, Hadian, Jayaram, Lee, Mirrokni, "MUVERA: Multi-Vector Retrieval via Fixed Dimensional Encodings",
NeurIPS 2024, arXiv:2405.19504; cells are numbered as in its C++ reference (google/graph-mining).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from foundation.errors import InvalidInput
from foundation.threads import balanced_ranges, even_ranges, run_ranges
from vectors.fde.blocks import blocks_of_rows
from vectors.fde.matrices import FDEMatrices, check_matrices, fde_matrices
from vectors.fde.params import FDEParams
from vectors.fde.plan import (
    aligned,
    cell_stride,
    new_finish,
    new_lanes,
    new_plan,
    new_token_room,
    value_stride,
)
from vectors.fde.rooms import Rooms
from vectors.fde.sparse import sparse_queries
from vectors.kernels.fde import MAX_TOKENS, encode_codes, encode_rows
from vectors.kernels.fde_room import Finish
from vectors.kernels.fde_tokens import Plan, fill_tables
from vectors.tokens.multivector import MultiVectors, readonly

__all__ = ["FDEMatrices", "FDEParams", "encode_documents", "encode_queries", "fde_matrices", "new_encodings"]

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]
Encodings = npt.NDArray[np.floating[Any]]

_BLOCK_BYTES = 256 << 20  # hashed and projected rows of a table held at once
_ROWS_PER_CALL = 1024
_ROWS_AT_ONCE = 96
_TOKENS_PER_CALL = 32768  # their scratch memory, new for every call, is then a small part of the time


def encode_documents(
    documents: MultiVectors,
    params: FDEParams,
    n_threads: int = 1,
    matrices: FDEMatrices | None = None,
    *,
    out: Encodings | None = None,
    dtype: npt.DTypeLike = np.float32,
    vectors: bool = True,
) -> Encodings:
    """Encode documents: a cell holds the mean of its tokens, an empty one the nearest token (``fill_empty``).

    Parameters
    ----------
    documents
        Plain or coded; both give the same bytes. Of a coded one every distinct row is hashed and projected once.
    matrices
        Used in place of those drawn from ``params.seed``.
    out
        Where to write: float32 or float16 (n_docs, fde_dim), C-contiguous, of any content. Memory that was written
        before is faster than new; `new_encodings` makes some.
    dtype
        Of the result when ``out`` is not given. float16 is the float32 result, rounded; past 65519 it is infinite.
    vectors
        Explicit vectors where the processor has them; without, the same bytes come out slowly.

    Returns
    -------
    float32 or float16, shape (n_docs, fde_dim)
        Repetition by repetition, cell by cell, or all of it sketched to ``d_final``; then the ``d_whole`` sums times
        √num_repetitions. An empty document is the zero vector. Do not normalise: lengths count.

    Raises
    ------
    InvalidInput
        When ``matrices`` do not fit ``params`` and the tokens' width, ``out`` or ``dtype`` is not as above, or a
        document has 2**24 tokens.
    InvalidParams
        When ``d_whole`` is the tokens' width or more.
    """
    result = _result(documents, params, out, dtype)
    return _encode(documents, params, n_threads, matrices, result, mean=True, vectors=vectors)


@overload
def encode_queries(
    queries: MultiVectors,
    params: FDEParams,
    n_threads: int = ...,
    matrices: FDEMatrices | None = ...,
    *,
    sparse: Literal[False] = ...,
    vectors: bool = ...,
) -> Float32s: ...


@overload
def encode_queries(
    queries: MultiVectors,
    params: FDEParams,
    n_threads: int = ...,
    matrices: FDEMatrices | None = ...,
    *,
    sparse: Literal[True],
    vectors: bool = ...,
) -> csr_array: ...


def encode_queries(
    queries: MultiVectors,
    params: FDEParams,
    n_threads: int = 1,
    matrices: FDEMatrices | None = None,
    *,
    sparse: bool = False,
    vectors: bool = True,
) -> Float32s | csr_array:
    """Encode queries: a cell holds the sum of its tokens, and nothing is ever filled.

    ``encode_queries(q, p) @ encode_documents(d, p).T / p.num_repetitions`` approximates MaxSim. Parameters, result and
    errors as `encode_documents`. With ``sparse`` the result is a SciPy CSR array of the same numbers, at most
    tokens · num_repetitions · d_proj + d_whole of them a query, worked out without ever making the others; ``d_final``
    leaves nothing sparse and is refused. `vectors.fde.sparse.sparse_dots` multiplies it with documents.
    """
    given = fde_matrices(queries.dim, params) if matrices is None else matrices
    if sparse:
        check_matrices(given, queries.dim, params)
        return sparse_queries(queries, params, given, vectors=vectors)
    result: Float32s = aligned((queries.n_docs, params.fde_dim(queries.dim)))
    _encode(queries, params, n_threads, given, result, mean=False, vectors=vectors)
    return result


def new_encodings(n_docs: int, fde_dim: int, dtype: npt.DTypeLike = np.float32) -> Encodings:
    """Memory for ``n_docs`` encodings, not yet written, that starts at a cache line, as the fastest writes want it."""
    return aligned((n_docs, fde_dim), dtype)


def _result(sets: MultiVectors, params: FDEParams, out: Encodings | None, dtype: npt.DTypeLike) -> Encodings:
    """``out``, which has been checked, or new memory."""
    shape = sets.n_docs, params.fde_dim(sets.dim)
    kind = np.dtype(dtype) if out is None else out.dtype
    if kind not in (np.dtype(np.float32), np.dtype(np.float16)):
        raise _invalid(f"they were asked for as {kind}", "ask for float32 or float16")
    if out is None:
        return new_encodings(*shape, kind)
    if out.shape != shape or not out.flags.c_contiguous or not out.flags.writeable:
        raise _invalid(f"out has shape {out.shape} and strides {out.strides}", f"pass C-contiguous memory of {shape}")
    return out


def _encode(
    sets: MultiVectors,
    params: FDEParams,
    n_threads: int,
    given: FDEMatrices | None,
    out: Encodings,
    *,
    mean: bool,
    vectors: bool,
) -> Encodings:
    matrices = fde_matrices(sets.dim, params) if given is None else given
    check_matrices(matrices, sets.dim, params)
    longest = int(np.diff(sets.offsets).max(initial=0))
    if longest >= MAX_TOKENS:
        raise _invalid(f"a document has {longest} tokens", f"split documents of {MAX_TOKENS} tokens")
    plan = new_plan(sets.dim, params, matrices)
    finish = new_finish(params, matrices, mean=mean, out=out)
    written = out.view(np.uint16) if out.dtype == np.float16 else out
    if sets.codes is None:
        _encode_plain(sets, plan, finish, n_threads, written, vectors=vectors)
    else:
        _encode_coded(sets, plan, finish, n_threads, written, vectors=vectors)
    return out


def _encode_plain(
    sets: MultiVectors, plan: Plan, finish: Finish, n_threads: int, out: npt.NDArray[Any], *, vectors: bool
) -> None:
    rows, offsets = readonly(sets.vectors), sets.offsets
    rooms = Rooms(plan, finish, int(np.diff(offsets).max(initial=0)), sets.dim - plan.head, vectors=vectors)

    def work(start: int, stop: int) -> None:
        own = readonly(offsets[start : stop + 1])
        with rooms.one() as (lanes, room):
            encode_rows(own, rows, plan, finish, lanes, room, out[start:stop])

    run_ranges(work, balanced_ranges(offsets, _TOKENS_PER_CALL), n_threads)


def _encode_coded(
    sets: MultiVectors, plan: Plan, finish: Finish, n_threads: int, out: npt.NDArray[Any], *, vectors: bool
) -> None:
    stride = value_stride(plan)
    max_rows = max(1, _BLOCK_BYTES // (4 * (stride + cell_stride(plan))))
    for begin, end, used, rank in blocks_of_rows(sets, max_rows):
        rows = readonly(sets.vectors[used])
        cells = aligned((used.size, cell_stride(plan)), np.int32)
        values = aligned((used.size, stride))
        _fill(rows, plan, cells, values, n_threads, vectors=vectors)
        hashed, projected, block = readonly(cells), readonly(values), sets.slice(begin, end)

        longest = int(np.diff(block.offsets).max(initial=0))
        rooms = Rooms(plan, finish, longest, sets.dim - plan.head, vectors=vectors)
        work = partial(_encode_codes, block, rank, (rows, hashed, projected), plan, finish, rooms, out[begin:end])
        run_ranges(work, balanced_ranges(block.offsets, _TOKENS_PER_CALL), n_threads)


def _encode_codes(
    block: MultiVectors,
    rank: Int32s,
    tables: tuple[Float32s, Int32s, Float32s],
    plan: Plan,
    finish: Finish,
    rooms: Rooms,
    out: npt.NDArray[Any],
    start: int,
    stop: int,
) -> None:
    """Encodings of documents ``start:stop`` into their rows of ``out``; ``tables`` are rows, cells, values by rank."""
    assert block.codes is not None
    rows, cells, values = tables
    first, last = int(block.offsets[start]), int(block.offsets[stop])
    own = readonly(block.offsets[start : stop + 1] - first)
    codes = readonly(rank[block.codes[first:last]])
    with rooms.one() as (lanes, room):
        encode_codes(own, codes, rows, cells, values, plan, finish, lanes, room, out[start:stop])


def _fill(rows: Float32s, plan: Plan, cells: Int32s, values: Float32s, n_threads: int, *, vectors: bool) -> None:
    """Cells and values of every row."""

    def work(start: int, stop: int) -> None:
        lanes, room = new_lanes(plan, vectors=vectors), new_token_room(plan, _ROWS_AT_ONCE)
        fill_tables(rows, start, stop, plan, lanes, room, cells, values)

    run_ranges(work, even_ranges(rows.shape[0], _ROWS_PER_CALL), n_threads)


def _invalid(what: str, fix: str) -> InvalidInput:
    return InvalidInput(source="fixed dimensional encodings", what=what, fix=fix)
