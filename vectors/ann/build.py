"""Building an index: a FAISS index over the distinct vectors of each range of rows, and the rows that repeat one.

Sources: Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
Navigable Small World graphs", TPAMI 2020, arXiv:1603.09320; Douze et al., "The Faiss library", arXiv:2401.08281.

Equal vectors are kept once. In a graph they would spend all their links on each other and cut
themselves, and whoever walks in, off from the rest; without them recall is what the graph is good for.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.seeds import key
from vectors.ann.forms import Kind, Storage, walked_columns
from vectors.ann.list_build import (
    is_bytes,
    join,
    learn,
    learned_projection,
    place,
    principal,
    projected,
    stored,
    transform_of,
)
from vectors.ann.params import ANNParams, form_of, plan, shard_ranges
from vectors.kernels.scoring import first_equal
from vectors.metrics import Float32s, Int64s, Metric, check_matrix, faiss_metric, faiss_threads, parse_rows

_LARGEST_FLOAT16: Final = 65_504.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BuiltShard:
    """A shard as plain arrays.

    Attributes
    ----------
    index : uint8; a FAISS ``IndexIDMap`` as FAISS serialises it, its ids are rows of the whole matrix
    copies : int64, shape (n_copies, 2), sorted; (first row, row) of each vector that repeats an earlier one in it
    """

    index: npt.NDArray[np.uint8]
    copies: Int64s


def build_shards(vectors: npt.NDArray[Any], params: ANNParams, *, n_threads: int = 1) -> list[BuiltShard]:
    """Every shard of ``vectors``, ``n_threads`` at a time."""
    ranges = shard_ranges(vectors.shape[0], params)
    with ThreadPoolExecutor(max_workers=max(1, n_threads)) as pool:
        futures = [pool.submit(build_shard, vectors, params, start, stop) for start, stop in ranges]
        return [future.result() for future in futures]


def build_shard(vectors: npt.NDArray[Any], params: ANNParams, start: int, stop: int) -> BuiltShard:
    """The shard of rows ``start:stop``; its bytes depend on those rows, their position and ``params`` alone.

    ``vectors`` is the whole matrix, since its size decides what is built (`plan`). One thread.

    Raises
    ------
    InvalidInput
        When a row is not finite, or does not fit float16.
    InvalidParams
        When ``params.memory`` is too little.
    """
    check_matrix(vectors)
    n, dim = vectors.shape
    chosen = plan(n, dim, params)
    return index_rows(distinct_rows(vectors, params.metric, start, stop), chosen.kind, chosen.storage, params)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DistinctRows:
    """Rows ``start:stop`` of a matrix, as `parse_rows` gives them, each once.

    Attributes
    ----------
    rows : float32, shape (n_distinct, dim)
    ids : int64, shape (n_distinct,), ascending; their numbers in the whole matrix
    copies : as in `BuiltShard`
    """

    start: int
    rows: Float32s
    ids: Int64s
    copies: Int64s


def distinct_rows(vectors: npt.NDArray[Any], metric: Metric, start: int, stop: int) -> DistinctRows:
    """Read, check and deduplicate rows."""
    rows = parse_rows(vectors, start, stop, metric)
    first = np.empty(rows.shape[0], dtype=np.int64)
    first_equal(rows.view(np.uint32), first)
    positions = np.arange(rows.shape[0])
    distinct, repeated = np.flatnonzero(first == positions), np.flatnonzero(first != positions)
    copies = np.stack((first[repeated], repeated), axis=1)
    copies = start + copies[np.argsort(copies[:, 0], kind="stable")]
    kept = rows if repeated.size == 0 else rows[distinct]
    return DistinctRows(start=start, rows=kept, ids=start + distinct, copies=copies)


def index_rows(
    given: DistinctRows, kind: Kind, storage: Storage, params: ANNParams, *, matrix: Float32s | None = None
) -> BuiltShard:
    """A shard of one kind. ``matrix`` is the projection of lists where the caller has learned it already."""
    rows, ids, dim = given.rows, given.ids, given.rows.shape[1]
    form, columns = form_of(kind, rows.shape[0], dim, params), walked_columns(kind, dim, params.projection)
    if form is not None or columns is not None:
        storage = stored_form(rows, storage, params)
    check_range(rows, storage, ids)
    # FAISS adds points to a graph in the order its threads reach them: one thread, one order.
    with faiss_threads(1) as faiss:
        if form is not None:
            if matrix is None:
                matrix = learned_projection(rows, form, metric=params.metric, seed=params.seed)
            learned = learn(rows, form, seed=params.seed, matrix=matrix)
            index = join(faiss, rows, place(rows, learned), learned, form, storage, params.metric)
            return BuiltShard(index=faiss.serialize_index(with_ids(faiss, index, ids)), copies=given.copies)
        if columns is not None:
            graph = _empty_index(faiss, "hnsw", "float32", columns, params, given.start)
            matrix = principal(rows, columns, metric=params.metric, seed=params.seed)
            graph.add(projected(rows, matrix))
            base = faiss.IndexPreTransform(transform_of(faiss, matrix), graph)
            store = stored(faiss, rows, storage, faiss_metric(faiss, params.metric))
            return BuiltShard(
                index=faiss.serialize_index(with_ids(faiss, faiss.IndexRefine(base, store), ids)), copies=given.copies
            )
        index = _empty_index(faiss, kind, storage, dim, params, given.start)
        mapped = faiss.IndexIDMap(index)
        if rows.shape[0]:
            index.train(rows)
            mapped.is_trained = True
            mapped.add_with_ids(rows, ids)
        return BuiltShard(index=faiss.serialize_index(mapped), copies=given.copies)


def stored_form(rows: Float32s, storage: Storage, params: ANNParams) -> Storage:
    """How vectors are kept to be scored again: whole numbers of 0 to 255 as bytes, others as they were asked for."""
    return "uint8" if params.metric != "cosine" and is_bytes(rows) else storage


def with_ids(faiss: Any, index: Any, ids: Int64s) -> Any:
    """An ``IndexIDMap`` over an index that holds its vectors already; FAISS would have it empty."""
    index.ntotal = 0
    mapped = faiss.IndexIDMap(index)
    index.ntotal = mapped.ntotal = ids.size
    faiss.copy_array_to_vector(ids, mapped.id_map)
    mapped.is_trained = True
    return mapped


def _empty_index(faiss: Any, kind: Kind, storage: Storage, dim: int, params: ANNParams, start: int) -> Any:
    metric = faiss_metric(faiss, params.metric)
    quantizer = {"float16": faiss.ScalarQuantizer.QT_fp16, "int8": faiss.ScalarQuantizer.QT_8bit}
    if kind == "flat":
        if storage == "float32":
            return faiss.IndexFlat(dim, metric)
        return faiss.IndexScalarQuantizer(dim, quantizer[storage], metric)
    if storage == "float32":
        index = faiss.IndexHNSWFlat(dim, params.m, metric)
    else:
        index = faiss.IndexHNSWSQ(dim, quantizer[storage], params.m, metric)
    index.hnsw.efConstruction = params.ef_construction
    index.hnsw.rng = faiss.RandomGenerator(key(params.seed, "ann.levels", start) >> 1)  # a signed 64-bit seed
    return index


def check_range(rows: Float32s, storage: Storage, numbers: Int64s) -> None:
    if storage == "float16" and rows.shape[0]:
        bad = np.flatnonzero(np.abs(rows).max(axis=1) > _LARGEST_FLOAT16)
        if bad.size:
            raise InvalidInput(
                source="vectors",
                what=f"row {int(numbers[bad[0]])} holds a value beyond {_LARGEST_FLOAT16:.0f}, float16 ends there",
                fix="store float32 or int8, or scale the vectors down",
            )
