"""Rows into lists: the nearest heads of every row, thinned out, and the row's codes relative to each.

Source   SPANN's closure assignment with the rule of relative neighbourhood graphs, as in SPTAG: of the nearest heads,
         taken in order of distance, one is kept unless it is closer to a head kept before than to the row.
Layout   heads and codes as in `vectors.kernels.spann_codes`; outputs are (rows, replicas[, values]), -1 where none is.
Threads  single-threaded over all rows given, one writer per row.
Limits   float32 distances to heads as their codes say.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.simd import prefetch_element
from vectors.kernels.spann_blocks import LANES, squared_distance
from vectors.kernels.spann_codes import encode_row
from vectors.kernels.spann_heads import new_pool, scan_children

Float32s = npt.NDArray[np.float32]
Int16s = npt.NDArray[np.int16]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]

_AHEAD = 4  # heads whose vectors are asked for before they are needed


@numba.njit(nogil=True, cache=True)
def thin_out(
    to_row: Float32s, heads: Int32s, vectors: Float32s, order: Int64s, n: int, kept: Int64s, replicas: int
) -> int:
    """Positions of the heads to keep, nearest first, in ``kept``; returns how many.

    ``to_row[i]`` is the squared distance of ``heads[i]``, a row of ``vectors``, to the row; ``order`` is scratch (n,).
    """
    width = vectors.shape[1]
    n_lanes = width // LANES
    flat = vectors.reshape(vectors.size)
    for i in range(n):  # by insertion: they come almost sorted
        j = i
        while j > 0:
            before = order[j - 1]
            if to_row[before] < to_row[i] or (to_row[before] == to_row[i] and heads[before] < heads[i]):
                break
            order[j] = before
            j -= 1
        order[j] = i
    n_kept = 0
    for i in range(n):
        one = order[i]
        is_kept = True
        for j in range(n_kept):
            if squared_distance(flat, heads[one] * width, flat, heads[kept[j]] * width, n_lanes) < to_row[one]:
                is_kept = False
                break
        if is_kept:
            kept[n_kept] = one
            n_kept += 1
            if n_kept == replicas:
                break
    return n_kept


@numba.njit(nogil=True, cache=True)
def assign_rows(
    rows: Float32s,
    order: Int64s,
    cells: Int32s,
    centroids: Float32s,
    cell_ats: Int64s,
    cell_starts: Int64s,
    data: Int8s,
    ids: Int32s,
    vectors: Float32s,
    block_bytes: int,
    largest: int,
    n_candidates: int,
    out_heads: Int32s,
    out_constants: Float32s,
    out_steps: Float32s,
    out_codes: Int8s,
) -> None:
    """The lists of every row, nearest head first, and its codes in each; ``vectors`` are all heads (n_heads, width).

    ``cells[row]`` are the cells to look into, nearest first, -1 behind. Rows are taken by ``order``, which decides
    nothing but what is in the processor's caches.
    """
    width = rows.shape[1]
    asked = np.empty(width, dtype=np.int16)
    distances = np.empty(LANES, dtype=np.float32)
    keys, heads = np.empty(n_candidates, dtype=np.float32), np.empty(n_candidates, dtype=np.int32)
    pool = new_pool(n_candidates)
    by_distance, kept = np.empty(n_candidates, dtype=np.int64), np.empty(out_heads.shape[1], dtype=np.int64)
    flat_rows, flat = rows.reshape(rows.size), vectors.reshape(vectors.size)
    out_heads[:] = -1
    for row in order:
        n_cells = cells.shape[1]
        while n_cells > 0 and cells[row, n_cells - 1] < 0:
            n_cells -= 1
        n = scan_children(
            rows[row],
            cells[row],
            n_cells,
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
        for i in range(n):
            if i + _AHEAD < n:
                for d in range(0, width, LANES):
                    prefetch_element(flat, heads[i + _AHEAD] * width + d)
            keys[i] = squared_distance(flat_rows, row * width, flat, heads[i] * width, width // LANES)
        for j in range(thin_out(keys, heads, vectors, by_distance, n, kept, out_heads.shape[1])):
            head = heads[kept[j]]
            out_heads[row, j] = head
            out_constants[row, j], out_steps[row, j] = encode_row(rows[row], vectors[head], out_codes[row, j])
