"""Scans of coded lists: what is nearest to a query in the lists of the nearest heads.

Layout   lists of blocks as in `vectors.kernels.spann_codes`, which begin at bytes ``ats`` of ``data``.
Threads  single-threaded over queries [start, stop), one writer per query.
Limits   distances are squared, from codes, float32; row numbers fit int32. A query is float32 (width,).
         ``allowed`` is bool (n_rows,): ids that may be found; of size 0 it allows all.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.below import first_bit
from vectors.kernels.spann_blocks import HEAD_BYTES, LANES, PAIR_BYTES, prefetch_block, scan_block
from vectors.kernels.spann_codes import decode_row, quantize_query
from vectors.kernels.spann_heap import push_once, sort_heap

Bools = npt.NDArray[np.bool_]
Float32s = npt.NDArray[np.float32]
Int16s = npt.NDArray[np.int16]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]


@numba.njit(nogil=True, cache=True)
def scan_lists(
    queries: Float32s,
    start: int,
    stop: int,
    lists: Int32s,
    ats: Int64s,
    counts: Int32s,
    cell_of: Int32s,
    centroids: Float32s,
    codes: Int8s,
    steps: Float32s,
    block_bytes: int,
    largest: int,
    data: Int8s,
    ids: Int32s,
    allowed: Bools,
    out: Int32s,
) -> None:
    """``out[query]``: rows nearest by their codes in ``lists[query]``, each once, nearest first, -1 behind.

    ``ats`` and ``counts`` are shaped as ``lists``: where a list begins and how many rows it holds. The origin of a list
    is the centroid of its head's cell plus ``steps * codes`` of the head.
    """
    asked = np.empty(queries.shape[1], dtype=np.int16)
    origin = np.empty(queries.shape[1], dtype=np.float32)
    distances = np.empty(LANES, dtype=np.float32)
    keys = np.empty(out.shape[1], dtype=np.float32)
    rows = np.empty((out.shape[1] + LANES - 1) // LANES * LANES, dtype=np.int32)
    n_pairs = (block_bytes - HEAD_BYTES) // PAIR_BYTES
    for query in range(start, stop):
        found = 0
        rows[:] = -1
        for j in range(lists.shape[1]):
            head = lists[query, j]
            if head < 0:
                break
            is_last = j + 1 == lists.shape[1] or lists[query, j + 1] < 0
            if not is_last:
                following = lists[query, j + 1]
                prefetch_block(codes, following * codes.shape[1], codes.shape[1])
            decode_row(codes[head], steps[head], centroids[cell_of[head]], origin)
            base, scale = quantize_query(queries[query], origin, largest, asked)
            for block in range((counts[query, j] + LANES - 1) // LANES):
                limit = keys[0] if found == keys.size else np.float32(np.inf)
                here = ats[query, j] + block * block_bytes
                if not is_last:
                    prefetch_block(data, ats[query, j + 1] + block * block_bytes, block_bytes)
                mask = np.uint64(scan_block(data, here, asked, n_pairs, base, scale, limit, distances))
                while mask != np.uint64(0):
                    lane = first_bit(mask)
                    mask &= mask - np.uint64(1)
                    row = ids[here // 4 + lane]
                    if not allowed.size or allowed[row]:
                        found = push_once(keys, rows, found, distances[lane], row)
        sort_heap(keys, rows, found)
        for j in range(out.shape[1]):
            out[query, j] = rows[j] if j < found else -1
