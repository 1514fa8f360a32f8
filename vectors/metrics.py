"""What every neighbour search shares: the metrics, the checks at the door, values of given pairs, FAISS itself.

``l2`` gives Euclidean distances, not squared; ``inner_product`` and ``cosine`` give scores. Under ``cosine`` vectors
are scaled to length one and then compared by inner product; a zero vector stays zero, so its cosine is 0
with everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery
from vectors.kernels.scoring import divide_rows, score_pairs, squared_norms

Bools = npt.NDArray[np.bool_]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Metric = Literal["l2", "inner_product", "cosine"]

METRICS: Final[tuple[Metric, ...]] = ("l2", "inner_product", "cosine")
_LARGEST_NORM: Final = 9e18  # (|q| + |x|)² must stay below the largest float32, 3.4e38


def is_distance(metric: Metric) -> bool:
    """Whether lower values are better."""
    return metric == "l2"


def worst(metric: Metric) -> float:
    """The value beside a row of -1."""
    return np.inf if is_distance(metric) else -np.inf


def check_metric(metric: str) -> None:
    if metric not in METRICS:
        raise InvalidParams(name="metric", value=metric, allowed=", ".join(METRICS))


def check_k(k: int) -> None:
    if k < 1:
        raise InvalidQuery(what=f"k = {k} asks for no neighbours", fix="ask for k >= 1")


def check_matrix(vectors: npt.NDArray[Any]) -> None:
    """Real numbers in a matrix of at least one column."""
    if vectors.ndim != 2 or vectors.shape[1] < 1 or vectors.dtype.kind not in "fiu":
        raise InvalidInput(
            source="vectors",
            what=f"{vectors.dtype} of shape {vectors.shape} is not a matrix of vectors",
            fix="pass float32 of shape (n, dim), dim >= 1",
        )


def parse_rows(vectors: npt.NDArray[Any], start: int, stop: int, metric: Metric) -> Float32s:
    """Rows ``start:stop`` as a float32 copy, of length one under cosine.

    Raises
    ------
    InvalidInput
        For a NaN, an infinite value, or a vector so long that float32 distances overflow; names the first row.
    """
    return _parse(vectors[start:stop], metric, start, vectors.shape[0])


def parse_taken(vectors: npt.NDArray[Any], rows: Int64s, metric: Metric) -> Float32s:
    """As `parse_rows`, for rows by number."""
    return _parse(vectors[rows], metric, 0, vectors.shape[0])


def _parse(block: npt.NDArray[Any], metric: Metric, start: int, n_rows: int) -> Float32s:
    if block.dtype == np.float32:
        copy = np.array(block, order="C")
    else:
        with np.errstate(over="ignore"):
            copy = np.array(block, dtype=np.float32, order="C")
    squared = row_norms(copy)
    limit = np.inf if metric == "cosine" else _LARGEST_NORM**2
    greatest = float(squared.max(initial=0.0))  # NaN when there is one
    if not (greatest <= limit and greatest < np.inf):
        bad = np.flatnonzero(~(squared <= limit) | np.isinf(squared))
        finite = bool(np.isfinite(squared[bad[0]]))
        raise InvalidInput(
            source="vectors",
            what=f"row {start + int(bad[0])} of {n_rows} "
            + (f"is longer than {_LARGEST_NORM:.0e}" if finite else "holds a NaN or infinite value"),
            fix="scale the vectors down" if finite else "pass finite float32 vectors",
        )
    if metric == "cosine":
        divide_rows(copy, squared)
    return copy


def parse_queries(given: npt.ArrayLike, dim: int, metric: Metric) -> Float32s:
    """Queries as a float32 copy (n_queries, dim), of length one under cosine.

    Raises
    ------
    InvalidQuery
        For another shape, another width, or a value that is not finite.
    """
    queries = np.asarray(given)
    if queries.ndim != 2 or queries.shape[1] != dim or queries.dtype.kind not in "fiu":
        raise InvalidQuery(
            what=f"queries are {queries.dtype} of shape {queries.shape}",
            fix=f"pass float32 of shape (n_queries, {dim})",
        )
    try:
        return _parse(queries, metric, 0, queries.shape[0])
    except InvalidInput as error:
        raise InvalidQuery(what=f"queries: {error.what}", fix=error.fix) from None


def parse_exclude(exclude: npt.ArrayLike | None, n_queries: int) -> Int64s:
    """Rows left out of each query's answer as int64 (n_queries, e); e = 0 for None."""
    if exclude is None:
        return np.zeros((n_queries, 0), dtype=np.int64)
    given = np.asarray(exclude)
    table = given.reshape(-1, 1) if given.ndim == 1 else given
    if table.ndim != 2 or table.shape[0] != n_queries or table.dtype.kind not in "iu":
        raise InvalidQuery(
            what=f"exclude is {given.dtype} of shape {given.shape}",
            fix=f"pass integers of shape ({n_queries},) or ({n_queries}, e), -1 for none",
        )
    return table.astype(np.int64)


def parse_where(where: npt.ArrayLike | None, n_rows: int) -> Bools | None:
    """Rows that may be answered with, bool (n_rows,); None for all."""
    if where is None:
        return None
    given = np.asarray(where)
    if given.dtype != np.bool_ or given.shape != (n_rows,):
        raise InvalidQuery(
            what=f"where is {given.dtype} of shape {given.shape}",
            fix=f"pass bool of shape ({n_rows},), true for rows that may be found",
        )
    return given


def row_norms(vectors: Float32s) -> Float64s:
    """Squared lengths, float64 (n,)."""
    out = np.empty(vectors.shape[0], dtype=np.float64)
    squared_norms(vectors, out)
    return out


def pair_values(vectors: Float32s, queries: Float32s, query_of: Int64s, metric: Metric) -> Float32s:
    """Value of ``vectors[i]`` with ``queries[query_of[i]]``, float32 (n,): a float64 sum rounded once.

    Both sides are as `parse_rows` and `parse_queries` give them.
    """
    out = np.empty(vectors.shape[0], dtype=np.float32)
    score_pairs(vectors, queries, query_of, is_distance(metric), out)
    return out


def load_faiss() -> Any:
    """FAISS, held to one instruction set.

    Its kernels sum in another order with AVX-512 than with AVX2, so graphs built on two machines would differ.
    Every x86-64 machine FAISS's wheels are quick on has AVX2. The setting is the process's, and stays.
    """
    import faiss

    if faiss.SIMDConfig.is_simd_level_available(faiss.SIMDLevel_AVX2):
        faiss.SIMDConfig.set_level(faiss.SIMDLevel_AVX2)
    return faiss


def faiss_metric(faiss: Any, metric: Metric) -> int:
    """FAISS's number for a metric; cosine is inner product over vectors of length one."""
    number: int = faiss.METRIC_L2 if is_distance(metric) else faiss.METRIC_INNER_PRODUCT
    return number


@contextmanager
def faiss_threads(n_threads: int) -> Iterator[Any]:
    """FAISS with ``n_threads`` OpenMP threads for calls from this thread; the old number comes back at the end."""
    faiss = load_faiss()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(max(1, n_threads))
    try:
        yield faiss
    finally:
        faiss.omp_set_num_threads(before)
