"""Vectors as 8-bit codes relative to an origin, in blocks of 16.

A vector x of a list with origin o is kept as ``x - o ~ step * code``, its step chosen by its own largest value. Then
``|q - x|² = |r|² + |x - o|² - 2 step (code . r)``, r = q - o, of which the middle term is kept as a constant.

Layout   a block is, for 16 vectors: int32 ids (-1 where there is none), float32 constants (+inf there), float32 steps,
         then int8 codes, two values of each vector at a time: (n_pairs, 16, 2). ``data`` is blocks as int8, ``ids`` and
         ``numbers`` the same memory as int32 and float32; ``at`` is the block's first byte, a multiple of 4.
Threads  single-threaded; a vector's bytes depend on it and its origin alone.
Limits   values are finite float32 rows of ``width`` values, a multiple of 16, zeros behind the first 2 n_pairs.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from vectors.kernels.spann_blocks import HEAD_BYTES, LANES, PAIR_BYTES, largest_difference, squared_distance

Float32s = npt.NDArray[np.float32]
Int16s = npt.NDArray[np.int16]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]

_NOTHING = np.float32(1e-30)  # the inverse of less is no float32


@numba.njit(nogil=True, cache=True)
def encode_row(row: Float32s, origin: Float32s, codes: Int8s) -> tuple[np.float32, np.float32]:
    """Write the codes of ``row - origin``; returns its squared length, from a float64 sum, and the step."""
    most = np.float32(0.0)
    total = 0.0
    for d in range(codes.size):
        value = row[d] - origin[d]
        most = max(most, abs(value))
        total += np.float64(value) * np.float64(value)
    if most < _NOTHING:
        codes[:] = 0
        return np.float32(0.0), np.float32(0.0)
    step = most / np.float32(127.0)
    inverse = np.float64(127.0) / np.float64(most)
    for d in range(codes.size):
        whole = np.rint(np.float64(row[d] - origin[d]) * inverse)
        codes[d] = np.int8(min(max(whole, -127.0), 127.0))
    return np.float32(total), step


@numba.njit(nogil=True, cache=True)
def decode_row(codes: Int8s, step: np.float32, origin: Float32s, out: Float32s) -> None:
    """``out[:] = origin + step * codes``; codes are as many as values that mean something, zeros behind."""
    for d in range(codes.size):
        out[d] = origin[d] + step * np.float32(codes[d])
    out[codes.size :] = np.float32(0.0)


@numba.njit(nogil=True, cache=True)
def put_lane(
    data: Int8s,
    ids: Int32s,
    numbers: Float32s,
    at: int,
    lane: int,
    id: int,
    constant: np.float32,
    step: np.float32,
    codes: Int8s,
) -> None:
    """Store one encoded vector in the block at byte ``at``."""
    ids[at // 4 + lane] = id
    numbers[at // 4 + LANES + lane] = constant
    numbers[at // 4 + 2 * LANES + lane] = step
    place = at + HEAD_BYTES + 2 * lane
    for pair in range(codes.size // 2):
        data[place] = codes[2 * pair]
        data[place + 1] = codes[2 * pair + 1]
        place += PAIR_BYTES


@numba.njit(nogil=True, cache=True)
def clear_blocks(ids: Int32s, numbers: Float32s, at: int, n_blocks: int, block_bytes: int) -> None:
    """No vector in any lane."""
    for block in range(n_blocks):
        first = (at + block * block_bytes) // 4
        for lane in range(LANES):
            ids[first + lane] = -1
            numbers[first + LANES + lane] = np.float32(np.inf)
            numbers[first + 2 * LANES + lane] = np.float32(0.0)


@numba.njit(nogil=True, cache=True)
def quantize_query(query: Float32s, origin: Float32s, limit: int, out: Int16s) -> tuple[np.float32, np.float32]:
    """Write ``query - origin`` as int16 up to ``limit``; returns its squared length and twice the step.

    All have ``width`` values.
    """
    n_lanes = out.size // LANES
    most = largest_difference(query, origin, n_lanes)
    if most < _NOTHING:
        out[:] = 0
        return np.float32(0.0), np.float32(0.0)
    inverse = np.float32(limit) / most
    for d in range(out.size):
        # Halves go up: one conversion instead of a call to rint, and no value leaves the range.
        out[d] = np.int16(np.int32((query[d] - origin[d]) * inverse + np.float32(32768.5)) - np.int32(32768))
    return squared_distance(query, 0, origin, 0, n_lanes), np.float32(2.0) * most / np.float32(limit)


@numba.njit(nogil=True, cache=True)
def pack_lists(
    order: Int64s,
    starts: Int64s,
    ats: Int64s,
    rows: Int32s,
    constants: Float32s,
    steps: Float32s,
    codes: Int8s,
    block_bytes: int,
    data: Int8s,
    ids: Int32s,
    numbers: Float32s,
) -> None:
    """Put encoded vectors into lists: list i holds ``order[starts[i]:starts[i + 1]]`` and begins at byte ``ats[i]``."""
    for i in range(ats.size):
        n = starts[i + 1] - starts[i]
        clear_blocks(ids, numbers, ats[i], (n + LANES - 1) // LANES, block_bytes)
        for j in range(n):
            one = order[starts[i] + j]
            at = ats[i] + (j // LANES) * block_bytes
            put_lane(data, ids, numbers, at, j % LANES, rows[one], constants[one], steps[one], codes[one])


@numba.njit(nogil=True, cache=True)
def encode_rows(
    rows: Float32s,
    order: Int64s,
    origins: Float32s,
    origin_of: Int32s,
    constants: Float32s,
    steps: Float32s,
    codes: Int8s,
) -> None:
    """Entry i is ``rows[order[i]]`` relative to ``origins[origin_of[i]]``."""
    for i in range(order.size):
        constants[i], steps[i] = encode_row(rows[order[i]], origins[origin_of[i]], codes[i])


@numba.njit(nogil=True, cache=True)
def place_lists(counts: Int32s, block_bytes: int, page_bytes: int, ats: Int64s) -> int:
    """First byte of every list, so that none touches more pages than its size needs; returns the end."""
    at = 0
    for i in range(counts.size):
        size = (counts[i] + LANES - 1) // LANES * block_bytes
        pages = (size + page_bytes - 1) // page_bytes
        if at % page_bytes + size > pages * page_bytes:
            at = (at // page_bytes + 1) * page_bytes
        ats[i] = at
        at += size
    return at
