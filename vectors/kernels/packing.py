"""Token vectors in fewer bytes, and back: float16, bfloat16, int8 with a scale a token, residuals of centroids.

Layout   ``vectors`` float32 (n, dim) C-contiguous. float16 and bfloat16 are their bits in uint16; a byte is the number
         plus 128. Residual codes are planar: the lowest bits of a row's bytes are its first numbers, the next bits the
         following ones. Rows of bfloat16, bytes and residuals are filled up to whole words; those numbers do not count.
Threads  none; one writer per row, and a row's bytes depend on the row alone.
Limits   values are finite; float16 holds no more than 65504 (the caller has checked).
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.rows import float_of_half, half_of
from foundation.kernels.simd import bits_of_float, float_of_bits, fma
from foundation.kernels.tiles import Tile, rows_of, write_products

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Halves = npt.NDArray[np.uint16]
Words = npt.NDArray[np.uint32]

FLOAT16, BFLOAT16, INT8, RESIDUAL = 0, 1, 2, 3
ZERO = 128  # the byte of the number 0


@numba.njit(nogil=True, cache=True)
def to_halves(vectors: Float32s, out: Halves) -> None:
    """float16, ties to even."""
    for row in range(vectors.shape[0]):
        for d in range(vectors.shape[1]):
            out[row, d] = half_of(vectors[row, d])


@numba.njit(nogil=True, cache=True)
def to_brains(vectors: Float32s, out: Halves) -> None:
    """bfloat16, ties to even; what would round to infinity stays the largest number."""
    for row in range(vectors.shape[0]):
        for d in range(vectors.shape[1]):
            bits = bits_of_float(vectors[row, d])
            rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
            if rounded & np.uint32(0x7FFF) >= np.uint32(0x7F80):
                rounded -= np.uint32(1)
            out[row, d] = np.uint16(rounded)


@numba.njit(nogil=True, cache=True)
def to_bytes(vectors: Float32s, out: Bytes, scales: Float32s) -> None:
    """Multiples of the largest absolute value / 127, which goes to ``scales``; 0 for a row of zeros."""
    for row in range(vectors.shape[0]):
        top = np.float32(0.0)
        for d in range(vectors.shape[1]):
            top = max(top, abs(vectors[row, d]))
        factor = np.float32(127.0) / top if top > np.float32(1e-36) else np.float32(0.0)
        scales[row] = top / np.float32(127.0) if factor > np.float32(0.0) else np.float32(0.0)
        for d in range(vectors.shape[1]):
            out[row, d] = np.uint8(np.int32(np.rint(vectors[row, d] * factor)) + ZERO)


@numba.njit(nogil=True, cache=True)
def nearest_centroids(
    tile: Tile, vectors: Float32s, blocks: Float32s, start: Float32s, products: Float32s, out: npt.NDArray[np.uint16]
) -> None:
    """The centroid of every row with the least distance, the first among equals.

    ``blocks`` (n_blocks, dim, lanes) are the centroids as columns, ``start`` (n_blocks, lanes) minus half their squared
    lengths, -inf where there is none; ``products`` (rows of the tile, lanes) is scratch.
    """
    n_rows, lanes = rows_of(tile), blocks.shape[2]
    rows = np.empty(n_rows, dtype=np.int64)
    best, where = np.empty((n_rows, lanes), dtype=np.float32), np.empty((n_rows, lanes), dtype=np.int32)
    nothing = np.empty(0, dtype=np.float32)
    for first in range(0, vectors.shape[0], n_rows):
        for t in range(n_rows):
            rows[t] = min(first + t, vectors.shape[0] - 1)
        best[:], where[:] = -np.inf, 0
        for block in range(blocks.shape[0]):
            write_products(tile, vectors, nothing, rows, rows, blocks[block], start[block], products, 0)
            for t in range(n_rows):
                for lane in range(lanes):
                    better = products[t, lane] > best[t, lane]
                    where[t, lane] = block if better else where[t, lane]
                    best[t, lane] = products[t, lane] if better else best[t, lane]
        for t in range(min(n_rows, vectors.shape[0] - first)):
            top, found = best[t, 0], where[t, 0] * lanes
            for lane in range(1, lanes):
                number = where[t, lane] * lanes + lane
                if best[t, lane] > top or (best[t, lane] == top and number < found):
                    top, found = best[t, lane], number
            out[first + t] = np.uint16(found)


@numba.njit(nogil=True, cache=True)
def to_residuals(
    vectors: Float32s, chosen: npt.NDArray[np.uint16], centroids: Float32s, widths: Float32s, bits: int, out: Bytes
) -> None:
    """How many ``widths`` each number lies from its centroid's, in 2**bits steps about 0; ``out`` begins as zeros."""
    most, per_byte = (1 << bits) - 1, out.shape[1]
    for row in range(vectors.shape[0]):
        for d in range(vectors.shape[1]):
            apart, code = vectors[row, d] - centroids[chosen[row], d], np.int64(0)
            if widths[d] > np.float32(0.0):
                steps = np.rint(np.float64(apart) / np.float64(widths[d]) + 0.5 * most)
                code = np.int64(min(max(steps, 0.0), np.float64(most)))
            out[row, d % per_byte] |= np.uint8(code << (bits * (d // per_byte)))


@numba.njit(nogil=True, cache=True, inline="always")
def unpack_codes(codes: Words, bits: int, first: int, n: int, out: Words) -> None:
    """Words of four codes each, a code a byte, of rows ``first`` to ``first + n``: 8 / ``bits`` times as many."""
    size = codes.shape[1]
    for i in range(n):
        if bits == 4:
            for w in range(size):
                word = codes[first + i, w]
                out[i, w] = word & np.uint32(0x0F0F0F0F)
                out[i, size + w] = (word >> np.uint32(4)) & np.uint32(0x0F0F0F0F)
        else:
            for w in range(size):
                word = codes[first + i, w]
                out[i, w] = word & np.uint32(0x03030303)
                out[i, size + w] = (word >> np.uint32(2)) & np.uint32(0x03030303)
                out[i, 2 * size + w] = (word >> np.uint32(4)) & np.uint32(0x03030303)
                out[i, 3 * size + w] = (word >> np.uint32(6)) & np.uint32(0x03030303)


@numba.njit(nogil=True, cache=True)
def decode_rows(
    storage: int,
    halves: Halves,
    codes: Bytes,
    words: Words,
    scales: Float32s,
    chosen: npt.NDArray[np.uint16],
    centroids: Float32s,
    widths: Float32s,
    bits: int,
    first: int,
    n: int,
    room: Words,
    room_codes: Bytes,
    out: Float32s,
) -> None:
    """Tokens ``first`` to ``first + n`` as rows of ``out``; arrays that ``storage`` does not use are empty.

    ``words`` are residual codes, ``room`` is scratch for those of one row and ``room_codes`` the same memory, one a
    byte.
    """
    dim = out.shape[1]
    if storage == FLOAT16:
        for i in range(n):
            for d in range(dim):
                out[i, d] = float_of_half(halves[first + i, d])
    elif storage == BFLOAT16:
        for i in range(n):
            for d in range(dim):
                out[i, d] = float_of_bits(np.uint32(halves[first + i, d]) << np.uint32(16))
    elif storage == INT8:
        for i in range(n):
            for d in range(dim):
                out[i, d] = np.float32(np.int32(codes[first + i, d]) - np.int32(ZERO)) * scales[first + i]
    else:
        middle = np.float32(0.5 * ((1 << bits) - 1))
        for i in range(n):
            unpack_codes(words, bits, first + i, 1, room)
            centre = chosen[first + i]
            for d in range(dim):
                out[i, d] = fma(np.float32(np.int32(room_codes[0, d])) - middle, widths[d], centroids[centre, d])


@numba.njit(nogil=True, cache=True)
def row_errors(vectors: Float32s, decoded: Float32s, cosines: Float64s, distances: Float64s) -> None:
    """Cosine of every row with what came back, and their distance by the row's length; NaN for a row of zeros."""
    for row in range(vectors.shape[0]):
        xx = yy = xy = apart = 0.0
        for d in range(vectors.shape[1]):
            x, y = np.float64(vectors[row, d]), np.float64(decoded[row, d])
            xx, yy, xy, apart = xx + x * x, yy + y * y, xy + x * y, apart + (x - y) * (x - y)
        cosines[row] = distances[row] = np.nan
        if xx > 0.0:
            cosines[row] = xy / np.sqrt(xx * yy) if yy > 0.0 else 0.0
            distances[row] = np.sqrt(apart / xx)
