"""From a query to the heads near it: down through regions to the nearest cells, and in those to the nearest heads.

A region holds regions or, on the last level, cells; region 0 holds everything. On every level the children of the
nearest regions are scanned, nearest region first, so that the limit of what is near enough is soon close.

Layout   lists of blocks as in `vectors.kernels.spann_codes`: of the children of every region, relative to its origin,
         and of the heads of every cell. Regions are numbered level by level, cells and heads from 0.
Threads  single-threaded over the queries or rows given, one writer per row.
Limits   distances are squared, from codes, float32; numbers fit int32. A query is float32 (width,). Scratch is
         ``asked`` int16 (width,), ``distances`` float32 (16,), ``region_keys`` (beam,), ``regions`` int32 (2, beam),
         ``pool`` one for as many as are chosen on any level.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.below import first_bit
from vectors.kernels.selection import keep_least, key_of, row_of, sort_keys, value_of
from vectors.kernels.spann_blocks import HEAD_BYTES, LANES, PAIR_BYTES, prefetch_block, scan_block
from vectors.kernels.spann_codes import decode_row, quantize_query

Float32s = npt.NDArray[np.float32]
Int16s = npt.NDArray[np.int16]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]

_DEVIATIONS = np.float32(4.0)
_ROOM = 3  # times as many children are put down as are wanted, before they are cut back
_NEXT = 1 << 32  # from a key to the next value's: an equal distance may still enter, its number may be less


@numba.njit(nogil=True, cache=True)
def new_pool(most: int) -> Int64s:
    """Room to choose up to ``most`` children."""
    return np.empty(_ROOM * most + LANES, dtype=np.int64)


@numba.njit(nogil=True, cache=True)
def rounding(codes: Int8s, step: np.float32) -> np.float32:
    """How far from 0 the coded squared distance of a row to itself may be.

    It is twice the sum of values times their errors of rounding, each of variance step²/12.
    """
    squares = np.int64(0)
    for d in range(codes.size):
        squares += np.int64(codes[d]) * np.int64(codes[d])
    return _DEVIATIONS * step * step * np.float32(np.sqrt(squares / 3.0))


@numba.njit(nogil=True, cache=True)
def scan_children(
    query: Float32s,
    parents: Int32s,
    n_parents: int,
    origins: Float32s,
    ats: Int64s,
    starts: Int64s,
    data: Int8s,
    ids: Int32s,
    block_bytes: int,
    largest: int,
    asked: Int16s,
    distances: Float32s,
    pool: Int64s,
    keys: Float32s,
    nearest: Int32s,
) -> int:
    """The ``keys.size`` nearest children of some regions or cells, nearest first; returns how many there are."""
    n_pairs = (block_bytes - HEAD_BYTES) // PAIR_BYTES
    room = _ROOM * keys.size
    limit, n = np.float32(np.inf), 0
    for i in range(n_parents):
        parent = parents[i]
        ahead = ats[parents[i + 1]] if i + 1 < n_parents else -1
        base, scale = quantize_query(query, origins[parent], largest, asked)
        for block in range((starts[parent + 1] - starts[parent] + LANES - 1) // LANES):
            here = ats[parent] + block * block_bytes
            if ahead >= 0:
                prefetch_block(data, ahead + block * block_bytes, block_bytes)
            mask = np.uint64(scan_block(data, here, asked, n_pairs, base, scale, limit, distances))
            while mask != np.uint64(0):
                lane = first_bit(mask)
                mask &= mask - np.uint64(1)
                pool[n] = key_of(distances[lane], ids[here // 4 + lane])
                n += 1
            if n > room:
                last = keep_least(pool, n, keys.size)
                n, limit = keys.size, value_of(last + _NEXT)
    if n > keys.size:
        keep_least(pool, n, keys.size)
        n = keys.size
    sort_keys(pool, n)
    for i in range(n):
        keys[i], nearest[i] = value_of(pool[i]), row_of(pool[i])
    return n


@numba.njit(nogil=True, cache=True)
def nearest_cells(
    query: Float32s,
    n_levels: int,
    origins: Float32s,
    ats: Int64s,
    starts: Int64s,
    data: Int8s,
    ids: Int32s,
    block_bytes: int,
    largest: int,
    asked: Int16s,
    distances: Float32s,
    pool: Int64s,
    region_keys: Float32s,
    regions: Int32s,
    keys: Float32s,
    cells: Int32s,
) -> int:
    """The nearest cells among those of the nearest regions, nearest first; returns how many."""
    regions[0, 0] = 0
    n = 1
    for level in range(n_levels - 1):
        n = scan_children(
            query,
            regions[level % 2],
            n,
            origins,
            ats,
            starts,
            data,
            ids,
            block_bytes,
            largest,
            asked,
            distances,
            pool,
            region_keys,
            regions[(level + 1) % 2],
        )
    return scan_children(
        query,
        regions[(n_levels - 1) % 2],
        n,
        origins,
        ats,
        starts,
        data,
        ids,
        block_bytes,
        largest,
        asked,
        distances,
        pool,
        keys,
        cells,
    )


@numba.njit(nogil=True, cache=True)
def choose_cells(
    rows: Float32s,
    n_levels: int,
    beam: int,
    origins: Float32s,
    ats: Int64s,
    starts: Int64s,
    data: Int8s,
    ids: Int32s,
    block_bytes: int,
    largest: int,
    out: Int32s,
) -> None:
    """``out[row]``: the cells nearest it, nearest first, -1 behind."""
    asked = np.empty(rows.shape[1], dtype=np.int16)
    distances = np.empty(LANES, dtype=np.float32)
    region_keys, regions = np.empty(beam, dtype=np.float32), np.empty((2, beam), dtype=np.int32)
    keys = np.empty(out.shape[1], dtype=np.float32)
    pool = new_pool(max(beam, out.shape[1]))
    for row in range(rows.shape[0]):
        n = nearest_cells(
            rows[row],
            n_levels,
            origins,
            ats,
            starts,
            data,
            ids,
            block_bytes,
            largest,
            asked,
            distances,
            pool,
            region_keys,
            regions,
            keys,
            out[row],
        )
        out[row, n:] = -1


@numba.njit(nogil=True, cache=True)
def choose_lists(
    queries: Float32s,
    start: int,
    stop: int,
    n_levels: int,
    beam: int,
    origins: Float32s,
    region_ats: Int64s,
    region_starts: Int64s,
    region_data: Int8s,
    region_ids: Int32s,
    n_cells: int,
    centroids: Float32s,
    cell_ats: Int64s,
    cell_starts: Int64s,
    data: Int8s,
    ids: Int32s,
    block_bytes: int,
    largest: int,
    codes: Int8s,
    steps: Float32s,
    ratio: np.float32,
    out: Int32s,
) -> None:
    """``out[query]``: the lists to read, nearest head first, -1 behind; those up to ``ratio`` times the first's.

    They are found in the ``n_cells`` nearest cells. A query that is a head, as far as ``codes`` and ``steps`` of the
    heads tell, says nothing of how far others are: then the second head stands for the first.
    """
    n_lists = out.shape[1]
    asked = np.empty(queries.shape[1], dtype=np.int16)
    distances = np.empty(LANES, dtype=np.float32)
    region_keys, regions = np.empty(beam, dtype=np.float32), np.empty((2, beam), dtype=np.int32)
    cell_keys, cells = np.empty(n_cells, dtype=np.float32), np.empty(n_cells, dtype=np.int32)
    keys, heads = np.empty(n_lists, dtype=np.float32), np.empty(n_lists, dtype=np.int32)
    pool = new_pool(max(beam, n_cells, n_lists))
    for query in range(start, stop):
        n = nearest_cells(
            queries[query],
            n_levels,
            origins,
            region_ats,
            region_starts,
            region_data,
            region_ids,
            block_bytes,
            largest,
            asked,
            distances,
            pool,
            region_keys,
            regions,
            cell_keys,
            cells,
        )
        found = scan_children(
            queries[query],
            cells,
            n,
            centroids,
            cell_ats,
            cell_starts,
            data,
            ids,
            block_bytes,
            largest,
            asked,
            distances,
            pool,
            keys,
            heads,
        )
        limit = np.float32(np.inf)
        if not np.isinf(ratio) and found > 0:
            is_head = found > 1 and keys[0] <= rounding(codes[heads[0]], steps[heads[0]])
            limit = ratio * max(keys[1] if is_head else keys[0], np.float32(0.0))
        for j in range(n_lists):
            is_read = j < found and (j == 0 or keys[j] <= limit)
            out[query, j] = heads[j] if is_read else -1


@numba.njit(nogil=True, cache=True)
def head_vectors(cell_of: Int32s, centroids: Float32s, codes: Int8s, steps: Float32s, out: Float32s) -> None:
    """All heads as their codes say, float32 (n_heads, width)."""
    for head in range(cell_of.size):
        decode_row(codes[head], steps[head], centroids[cell_of[head]], out[head])
