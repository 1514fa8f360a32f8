"""Scanning inverted lists of byte codes: the rows of some lists that look nearest to a query.

A code c stands for ``offset + step * c`` in each column, so a dot product with a query is a constant of the query plus
the dot product of the codes with ``query * step``, which is rounded to words; a squared distance takes the row's own
squared length besides, kept as its constant.

Layout   as in `vectors.kernels.byte_blocks`; list i begins at address ``code_ats[i]``, the numbers of its rows at
         ``id_ats[i]`` (int64), its constants at ``starts[i]``. ``constants`` has 16 places more than there are rows.
Threads  none; the caller cuts the queries. A query's result depends on the query alone.
Limits   row numbers fit int32.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.below import first_bit
from vectors.kernels.byte_blocks import CHUNK, ROWS, estimate_rows, number_at
from vectors.kernels.selection import keep_least, key_of, row_of, sort_keys, value_of

Bools = npt.NDArray[np.bool_]
Float32s = npt.NDArray[np.float32]
Int16s = npt.NDArray[np.int16]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

_MANY = 4  # queries that are asked list by list; fewer would only find their nearest lists later
ROOM = 4  # times as many candidates are gathered as are wanted, before they are cut back
_NOTHING = np.float32(1e-30)  # the inverse of less is no float32


@numba.njit(nogil=True, cache=True)
def row_constants(codes: npt.NDArray[np.uint8], offsets: Float32s, steps: Float32s, out: Float32s) -> None:
    """Squared length of what each row of ``codes`` stands for, from a float64 sum."""
    for row in range(codes.shape[0]):
        total = 0.0
        for d in range(steps.size):
            value = np.float64(offsets[d]) + np.float64(steps[d]) * np.float64(codes[row, d])
            total += value * value
        out[row] = np.float32(total)


@numba.njit(nogil=True, cache=True)
def worded(query: Float32s, steps: Float32s, largest: int, words: Int16s) -> np.float32:
    """Write ``query * steps`` as int16 up to ``largest``, chunk by chunk; returns the step of those words."""
    width, n_chunks = steps.size, words.size // CHUNK
    most = np.float32(0.0)
    for d in range(width):
        most = max(most, abs(query[d] * steps[d]))
    words[:] = 0
    if most < _NOTHING:
        return np.float32(0.0)
    inverse = np.float32(largest) / most
    # The last chunk ends with the row: what it shares with the one before stays zero.
    shift = max(0, n_chunks * CHUNK - max(width, CHUNK))
    for d in range(width):
        at = d if d < (n_chunks - 1) * CHUNK else d + shift
        words[at] = np.int16(np.int32(query[d] * steps[d] * inverse + np.float32(32768.5)) - np.int32(32768))
    return most / np.float32(largest)


@numba.njit(nogil=True, cache=True)
def _visits(lists: Int64s, n_lists: int, out: Int64s) -> None:
    """The order in which queries meet their lists: pairs ``q * n_probe + nth``, of each query the nearest list first.

    Then, of several queries, list after list, so that all who want one read it while a core has it.
    """
    n_queries, n_probe = lists.shape
    if n_queries < _MANY:
        for pair in range(out.size):
            out[pair] = pair
        return
    ends = np.zeros(n_lists + 1, dtype=np.int64)
    for q in range(n_queries):
        out[q] = q * n_probe
        for nth in range(1, n_probe):
            ends[lists[q, nth] + 1] += 1
    ends[0] = n_queries
    for number in range(n_lists):
        ends[number + 1] += ends[number]
    for q in range(n_queries):
        for nth in range(1, n_probe):
            number = lists[q, nth]
            out[ends[number]] = q * n_probe + nth
            ends[number] += 1


@numba.njit(nogil=True, cache=True)
def scan_byte_lists(
    queries: Float32s,
    lists: Int64s,
    code_ats: Int64s,
    id_ats: Int64s,
    sizes: Int64s,
    starts: Int64s,
    stride: int,
    constants: Float32s,
    steps: Float32s,
    largest: int,
    euclidean: bool,
    wanted: Bools,
    in_order: bool,
    out: Int64s,
) -> None:
    """``out[q]``: rows of ``lists[q]`` that look nearest to ``queries[q]``, -1 behind; ties by row number.

    Best first when ``in_order``, else in any order. ``wanted`` tells which rows count; empty allows all.
    """
    n_queries, n, n_chunks = queries.shape[0], out.shape[1], (stride + CHUNK - 1) // CHUNK
    words = np.empty((n_queries, n_chunks * CHUNK), dtype=np.int16)
    factors, limits = np.empty(n_queries, dtype=np.float32), np.full(n_queries, np.inf, dtype=np.float32)
    estimates = np.empty(ROWS, dtype=np.float32)
    keys, found = np.empty((n_queries, ROOM * n + 2 * ROWS), dtype=np.int64), np.zeros(n_queries, dtype=np.int64)
    for q in range(n_queries):
        factors[q] = worded(queries[q], steps, largest, words[q])
        if euclidean:
            factors[q] *= np.float32(2.0)
    visits = np.empty(lists.size, dtype=np.int64)
    _visits(lists, sizes.size, visits)
    filters = wanted.size > 0
    for pair in visits:
        q, nth = pair // lists.shape[1], pair % lists.shape[1]
        number = lists[q, nth]
        size, codes, ids, start = sizes[number], code_ats[number], id_ats[number], starts[number]
        asked, own, factor = words[q], keys[q], factors[q]
        n_found, limit = found[q], limits[q]
        done = 0
        while done < size:
            # The last block begins earlier, over rows already seen; of less than a block each row is all lanes.
            at = done if size < ROWS else min(done, size - ROWS)
            apart = stride if size >= ROWS else 0
            mask = np.uint64(
                estimate_rows(
                    codes + at * stride,
                    apart,
                    asked,
                    stride - CHUNK,
                    constants,
                    start + at,
                    factor,
                    limit,
                    estimates,
                )
            )
            if size >= ROWS:
                mask &= ~((np.uint64(1) << np.uint64(done - at)) - np.uint64(1))
                done = at + ROWS
            else:
                mask &= np.uint64(1)
                done += 1
            while mask != np.uint64(0):
                lane = first_bit(mask)
                mask &= mask - np.uint64(1)
                row = number_at(ids, at + lane)
                if not filters or wanted[row]:
                    own[n_found] = key_of(estimates[lane], row)
                    n_found += 1
            if n_found > own.size - ROWS:
                limit = value_of(keep_least(own, n_found, n))
                n_found = n
        found[q], limits[q] = n_found, limit
    for q in range(n_queries):
        if found[q] > n:
            keep_least(keys[q], found[q], n)
            found[q] = n
        if in_order:
            sort_keys(keys[q], found[q])
        for i in range(n):
            out[q, i] = row_of(keys[q, i]) if i < found[q] else -1


@numba.njit(nogil=True, cache=True)
def lists_holding(id_ats: Int64s, sizes: Int64s, wanted: Bools, out: Bools) -> None:
    """``out[i]``: whether list i holds a row that is wanted."""
    for number in range(sizes.size):
        out[number] = False
        for nth in range(sizes[number]):
            if wanted[number_at(id_ats[number], nth)]:
                out[number] = True
                break
