"""The vectors a FAISS index keeps: decoded, scanned, and scored exactly."""

from __future__ import annotations

from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from foundation.threads import even_ranges
from vectors.ann.byte_scan import ByteScan
from vectors.ann.exact import Segment, closer, propose, score_rows
from vectors.ann.forms import Storage
from vectors.kernels.lists import rerank, rerank_bytes, whole_bytes
from vectors.metrics import Float32s, Int64s, Metric, is_distance, load_faiss, row_norms, worst

_TAKEN_BYTES: Final = 32 << 20  # vectors copied at a time


@final
class StoredVectors(Segment):
    """The vectors a FAISS index keeps, decoded to float32 where they are taken."""

    def __init__(self, flat: Any, codes: npt.NDArray[np.uint8], storage: Storage, metric: Metric) -> None:
        self._flat = flat
        self._codes = codes
        self._largest_norm: float | None = None
        self._bytes = ByteScan.open(flat, codes) if storage == "int8" and metric == "inner_product" else None
        self.storage = storage
        self.metric = metric

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def n_bytes(self) -> int:
        return self._codes.nbytes

    def propose(self, queries: Float32s, n: int) -> tuple[Float32s, Int64s]:
        return propose(self._flat, queries, n, self.metric)

    def look(self, queries: Float32s, n: int) -> tuple[Float32s, Int64s]:
        """The n <= len(self) rows that look closest, as `propose`; by whole numbers where products of bytes are asked.

        The same alone and in a batch.
        """
        if self._bytes is not None:
            return self._bytes.greatest(queries, n)
        found = []
        # FAISS hands larger batches to BLAS, whose last bits depend on the size of the batch.
        largest = (load_faiss().cvar.distance_compute_blas_threshold - 1) // self._flat.d
        for start, stop in even_ranges(queries.shape[0], max(1, largest)):
            found.append(self.propose(queries[start:stop], n))
        closeness, rows = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return closeness, rows

    def closer(self, query: Float32s, closeness: float) -> Int64s:
        return closer(self._flat, query, closeness, self.metric)

    def take(self, rows: Int64s) -> Float32s:
        codes = self._codes[rows]
        decoded: Float32s = codes.view(np.float32) if self.storage == "float32" else self._flat.sa_decode(codes)
        return decoded

    def best(self, positions: Int64s, queries: Float32s, k: int) -> tuple[Int64s, Float32s]:
        """The k best of each query's ``positions`` (n_queries, n; -1 pads) by exact value, ties by position.

        int64 and float32 (n_queries, k), padded with -1.
        """
        found = np.empty((queries.shape[0], k), dtype=np.int64)
        values = np.empty(found.shape, dtype=np.float32)
        if self.storage == "float32":
            rerank(self._codes.view(np.float32), positions, queries, is_distance(self.metric), found, values)
            return found, values
        if self.storage == "uint8":
            whole = np.empty(queries.shape, dtype=np.int16)
            if whole_bytes(queries, whole):
                rerank_bytes(self._codes, positions, whole, is_distance(self.metric), found, values)
                return found, values
        found[:], values[:] = -1, worst(self.metric)
        for query in range(queries.shape[0]):
            asked, rows = queries[query : query + 1], np.sort(positions[query][positions[query] >= 0])
            exact = score_rows(self, rows, asked, np.zeros(rows.size, dtype=np.int64), self.metric)
            order = np.argsort(exact if is_distance(self.metric) else -exact, kind="stable")[:k]
            found[query, : order.size], values[query, : order.size] = rows[order], exact[order]
        return found, values

    def largest_norm(self) -> float:
        """Read once from all vectors, at the first scan."""
        if self._largest_norm is None:
            rows = np.arange(len(self))
            pieces = even_ranges(len(self), max(1, _TAKEN_BYTES // (4 * self._flat.d)))
            self._largest_norm = (
                max(float(row_norms(self.take(rows[start:stop])).max()) for start, stop in pieces) ** 0.5
            )
        return self._largest_norm
