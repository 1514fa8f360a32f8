"""One opened shard of an index: the vectors FAISS keeps, how they are searched, and the rows equal to them."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from foundation.threads import even_ranges
from vectors.ann_build import BuiltShard
from vectors.ann_params import BYTES_PER_VALUE, Kind, Storage
from vectors.exact import Found, Segment, closer, joined, propose, scan, score_rows
from vectors.metrics import Float32s, Int64s, Metric, is_distance, load_faiss, row_norms

_TAKEN_BYTES: Final = 32 << 20  # vectors copied at a time


@final
class StoredVectors(Segment):
    """The vectors a FAISS index keeps, decoded to float32 where they are taken."""

    def __init__(self, flat: Any, codes: npt.NDArray[np.uint8], storage: Storage, metric: Metric) -> None:
        self._flat = flat
        self._codes = codes
        self._largest_norm: float | None = None
        self.storage = storage
        self.metric = metric

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def n_bytes(self) -> int:
        return self._codes.nbytes

    def propose(self, queries: Float32s, n: int) -> tuple[Float32s, Int64s]:
        return propose(self._flat, queries, n, self.metric)

    def closer(self, query: Float32s, closeness: float) -> Int64s:
        return closer(self._flat, query, closeness, self.metric)

    def take(self, rows: Int64s) -> Float32s:
        codes = self._codes[rows]
        decoded: Float32s = codes.view(np.float32) if self.storage == "float32" else self._flat.sa_decode(codes)
        return decoded

    def largest_norm(self) -> float:
        """Read once from all vectors, at the first scan."""
        if self._largest_norm is None:
            rows = np.arange(len(self))
            pieces = even_ranges(len(self), max(1, _TAKEN_BYTES // (4 * self._flat.d)))
            self._largest_norm = (
                max(float(row_norms(self.take(rows[start:stop])).max()) for start, stop in pieces) ** 0.5
            )
        return self._largest_norm


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shard:
    """An opened shard.

    Attributes
    ----------
    mapped : the FAISS ``IndexIDMap``; owns the memory of the next three
    index : the graph, or the flat index, inside it
    vectors : what that keeps
    ids : int64, shape (n_distinct,); row of each kept vector
    copies : as in `BuiltShard`
    """

    mapped: Any
    index: Any
    vectors: StoredVectors
    ids: Int64s
    copies: Int64s
    kind: Kind

    @classmethod
    def open(cls, mapped: Any, copies: Int64s) -> Shard:
        """From an ``IndexIDMap`` as FAISS reads it."""
        faiss = load_faiss()
        index = faiss.downcast_index(mapped.index)
        kind: Kind = "hnsw" if isinstance(index, faiss.IndexHNSW) else "flat"
        flat = faiss.downcast_index(index.storage) if kind == "hnsw" else index
        width = flat.sa_code_size()
        codes = _view(flat.codes).reshape(flat.ntotal, width)
        storage = next(name for name, size in BYTES_PER_VALUE.items() if size * flat.d == width)
        metric: Metric = "l2" if flat.metric_type == faiss.METRIC_L2 else "inner_product"
        vectors = StoredVectors(flat, codes, storage, metric)
        ids: Int64s = faiss.vector_to_array(mapped.id_map)
        return cls(mapped=mapped, index=index, vectors=vectors, ids=ids, copies=copies, kind=kind)

    @classmethod
    def from_built(cls, built: BuiltShard) -> Shard:
        """From what `build_shard` made."""
        return cls.open(load_faiss().deserialize_index(built.index), built.copies)

    def built(self) -> BuiltShard:
        """The bytes it was opened from."""
        return BuiltShard(index=load_faiss().serialize_index(self.mapped), copies=self.copies)

    @property
    def dim(self) -> int:
        return int(self.mapped.d)

    @property
    def n_rows(self) -> int:
        return len(self.ids) + len(self.copies)

    @property
    def n_bytes(self) -> int:
        """Bytes in memory once every page has been touched."""
        size = self.vectors.n_bytes + self.ids.nbytes + self.copies.nbytes
        if self.kind == "hnsw":
            graph = self.index.hnsw
            size += 4 * graph.neighbors.size() + 8 * graph.offsets.size() + 4 * graph.levels.size()
        return int(size)

    def search(self, queries: Float32s, k: int, ef_search: int) -> Found:
        """At least the k best rows of each query that the shard finds, with their values; call under `faiss_threads`.

        ``queries`` are as `parse_queries` gives them. A flat shard finds the k best, exactly, ties by row.
        """
        if len(self.ids) == 0:
            return joined([])
        if self.kind == "flat":
            query_of, positions, values = scan(self.vectors, queries, k, self.vectors.metric)
        else:
            query_of, positions, values = self._walk(queries, k, ef_search)
        return self._with_copies(query_of, self.ids[positions], values, k)

    def candidates(self, queries: Float32s, n: int, ef_search: int) -> Found:
        """The n rows that FAISS finds closest to each query, with its values; call under `faiss_threads`."""
        if len(self.ids) == 0:
            return joined([])
        if self.kind == "hnsw":
            return self.search(queries, n, ef_search)
        found = []
        # FAISS hands larger batches to BLAS, whose last bits depend on the size of the batch.
        largest = (load_faiss().cvar.distance_compute_blas_threshold - 1) // self.dim
        for start, stop in even_ranges(queries.shape[0], max(1, largest)):
            closeness, positions = self.vectors.propose(queries[start:stop], min(n, len(self.ids)))
            query_of = np.repeat(np.arange(start, stop), positions.shape[1])
            values = np.sqrt(-closeness) if is_distance(self.vectors.metric) else closeness
            found.append((query_of, self.ids[positions.ravel()], values.ravel().astype(np.float32)))
        return self._with_copies(*joined(found), n)

    def _walk(self, queries: Float32s, k: int, ef_search: int) -> Found:
        beam = load_faiss().SearchParametersHNSW(efSearch=max(ef_search, k))
        _, nearest = self.index.search(queries, k, params=beam)
        query_of, rank = np.nonzero(nearest >= 0)
        positions = nearest[query_of, rank]
        return query_of, positions, score_rows(self.vectors, positions, queries, query_of, self.vectors.metric)

    def _with_copies(self, query_of: Int64s, rows: Int64s, values: Float32s, k: int) -> Found:
        """What was found, each row followed by up to k of the rows equal to it."""
        if self.copies.shape[0] == 0:
            return query_of, rows, values
        firsts, others = self.copies[:, 0], self.copies[:, 1]
        start = np.searchsorted(firsts, rows, side="left")
        n = np.minimum(np.searchsorted(firsts, rows, side="right") - start, k)
        source = np.repeat(np.arange(rows.size), n)
        nth = np.arange(source.size) - np.repeat(np.cumsum(n) - n, n)
        return joined([(query_of, rows, values), (query_of[source], others[start[source] + nth], values[source])])


def _view(codes: Any) -> npt.NDArray[np.uint8]:
    """FAISS's own memory, uint8; it may be a mapped file, and need not be aligned."""
    if codes.size() == 0:
        return np.zeros(0, dtype=np.uint8)
    return np.frombuffer((ctypes.c_uint8 * codes.size()).from_address(int(codes.data())), dtype=np.uint8)
