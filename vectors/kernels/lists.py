"""Projections, nearest centroids, and the best of some candidates by exact value: the arithmetic around inverted lists.

Layout   every matrix is C-contiguous and holds one vector a row, but for ``matrix`` and ``centroids``, which hold one a
         column (dim, n). Positions and lists are int64, -1 pads.
Threads  none; the caller cuts the rows. A row's result depends on the row alone, not on those beside it.
Limits   products and sums of `project` and `nearest_lists` are float32 in a fixed order; values of `rerank` are
         float64 sums in the order of `vectors.kernels.scoring.score_pairs`, so both give the same bytes. Those of
         `rerank_bytes` are whole numbers below 2³¹ (33,000 columns) and so equal to them too.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.below import PLACES, below, first_bit
from foundation.kernels.simd import prefetch_element
from vectors.kernels.byte_blocks import CHUNK, dot_chunks, squared_chunks
from vectors.kernels.dense import multiply_row, multiply_two_rows
from vectors.kernels.pair_sums import sum_of_products, sum_of_squares
from vectors.kernels.selection import keep_least, key_of, row_of, sort_keys, value_of

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_AHEAD = 3  # rows asked for before they are needed: they lie anywhere in memory
_ROOM = 4  # times as many centroids are written down as are wanted, before they are cut back
_LINES = 16  # cache lines of a row that are asked for; the processor notices itself how a longer one goes on


@numba.njit(nogil=True, cache=True)
def project(rows: Float32s, matrix: Float32s, out: Float32s) -> None:
    """``out[:] = rows @ matrix``."""
    n = rows.shape[0]
    for row in range(0, n - 1, 2):
        multiply_two_rows(rows[row], rows[row + 1], matrix, out[row], out[row + 1])
    if n % 2:
        multiply_row(rows[n - 1], matrix, out[n - 1])


@numba.njit(nogil=True, cache=True)
def orthonormalise(columns: Float64s) -> None:
    """Gram and Schmidt, twice, over the rows of ``columns`` (n, dim), in place; a row that vanishes becomes zero."""
    n, dim = columns.shape
    for i in range(n):
        before = 0.0
        for d in range(dim):
            before += columns[i, d] * columns[i, d]
        for _ in range(2):
            for j in range(i):
                dot = 0.0
                for d in range(dim):
                    dot += columns[i, d] * columns[j, d]
                for d in range(dim):
                    columns[i, d] -= dot * columns[j, d]
        after = 0.0
        for d in range(dim):
            after += columns[i, d] * columns[i, d]
        scale = 1.0 / np.sqrt(after) if after > 1e-20 * before and after > 0.0 else 0.0
        for d in range(dim):
            columns[i, d] *= scale


@numba.njit(nogil=True, cache=True)
def nearest_lists(
    rows: Float32s,
    centroids: Float32s,
    half_norms: Float32s,
    euclidean: bool,
    lists: Int64s,
    values: Float32s,
) -> None:
    """The ``lists.shape[1]`` centroids nearest to each row, best first, ties by number.

    ``half_norms`` are half the squared lengths of the centroids, or zeros for the largest dot product.
    ``values``: squared distances where ``euclidean``, else dot products.
    """
    n, n_lists, n_probe = rows.shape[0], centroids.shape[1], lists.shape[1]
    room = -(-n_lists // PLACES) * PLACES
    first, second = np.empty(room, dtype=np.float32), np.empty(room, dtype=np.float32)
    limits, keys = np.empty(PLACES, dtype=np.float32), np.empty(_ROOM * n_probe + PLACES, dtype=np.int64)
    for row in range(0, n, 2):
        if row + 1 < n:
            multiply_two_rows(rows[row], rows[row + 1], centroids, first[:n_lists], second[:n_lists])
        else:
            multiply_row(rows[row], centroids, first[:n_lists])
        for side in range(min(2, n - row)):
            distances = first if side == 0 else second
            for number in range(n_lists):
                distances[number] = half_norms[number] - distances[number]
            distances[n_lists:] = np.inf
            _nearest(distances, limits, keys, n_probe)
            at = row + side
            squared = np.float32(0.0)
            for d in range(rows.shape[1] if euclidean else 0):
                squared += rows[at, d] * rows[at, d]
            for slot in range(n_probe):
                lists[at, slot], value = row_of(keys[slot]), value_of(keys[slot])
                if euclidean:
                    values[at, slot] = max(np.float32(0.0), squared + np.float32(2.0) * value)
                else:
                    values[at, slot] = -value


@numba.njit(nogil=True, cache=True)
def _nearest(distances: Float32s, limits: Float32s, keys: Int64s, n: int) -> None:
    """The keys of the ``n`` least distances first in ``keys``, ascending; scanned `PLACES` at a time."""
    found = 0
    limits[:] = np.inf
    for first in range(0, distances.size, PLACES):
        mask = below(distances[first : first + PLACES], limits, 0)
        while mask != np.uint64(0):
            place = first + first_bit(mask)
            mask &= mask - np.uint64(1)
            keys[found] = key_of(distances[place], place)
            found += 1
        if found > keys.size - PLACES:
            limits[:] = value_of(keep_least(keys, found, n))
            found = n
    for place in range(distances.size if found < n else 0):  # products that overflowed
        if found < n and not distances[place] < np.inf:
            keys[found] = key_of(np.float32(np.inf), place)
            found += 1
    if found > n:
        keep_least(keys, found, n)
    sort_keys(keys, n)


@numba.njit(nogil=True, cache=True)
def rerank(
    vectors: Float32s, positions: Int64s, queries: Float32s, euclidean: bool, best: Int64s, values: Float32s
) -> None:
    """The ``best.shape[1]`` best of ``positions`` (n_queries, n) by exact value, best first, ties by position."""
    dim = queries.shape[1]
    for q in range(queries.shape[0]):
        n_found = 0
        for nth in range(positions.shape[1]):
            row = positions[q, nth]
            if row < 0:
                continue
            if nth + _AHEAD < positions.shape[1] and positions[q, nth + _AHEAD] >= 0:
                _fetch(vectors, positions[q, nth + _AHEAD])
            if euclidean:
                value = np.float32(np.sqrt(sum_of_squares(vectors, row * dim, queries, q * dim, dim)))
            else:
                product = sum_of_products(vectors, row * dim, queries, q * dim, dim)
                value = np.float32(product) + np.float32(0.0)
            n_found = _insert(value, row, euclidean, n_found, best[q], values[q])
        _pad(n_found, euclidean, best[q], values[q])


@numba.njit(nogil=True, cache=True)
def whole_bytes(queries: Float32s, out: npt.NDArray[np.int16]) -> bool:
    """Whether every value is a whole number of 0 to 255; ``out`` holds them then."""
    for q in range(queries.shape[0]):
        n_whole = 0
        for d in range(queries.shape[1]):
            value = min(max(queries[q, d], np.float32(0.0)), np.float32(255.0))
            whole = np.int16(np.int32(value))
            out[q, d] = whole
            n_whole += int(np.float32(whole) == queries[q, d])
        if n_whole != queries.shape[1]:
            return False
    return True


@numba.njit(nogil=True, cache=True)
def rerank_bytes(
    codes: npt.NDArray[np.uint8],
    positions: Int64s,
    queries: npt.NDArray[np.int16],
    euclidean: bool,
    best: Int64s,
    values: Float32s,
) -> None:
    """`rerank` where every value is a whole number of 0 to 255, in vectors and queries."""
    dim = queries.shape[1]
    n_chunks = dim // CHUNK
    for q in range(queries.shape[0]):
        n_found = 0
        for nth in range(positions.shape[1]):
            row = positions[q, nth]
            if row < 0:
                continue
            if nth + _AHEAD < positions.shape[1] and positions[q, nth + _AHEAD] >= 0:
                _fetch(codes, positions[q, nth + _AHEAD])
            if euclidean:
                total = squared_chunks(codes, row * dim, queries, q * dim, n_chunks)
                for d in range(CHUNK * n_chunks, dim):
                    difference = np.int32(codes[row, d]) - np.int32(queries[q, d])
                    total = np.int32(total + difference * difference)
                value = np.float32(np.sqrt(np.float64(total)))
            else:
                total = dot_chunks(codes, row * dim, queries, q * dim, n_chunks)
                for d in range(CHUNK * n_chunks, dim):
                    total = np.int32(total + np.int32(codes[row, d]) * np.int32(queries[q, d]))
                value = np.float32(np.float64(total))
            n_found = _insert(value, row, euclidean, n_found, best[q], values[q])
        _pad(n_found, euclidean, best[q], values[q])


@numba.njit(nogil=True, cache=True)
def _fetch(vectors: npt.NDArray[np.generic], row: int) -> None:
    """Ask for a row."""
    first, per_line = row * vectors.shape[1], 64 // vectors.itemsize
    for line in range(min(_LINES, (vectors.shape[1] + per_line - 1) // per_line)):
        prefetch_element(vectors, first + line * per_line)


@numba.njit(nogil=True, cache=True)
def _insert(value: np.float32, row: int, euclidean: bool, n_found: int, best: Int64s, values: Float32s) -> int:
    """Put a candidate in its place among the best so far; how many there are then."""
    k = best.size
    slot = n_found
    while slot > 0:
        other = values[slot - 1]
        behind = value < other if euclidean else value > other
        if not (behind or (value == other and row < best[slot - 1])):
            break
        if slot < k:
            values[slot] = other
            best[slot] = best[slot - 1]
        slot -= 1
    if slot < k:
        values[slot] = value
        best[slot] = row
        return min(k, n_found + 1)
    return n_found


@numba.njit(nogil=True, cache=True)
def _pad(n_found: int, euclidean: bool, best: Int64s, values: Float32s) -> None:
    for slot in range(n_found, best.size):
        best[slot] = -1
        values[slot] = np.inf if euclidean else -np.inf
