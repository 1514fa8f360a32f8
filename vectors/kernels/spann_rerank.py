"""Candidates compared by their vectors, the best of each query kept.

Layout   ``vectors`` C-contiguous float32 (n, dim); row numbers ``rows`` (n_queries, n_candidates), -1 for none, lie at
         ``where`` of ``vectors``.
Threads  single-threaded over queries [start, stop), one writer per query.
Limits   a value has the bytes that `vectors.kernels.scoring.score_pairs` gives: float64 sums in the same order.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.simd import prefetch_element
from vectors.kernels.spann_heap import push, sort_heap

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

_PER_LINE = 16
_AHEAD = 4  # vectors asked for before they are needed


@numba.njit(nogil=True, cache=True)
def _distance(row: Float32s, query: Float32s) -> np.float32:
    a = b = c = e = 0.0
    full = row.size - row.size % 4
    for d in range(0, full, 4):
        x0 = np.float64(row[d]) - np.float64(query[d])
        x1 = np.float64(row[d + 1]) - np.float64(query[d + 1])
        x2 = np.float64(row[d + 2]) - np.float64(query[d + 2])
        x3 = np.float64(row[d + 3]) - np.float64(query[d + 3])
        a += x0 * x0
        b += x1 * x1
        c += x2 * x2
        e += x3 * x3
    for d in range(full, row.size):
        x0 = np.float64(row[d]) - np.float64(query[d])
        a += x0 * x0
    return np.float32(np.sqrt((a + b) + (c + e)))


@numba.njit(nogil=True, cache=True)
def _product(row: Float32s, query: Float32s) -> np.float32:
    a = b = c = e = 0.0
    full = row.size - row.size % 4
    for d in range(0, full, 4):
        a += np.float64(row[d]) * np.float64(query[d])
        b += np.float64(row[d + 1]) * np.float64(query[d + 1])
        c += np.float64(row[d + 2]) * np.float64(query[d + 2])
        e += np.float64(row[d + 3]) * np.float64(query[d + 3])
    for d in range(full, row.size):
        a += np.float64(row[d]) * np.float64(query[d])
    return np.float32(np.float32((a + b) + (c + e)) + np.float32(0.0))


@numba.njit(nogil=True, cache=True)
def compare_rows(
    queries: Float32s,
    start: int,
    stop: int,
    vectors: Float32s,
    where: Int64s,
    rows: Int32s,
    euclidean: bool,
    out_rows: Int32s,
    out_values: Float32s,
) -> None:
    """The best of each query's candidates, best first, ties by row: distances, or scores; -1 behind."""
    flat, dim = vectors.reshape(vectors.size), vectors.shape[1]
    keys, ids = np.empty(out_rows.shape[1], dtype=np.float32), np.empty(out_rows.shape[1], dtype=np.int32)
    for query in range(start, stop):
        found = 0
        for j in range(rows.shape[1]):
            if rows[query, j] < 0:
                break
            if j + _AHEAD < rows.shape[1] and rows[query, j + _AHEAD] >= 0:
                following = where[query, j + _AHEAD] * dim
                for d in range(0, dim, _PER_LINE):
                    prefetch_element(flat, following + d)
            row = vectors[where[query, j]]
            key = _distance(row, queries[query]) if euclidean else -_product(row, queries[query])
            found = push(keys, ids, found, key, rows[query, j])
        sort_heap(keys, ids, found)
        for j in range(out_rows.shape[1]):
            out_rows[query, j] = ids[j] if j < found else -1
            if j < found:
                out_values[query, j] = keys[j] if euclidean else -keys[j]
