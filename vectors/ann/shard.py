"""One opened shard of an index: the vectors FAISS keeps, how they are searched, and the rows equal to them."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from vectors.ann.build import BuiltShard
from vectors.ann.copies import flattened, with_copies
from vectors.ann.cost import inside_cost, list_cost, projection_cost, rescored_cost, walk_cost
from vectors.ann.effort import Effort
from vectors.ann.exact import Found, best_k, joined, scan, score_rows
from vectors.ann.forms import BYTES_PER_VALUE, STORAGES, Kind, Storage
from vectors.ann.list_build import projected
from vectors.ann.lists import Lists, unprojected
from vectors.ann.stored import StoredVectors
from vectors.metrics import Float32s, Int64s, Metric, is_distance, load_faiss

Bools = npt.NDArray[np.bool_]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shard:
    """An opened shard.

    Attributes
    ----------
    mapped : the FAISS ``IndexIDMap``; owns the memory of the next three
    index : the graph, or the flat index, inside it
    vectors : what that keeps
    ids : int64, shape (n_distinct,), ascending; row of each kept vector
    copies : as in `BuiltShard`
    lists : the inverted lists of a kind that has them
    matrix : float32, shape (dim, n_columns); what a graph behind a projection multiplies queries by
    """

    mapped: Any
    index: Any
    vectors: StoredVectors
    ids: Int64s
    copies: Int64s
    kind: Kind
    lists: Lists | None = None
    matrix: Float32s | None = None

    @classmethod
    def open(cls, mapped: Any, copies: Int64s) -> Shard:
        """From an ``IndexIDMap`` as FAISS reads it."""
        faiss = load_faiss()
        index = faiss.downcast_index(mapped.index)
        lists = matrix = None
        kind: Kind
        if isinstance(index, faiss.IndexRefine):
            flat = faiss.downcast_index(index.refine_index)
            behind, matrix = unprojected(index.base_index)
            if isinstance(behind, faiss.IndexHNSW):
                kind, index = "hnsw", behind
            else:
                lists, matrix = Lists.open(index.base_index), None
                kind = lists.kind
        else:
            kind = "hnsw" if isinstance(index, faiss.IndexHNSW) else "flat"
            flat = faiss.downcast_index(index.storage) if kind == "hnsw" else index
        width = flat.sa_code_size()
        codes = _view(flat.codes).reshape(flat.ntotal, width)
        storage: Storage = next(name for name in STORAGES if BYTES_PER_VALUE[name] * flat.d == width)
        if storage == "int8" and flat.sq.qtype == faiss.ScalarQuantizer.QT_8bit_direct:
            storage = "uint8"
        metric: Metric = "l2" if flat.metric_type == faiss.METRIC_L2 else "inner_product"
        vectors = StoredVectors(flat, codes, storage, metric)
        ids: Int64s = faiss.vector_to_array(mapped.id_map)
        return cls(
            mapped=mapped,
            index=index,
            vectors=vectors,
            ids=ids,
            copies=copies,
            kind=kind,
            lists=lists,
            matrix=matrix,
        )

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
        if self.matrix is not None:
            size += self.matrix.nbytes + 4 * self.matrix.shape[1] * len(self.ids)
        if self.lists is not None:
            size += self.lists.n_bytes
        return int(size)

    def search(self, queries: Float32s, k: int, effort: Effort, allowed: Bools | None = None) -> Found:
        """At least the k best rows of each query that the shard finds, with their values; call under `faiss_threads`.

        ``queries`` are as `parse_queries` gives them. A flat shard finds the k best, exactly, ties by row. ``allowed``,
        bool (rows of the whole matrix,), tells which rows may be found; None allows all.
        """
        if len(self.ids) == 0:
            return joined([])
        if allowed is not None:
            return self._filtered(queries, k, effort, allowed)
        if self.kind == "flat":
            query_of, positions, values = scan(self.vectors, queries, k, self.vectors.metric)
        else:
            query_of, positions, values = self._found(queries, k, effort, None)
        return with_copies(self.copies, query_of, self.ids[positions], values, k)

    def nearest(self, queries: Float32s, k: int, effort: Effort) -> tuple[Int64s, Float32s]:
        """The k best rows that lists find for each query, best first, ties by row, padded; call under `faiss_threads`.

        What `search` and `vectors.ann.exact.best_k` give, without sorting again what is in order.
        """
        best, values = self._best(queries, k, effort, None)
        if self.copies.shape[0] == 0:
            return self._rows(best), values
        rows, firsts = self._rows(best), self.copies[:, 0]
        at = np.minimum(np.searchsorted(firsts, rows), firsts.size - 1)
        repeated = np.flatnonzero((firsts[at] == rows).any(axis=1))
        if repeated.size:
            query_of, positions, found = flattened(best[repeated], values[repeated])
            all_rows = with_copies(self.copies, query_of, self.ids[positions], found, k)
            nothing = np.empty((repeated.size, 0), dtype=np.int64)
            rows[repeated], values[repeated] = best_k([all_rows], repeated.size, k, nothing, self.vectors.metric)
        return rows, values

    def _rows(self, positions: Int64s) -> Int64s:
        """Row numbers; -1 stays."""
        if self.ids.size == 0:
            return positions
        rows: Int64s = self.ids[positions]
        rows[positions < 0] = -1
        return rows

    def candidates(self, queries: Float32s, n: int, effort: Effort, allowed: Bools | None = None) -> Found:
        """The n rows that look closest to each query, with the values they seem to have; call under `faiss_threads`.

        Where ``allowed`` is given, and in graphs and lists, as `search`.
        """
        if len(self.ids) == 0:
            return joined([])
        if self.kind != "flat" or allowed is not None:
            return self.search(queries, n, effort, allowed)
        if queries.shape[0] == 0:
            return joined([])
        closeness, positions = self.vectors.look(queries, min(n, len(self.ids)))
        query_of = np.repeat(np.arange(queries.shape[0]), positions.shape[1])
        values = np.sqrt(-closeness) if is_distance(self.vectors.metric) else closeness
        return with_copies(self.copies, query_of, self.ids[positions.ravel()], values.ravel().astype(np.float32), n)

    def _filtered(self, queries: Float32s, k: int, effort: Effort, allowed: Bools) -> Found:
        """Every allowed vector is scored where that is less work than to search wider past the others."""
        copies = self.copies[allowed[self.copies[:, 1]]]
        is_wanted = allowed[self.ids]
        is_wanted[np.searchsorted(self.ids, copies[:, 0])] = True  # some row equal to the kept one is allowed
        n_wanted = int(np.count_nonzero(is_wanted))
        if n_wanted == 0:
            return joined([])
        wider = effort.wider(len(self.ids), n_wanted)
        if self.kind == "flat" or inside_cost(n_wanted, self.dim, self.vectors.storage) <= self._cost(
            k, wider, n_wanted
        ):
            wanted = np.flatnonzero(is_wanted)[None, :]
            alone = [self.vectors.best(wanted, queries[q : q + 1], k) for q in range(queries.shape[0])]
            if not alone:
                return joined([])
            best, values = np.concatenate([rows for rows, _ in alone]), np.concatenate([found for _, found in alone])
            query_of, positions, flat = flattened(best, values)
        else:
            query_of, positions, flat = self._found(queries, k, wider, is_wanted)
        query_of, rows, flat = with_copies(copies, query_of, self.ids[positions], flat, k)
        kept = allowed[rows]
        return query_of[kept], rows[kept], flat[kept]

    def _found(self, queries: Float32s, k: int, effort: Effort, is_wanted: Bools | None) -> Found:
        """Positions and values that a graph or lists give; of those that are wanted, where that is told."""
        if self.lists is not None:
            return flattened(*self._best(queries, k, effort, is_wanted))
        beam = load_faiss().SearchParametersHNSW(efSearch=max(effort.ef_search, k))
        if is_wanted is not None:
            selector = load_faiss().IDSelectorBitmap(np.packbits(is_wanted, bitorder="little"))
            beam.sel = selector
        if self.matrix is not None:  # all that the beam holds is scored again
            low, n = projected(queries, self.matrix), min(max(effort.ef_search, k), len(self.ids))
            proposed = self.index.search(low, n, params=beam)[1]
            return flattened(*self.vectors.best(proposed, queries, k))
        _, nearest = self.index.search(queries, k, params=beam)
        query_of, rank = np.nonzero(nearest >= 0)
        positions = nearest[query_of, rank]
        return query_of, positions, score_rows(self.vectors, positions, queries, query_of, self.vectors.metric)

    def _best(self, queries: Float32s, k: int, effort: Effort, is_wanted: Bools | None) -> tuple[Int64s, Float32s]:
        """Positions and values that lists give, (n_queries, k), as `StoredVectors.best` gives them."""
        if self.lists is None:
            raise AssertionError(f"a {self.kind} index has no lists")
        n = min(k * effort.k_factor, len(self.ids))
        return self.vectors.best(self.lists.propose(queries, n, effort.n_probe, is_wanted, in_order=False), queries, k)

    def walk_cost(self, beam: int, n: int) -> float:
        """Counted nanoseconds of a walk through a graph like this of ``n`` vectors."""
        if self.matrix is None:
            return walk_cost(n, self.dim, self.vectors.storage, beam)
        walk = walk_cost(n, self.matrix.shape[1], "float32", beam) + projection_cost(self.matrix.size)
        return walk + rescored_cost(min(beam, n), self.dim, self.vectors.storage, n)

    def _cost(self, k: int, effort: Effort, n_wanted: int) -> float:
        """Counted nanoseconds of a query past the others (`vectors.ann.cost`), with lists of mean length."""
        n, storage = len(self.ids), self.vectors.storage
        if self.lists is None:
            return self.walk_cost(max(effort.ef_search, k), n)
        form, share = self.lists.form, n_wanted / n
        probed, again = min(effort.n_probe, form.n_lists), min(k * effort.k_factor, n_wanted)
        read = n * probed / form.n_lists
        return list_cost(form, self.dim, storage, n, n_probe=probed, n_read=read, n_rescored=again, share=share)


def _view(codes: Any) -> npt.NDArray[np.uint8]:
    """FAISS's own memory, uint8; it may be a mapped file, and need not be aligned."""
    if codes.size() == 0:
        return np.zeros(0, dtype=np.uint8)
    return np.frombuffer((ctypes.c_uint8 * codes.size()).from_address(int(codes.data())), dtype=np.uint8)
