"""Encodings of queries as sparse rows: a query of few tokens leaves most cells empty. See `vectors.fde.encode`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from foundation.errors import InvalidInput, InvalidParams
from foundation.threads import even_ranges, run_ranges
from vectors.fde.matrices import FDEMatrices
from vectors.fde.params import FDEParams
from vectors.fde.plan import new_finish, new_lanes, new_plan, new_room
from vectors.kernels.fde_sparse import encode_query, multiply_sparse
from vectors.tokens.multivector import MultiVectors, readonly

_ROWS_PER_CALL = 1024


def sparse_queries(queries: MultiVectors, params: FDEParams, matrices: FDEMatrices, *, vectors: bool) -> csr_array:
    """CSR array (n_queries, fde_dim) of float32, columns int64 and ascending; see `vectors.fde.encode.encode_queries`.

    Raises
    ------
    InvalidParams
        With ``d_final``.
    """
    if params.d_final is not None:
        raise InvalidParams(name="d_final", value=params.d_final, allowed="none for sparse encodings")
    plan = new_plan(queries.dim, params, matrices)
    finish, lanes = new_finish(params, matrices, mean=False), new_lanes(plan, vectors=vectors)
    rows = readonly(queries.vectors if queries.codes is None else queries.vectors[queries.codes])
    sizes = np.diff(queries.offsets)
    room = new_room(plan, finish, int(sizes.max(initial=0)), params.d_whole)
    n_cells = 1 << params.k_sim
    most = params.num_repetitions * plan.width * np.minimum(sizes, n_cells) + params.d_whole
    columns, numbers = np.empty(int(most.sum()), dtype=np.int64), np.empty(int(most.sum()), dtype=np.float32)
    indptr = np.zeros(queries.n_docs + 1, dtype=np.int64)
    for query in range(queries.n_docs):
        first, n, at = int(queries.offsets[query]), int(sizes[query]), int(indptr[query])
        found = encode_query(rows, first, n, finish.tail_scale, plan, lanes, room, columns[at:], numbers[at:])
        indptr[query + 1] = at + found
    end = int(indptr[-1])
    return csr_array((numbers[:end], columns[:end], indptr), shape=(queries.n_docs, params.fde_dim(queries.dim)))


def sparse_dots(queries: csr_array, documents: npt.NDArray[Any], n_threads: int = 1) -> npt.NDArray[np.float32]:
    """Products of sparse query encodings with dense document encodings, float32 (n_queries, n_docs).

    ``documents`` is float32 or float16, C-contiguous, and may be memory-mapped: only the cells that some query is in
    are read. Products add up in float64, so the bytes depend on nothing else.

    Raises
    ------
    InvalidInput
        When the widths differ, or ``documents`` are of another type.
    """
    if documents.ndim != 2 or documents.shape[1] != queries.shape[1]:
        what = f"documents have shape {documents.shape}, queries {queries.shape}"
        raise InvalidInput(source="sparse dots", what=what, fix="encode both with the same parameters")
    if documents.dtype not in (np.dtype(np.float32), np.dtype(np.float16)) or not documents.flags.c_contiguous:
        what = f"documents are {documents.dtype} with strides {documents.strides}"
        raise InvalidInput(source="sparse dots", what=what, fix="pass C-contiguous float32 or float16")
    stored = readonly(documents.view(np.uint16) if documents.dtype == np.float16 else documents)
    indptr, columns = (readonly(np.asarray(part, dtype=np.int64)) for part in (queries.indptr, queries.indices))
    numbers = readonly(np.asarray(queries.data, dtype=np.float32))
    out = np.empty((queries.shape[0], documents.shape[0]), dtype=np.float32)

    def work(start: int, stop: int) -> None:
        multiply_sparse(indptr, columns, numbers, stored, start, stop, out)

    run_ranges(work, even_ranges(documents.shape[0], _ROWS_PER_CALL), n_threads)
    return out
