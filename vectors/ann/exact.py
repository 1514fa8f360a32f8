"""Exact nearest neighbours by brute force.

A scan by FAISS proposes a few more than k rows per query in float32; a kernel with a fixed order of
summation scores the proposals again in float64; a bound on the error of float32 sums tells whether a row
that was not proposed could still belong to the answer, in which case every row within the bound is scored. So
values and order depend on the pair of vectors alone: not on batch, blocks, threads or BLAS.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from foundation.threads import even_ranges
from vectors.metrics import (
    Float32s,
    Float64s,
    Int64s,
    Metric,
    check_k,
    check_matrix,
    check_metric,
    faiss_metric,
    faiss_threads,
    is_distance,
    load_faiss,
    pair_values,
    parse_exclude,
    parse_queries,
    parse_rows,
    parse_taken,
    row_norms,
    worst,
)

_BLOCK_BYTES: Final = 64 << 20  # a block is copied once, then every query is held against it
_TAKEN_BYTES: Final = 8 << 20  # vectors copied at a time to be scored by the kernel
_REPEATED: Final = 3  # times a query is asked at most so that FAISS leaves the batch to BLAS, three times as quick
_SPARE: Final = 8  # proposals beyond k, so that near-ties at rank k are seldom in doubt
_MANY: Final = 128  # as many where they are; a row that has more of them is compared with all

Found = tuple[Int64s, Int64s, Float32s]
"""Query numbers, rows and values of equal length, in no particular order."""


def exact_top_k(
    vectors: npt.NDArray[Any],
    queries: npt.ArrayLike,
    k: int,
    *,
    metric: Metric,
    exclude: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> tuple[Int64s, Float32s]:
    """The k rows of ``vectors`` nearest to each query, best first, ties by row.

    Parameters
    ----------
    vectors : float32, shape (n, dim); may be memory-mapped, read once in blocks; other real types are converted
    queries : float32, shape (n_queries, dim)
    metric : ``l2`` gives Euclidean distances (not squared), the others scores; a zero vector has cosine 0 with all
    exclude : int64, shape (n_queries,) or (n_queries, e): rows each query must not be answered with, -1 for none

    Returns
    -------
    rows : int64, shape (n_queries, k); -1 where there are fewer than k rows
    values : float32, shape (n_queries, k); distances (+inf where row is -1) or scores (-inf)

    Raises
    ------
    InvalidQuery
        For k < 1, queries of another width or that are not finite, or ``exclude`` of another shape.
    InvalidInput
        When ``vectors`` is not a matrix of finite numbers.
    InvalidParams
        For an unknown metric.
    """
    check_metric(metric)
    check_matrix(vectors)
    check_k(k)
    asked = parse_queries(queries, vectors.shape[1], metric)
    left_out = parse_exclude(exclude, asked.shape[0])
    found: list[Found] = []
    with faiss_threads(n_threads) as faiss:
        for start, stop in even_ranges(vectors.shape[0], max(1, _BLOCK_BYTES // (4 * vectors.shape[1]))):
            block = _Block(faiss, parse_rows(vectors, start, stop, metric), metric)
            query_of, rows, values = scan(block, asked, k + left_out.shape[1], metric)
            found.append((query_of, rows + start, values))
    return best_k(found, asked.shape[0], k, left_out, metric)


def exact_values(vectors: npt.NDArray[Any], queries: npt.ArrayLike, rows: Int64s, *, metric: Metric) -> Float32s:
    """Value of each query with each of its ``rows`` (n_queries, k), as `exact_top_k` gives them; -1 is a pad."""
    asked = parse_queries(queries, vectors.shape[1], metric)
    out = np.full(rows.shape, worst(metric), dtype=np.float32)
    for query in range(rows.shape[0]):
        there = np.flatnonzero(rows[query] >= 0)
        taken = parse_taken(vectors, rows[query, there], metric)
        out[query, there] = pair_values(taken, asked, np.full(there.size, query, dtype=np.int64), metric)
    return out


class Segment(ABC):
    """Vectors that can be scanned, as `parse_rows` makes them: of length one under cosine."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def propose(self, queries: Float32s, n: int) -> tuple[Float32s, Int64s]:
        """The n <= len(self) rows that float32 arithmetic finds closest, best first: closeness and row numbers.

        Closeness is the score, or the negative squared distance.
        """

    @abstractmethod
    def closer(self, query: Float32s, closeness: float) -> Int64s:
        """Rows closer to the one query than ``closeness``, ascending."""

    @abstractmethod
    def take(self, rows: Int64s) -> Float32s:
        """A copy of some rows."""

    @abstractmethod
    def largest_norm(self) -> float:
        """Length of the longest vector."""


@final
class _Block(Segment):
    """Rows of a float32 matrix."""

    def __init__(self, faiss: Any, vectors: Float32s, metric: Metric) -> None:
        self._vectors = vectors
        self._metric = metric
        self._index = faiss.IndexFlat(vectors.shape[1], faiss_metric(faiss, metric))
        self._index.add(vectors)
        self._largest_norm = float(np.sqrt(row_norms(vectors).max()))

    def __len__(self) -> int:
        return len(self._vectors)

    def propose(self, queries: Float32s, n: int) -> tuple[Float32s, Int64s]:
        least = -(-load_faiss().cvar.distance_compute_blas_threshold // queries.shape[1])
        n_asked = least if queries.shape[0] < least <= _REPEATED * queries.shape[0] else queries.shape[0]
        closeness, rows = propose(self._index, np.resize(queries, (n_asked, queries.shape[1])), n, self._metric)
        return closeness[: queries.shape[0]], rows[: queries.shape[0]]

    def closer(self, query: Float32s, closeness: float) -> Int64s:
        return closer(self._index, query, closeness, self._metric)

    def take(self, rows: Int64s) -> Float32s:
        return self._vectors[rows]

    def largest_norm(self) -> float:
        return self._largest_norm


def propose(index: Any, queries: Float32s, n: int, metric: Metric) -> tuple[Float32s, Int64s]:
    """`Segment.propose` by a flat FAISS index."""
    values, rows = index.search(queries, n)
    return (-values if is_distance(metric) else values), rows


def closer(index: Any, query: Float32s, closeness: float, metric: Metric) -> Int64s:
    """`Segment.closer` by a flat FAISS index."""
    _, _, rows = index.range_search(query, -closeness if is_distance(metric) else closeness)
    return np.sort(rows)


def scan(segment: Segment, queries: Float32s, k: int, metric: Metric, spare: int = _SPARE) -> Found:
    """The k best rows of a segment for each query, exactly, ties by row, among at least min(k, len(segment)) found.

    ``spare`` are the proposals beyond k. Call under `faiss_threads`.
    """
    n_queries, n = queries.shape[0], min(k + spare, len(segment))
    if n == 0 or n_queries == 0:
        return joined([])
    closeness, rows = segment.propose(queries, n)
    query_of = np.repeat(np.arange(n_queries), n)
    values = score_rows(segment, rows.ravel(), queries, query_of, metric)
    if n == len(segment):
        return query_of, rows.ravel(), values
    lowest = closeness[:, k - 1] - 2 * _float32_error(queries, segment.largest_norm(), metric)
    is_doubtful = closeness[:, n - 1] >= lowest
    sure = ~is_doubtful[query_of]
    found = [(query_of[sure], rows.ravel()[sure], values[sure])]
    doubtful = np.flatnonzero(is_doubtful)
    if spare < _MANY and doubtful.size:
        query_of, rows, values = scan(segment, queries[doubtful], k, metric, _MANY)
        return joined([*found, (doubtful[query_of], rows, values)])
    for query in doubtful:
        asked = queries[query : query + 1]
        near = segment.closer(asked, float(lowest[query]))
        best, best_values = _best_of(segment, asked, near, k, metric)
        found.append((np.full(best.size, query, dtype=np.int64), best, best_values))
    return joined(found)


def _float32_error(queries: Float32s, largest_norm: float, metric: Metric) -> Float64s:
    """How far float32 squared distances and scores can be from the kernel's, per query.

    A sum of d products in any order is off by at most d·u / (1 - d·u) · |q|·|x|, u = 2⁻²⁴ (Higham, Accuracy
    and Stability of Numerical Algorithms, section 3.1); the last bits of decoding, of the square root and of
    rounding the result get 16 more units, underflow the smallest normal number per term.
    """
    terms = queries.shape[1] + 16
    relative = terms * 2.0**-24 / (1 - terms * 2.0**-24)
    lengths = np.sqrt(row_norms(queries))
    scale = (lengths + largest_norm) ** 2 if is_distance(metric) else lengths * largest_norm
    error: Float64s = relative * scale + terms * float(np.finfo(np.float32).tiny)
    return error


def _best_of(segment: Segment, query: Float32s, rows: Int64s, k: int, metric: Metric) -> tuple[Int64s, Float32s]:
    """The k best of some ascending rows, ties by row."""
    values = score_rows(segment, rows, query, np.zeros(rows.size, dtype=np.int64), metric)
    order = np.argsort(values if is_distance(metric) else -values, kind="stable")[:k]
    return rows[order], values[order]


def score_rows(segment: Segment, rows: Int64s, queries: Float32s, query_of: Int64s, metric: Metric) -> Float32s:
    """Value of ``rows[i]`` of a segment with ``queries[query_of[i]]``, float32 of the shape of ``rows``."""
    values = np.empty(rows.size, dtype=np.float32)
    for start, stop in even_ranges(rows.size, max(1, _TAKEN_BYTES // (4 * queries.shape[1]))):
        values[start:stop] = pair_values(segment.take(rows[start:stop]), queries, query_of[start:stop], metric)
    return values


def best_k(found: Sequence[Found], n_queries: int, k: int, exclude: Int64s, metric: Metric) -> tuple[Int64s, Float32s]:
    """Merge what was found, each (query, row) once, into (n_queries, k): best first, ties by row, padded."""
    out_rows = np.full((n_queries, k), -1, dtype=np.int64)
    out_values = np.full((n_queries, k), worst(metric), dtype=np.float32)
    query_of, rows, values = joined(found)
    if exclude.shape[1]:
        keep = ~(exclude[query_of] == rows[:, None]).any(axis=1)
        query_of, rows, values = query_of[keep], rows[keep], values[keep]
    order = np.lexsort((rows, values if is_distance(metric) else -values, query_of))
    query_of, rows, values = query_of[order], rows[order], values[order]
    rank = np.arange(query_of.size) - np.searchsorted(query_of, query_of)
    first = rank < k
    out_rows[query_of[first], rank[first]] = rows[first]
    out_values[query_of[first], rank[first]] = values[first]
    return out_rows, out_values


def joined(found: Sequence[Found]) -> Found:
    """All of them end to end."""
    if not found:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    return (
        np.concatenate([query_of for query_of, _, _ in found]),
        np.concatenate([rows for _, rows, _ in found]),
        np.concatenate([values for _, _, values in found]),
    )
