"""Scanning all rows of byte codes: those whose products with queries look greatest, many queries to one reading.

Layout   as in `vectors.kernels.byte_blocks`: row i begins at ``address + i * stride``. A code c stands for
         ``offset + step * c`` in each column.
Threads  none; the caller cuts the queries. A query's result depends on the query alone.
Limits   row numbers fit int32; nothing is checked.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.below import first_bit
from vectors.kernels.byte_blocks import CHUNK, ROWS, estimate_rows
from vectors.kernels.byte_lists import ROOM, worded
from vectors.kernels.selection import keep_least, key_of, row_of, sort_keys, value_of

Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]


@numba.njit(nogil=True, cache=True)
def scan_bytes(
    queries: Float32s,
    address: int,
    n_rows: int,
    stride: int,
    offsets: Float32s,
    steps: Float32s,
    largest: int,
    block: int,
    out_rows: Int64s,
    out_values: Float32s,
) -> None:
    """``out_rows[q]``: the rows of greatest product with ``queries[q]`` as it looks, best first, ties by row number.

    ``out_values`` are those products. ``block`` rows, a multiple of 16, are held against all queries while caches have
    them; ``out_rows`` has at most ``n_rows`` columns.
    """
    n_queries, n = out_rows.shape
    n_chunks = (stride + CHUNK - 1) // CHUNK
    words = np.empty((n_queries, n_chunks * CHUNK), dtype=np.int16)
    keys = np.empty((n_queries, min(ROOM * n, n_rows) + 2 * ROWS), dtype=np.int64)
    factors, limits = np.empty(n_queries, dtype=np.float32), np.full(n_queries, np.inf, dtype=np.float32)
    found = np.zeros(n_queries, dtype=np.int64)
    estimates, nothing = np.empty(ROWS, dtype=np.float32), np.zeros(ROWS, dtype=np.float32)
    for q in range(n_queries):
        factors[q] = worded(queries[q], steps, largest, words[q])
    # Fewer rows than are taken at a time: each is all of them.
    apart, at_a_time = (stride, ROWS) if n_rows >= ROWS else (0, 1)
    for start in range(0, n_rows, block):
        stop = min(start + block, n_rows)
        for q in range(n_queries):
            done = start
            while done < stop:
                at = min(done, n_rows - at_a_time)  # the last ones begin earlier, over rows already seen
                mask = np.uint64(
                    estimate_rows(
                        address + at * stride,
                        apart,
                        words[q],
                        stride - CHUNK,
                        nothing,
                        0,
                        factors[q],
                        limits[q],
                        estimates,
                    )
                )
                mask &= ~((np.uint64(1) << np.uint64(done - at)) - np.uint64(1))
                mask &= (np.uint64(1) << np.uint64(at_a_time)) - np.uint64(1)
                done = at + at_a_time
                while mask != np.uint64(0):
                    lane = first_bit(mask)
                    mask &= mask - np.uint64(1)
                    keys[q, found[q]] = key_of(estimates[lane], at + lane)
                    found[q] += 1
                if found[q] > keys.shape[1] - ROWS and found[q] > n:
                    limits[q] = value_of(keep_least(keys[q], found[q], n))
                    found[q] = n
    for q in range(n_queries):
        if found[q] > n:
            keep_least(keys[q], found[q], n)
        sort_keys(keys[q], n)
        base = 0.0  # of a row whose bytes are all 128
        for d in range(steps.size):
            base += np.float64(queries[q, d]) * (np.float64(offsets[d]) + 128.0 * np.float64(steps[d]))
        for i in range(n):
            out_rows[q, i] = row_of(keys[q, i])
            out_values[q, i] = np.float32(base - np.float64(value_of(keys[q, i])))
