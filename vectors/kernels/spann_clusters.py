"""One step of balanced k-means over some rows of a matrix, and rows hashed to find equal ones.

Layout   ``points`` C-contiguous float32 (n, width), width a multiple of 16; ``members`` are the rows meant.
Threads  single-threaded; sums run over members in their order, in float64.
Limits   nothing is checked.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from vectors.kernels.spann_blocks import LANES, squared_distance

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_S29, _S32 = np.uint64(29), np.uint64(32)
_MINUS_ZERO = np.uint32(0x80000000)


@numba.njit(nogil=True, cache=True)
def label_members(points: Float32s, members: Int64s, centres: Float32s, penalties: Float32s, labels: Int32s) -> float:
    """``labels[i]``: the centre of least squared distance plus penalty, the first of equals; returns the sum."""
    width = points.shape[1]
    flat, flat_centres = points.reshape(points.size), centres.reshape(centres.size)
    total = 0.0
    for i in range(members.size):
        best, best_cost, best_distance = 0, np.float32(np.inf), np.float32(0.0)
        for c in range(centres.shape[0]):
            distance = squared_distance(flat, members[i] * width, flat_centres, c * width, width // LANES)
            cost = distance + penalties[c]
            if cost < best_cost:
                best, best_cost, best_distance = c, cost, distance
        labels[i] = best
        total += np.float64(best_distance)
    return total


@numba.njit(nogil=True, cache=True)
def move_centres(points: Float32s, members: Int64s, labels: Int32s, centres: Float32s, counts: Int64s) -> None:
    """Every centre becomes the mean of its members; one without members stays."""
    sums = np.zeros(centres.shape, dtype=np.float64)
    counts[:] = 0
    for i in range(members.size):
        counts[labels[i]] += 1
        for d in range(points.shape[1]):
            sums[labels[i], d] += np.float64(points[members[i], d])
    for c in range(centres.shape[0]):
        if counts[c] > 0:
            for d in range(points.shape[1]):
                centres[c, d] = np.float32(sums[c, d] / np.float64(counts[c]))


@numba.njit(nogil=True, cache=True)
def nearest_member(points: Float32s, members: Int64s, centre: Float32s) -> int:
    """The member closest to ``centre``, the first of equals."""
    width = points.shape[1]
    flat = points.reshape(points.size)
    best, best_distance = members[0], np.float32(np.inf)
    for member in members:
        distance = squared_distance(flat, member * width, centre, 0, width // LANES)
        if distance < best_distance:
            best, best_distance = member, distance
    return int(best)


@numba.njit(nogil=True, cache=True)
def hash_rows(bits: npt.NDArray[np.uint32], out: npt.NDArray[np.uint64]) -> None:
    """64-bit hashes of float32 rows read as uint32; equal rows have equal ones, and -0.0 equals 0.0."""
    for row in range(bits.shape[0]):
        word = np.uint64(bits.shape[1])
        for d in range(bits.shape[1]):
            value = bits[row, d]
            if value == _MINUS_ZERO:
                value = np.uint32(0)
            word = (word ^ np.uint64(value)) * _PRIME
            word ^= word >> _S32
        out[row] = (word ^ (word >> _S29)) * _PRIME
