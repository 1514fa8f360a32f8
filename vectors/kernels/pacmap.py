"""Pairs of points that PaCMAP samples, and the forces between the points of pairs.

Layout   vectors float32 (n, dim); ``near``, ``out`` of pairs int32 (n, pairs of a point); points and ``out`` of forces
         float64 (n, 2); partners of a point in ``partners[starts[i]:starts[i + 1]]``. All C-contiguous.
Threads  single-threaded over rows [start, stop), one writer per row, added in the order of the partners: bytes do not
         depend on how rows are divided. Random numbers are hashes of the row and the number of the draw.
Limits   n >= 2; `draw_far` needs at least as many rows that are neither the row itself nor near it as it draws.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.splitmix import hash2

DRAWN = 6  # of which the second nearest is taken: section 5.1 of the paper


@numba.njit(nogil=True, cache=True)
def draw_mid_near(
    start: int, stop: int, vectors: npt.NDArray[np.float32], key: np.uint64, out: npt.NDArray[np.int32]
) -> None:
    """Each entry of ``out``: of six other rows drawn evenly, the second nearest."""
    n, dim = vectors.shape
    for row in range(start, stop):
        for pair in range(out.shape[1]):
            first, second = -1, -1
            least, next_least = np.inf, np.inf
            for draw in range(DRAWN):
                word = hash2(key, np.uint64((row * out.shape[1] + pair) * DRAWN + draw))
                other = (row + 1 + np.int64(word % np.uint64(n - 1))) % n
                apart = 0.0
                for d in range(dim):
                    step = np.float64(vectors[row, d]) - np.float64(vectors[other, d])
                    apart += step * step
                if apart < least:
                    first, second = other, first
                    least, next_least = apart, least
                elif apart < next_least:
                    second, next_least = other, apart
            out[row, pair] = second if second >= 0 else first


@numba.njit(nogil=True, cache=True)
def draw_far(start: int, stop: int, near: npt.NDArray[np.int32], key: np.uint64, out: npt.NDArray[np.int32]) -> None:
    """Each row of ``out``: different rows that are not near, drawn evenly; the next where one is taken."""
    n = near.shape[0]
    for row in range(start, stop):
        for pair in range(out.shape[1]):
            other = np.int64(hash2(key, np.uint64(row * out.shape[1] + pair)) % np.uint64(n))
            while other == row or _has(near[row], near.shape[1], other) or _has(out[row], pair, other):
                other = (other + 1) % n
            out[row, pair] = other


@numba.njit(nogil=True, cache=True, inline="always")
def _has(rows: npt.NDArray[np.int32], n: int, wanted: np.int64) -> bool:
    for at in range(n):  # noqa: SIM110  # a loop that numba compiles
        if rows[at] == wanted:
            return True
    return False


@numba.njit(nogil=True, cache=True)
def add_forces(
    start: int,
    stop: int,
    points: npt.NDArray[np.float64],
    starts: npt.NDArray[np.int64],
    partners: npt.NDArray[np.int32],
    strength: float,
    softness: float,
    out: npt.NDArray[np.float64],
) -> None:
    """``out[i] += strength * (y_i - y_j) / (softness + 1 + |y_i - y_j|²)²`` over the partners j of i."""
    for row in range(start, stop):
        x, y = points[row, 0], points[row, 1]
        right, up = 0.0, 0.0
        for at in range(starts[row], starts[row + 1]):
            other = partners[at]
            a, b = x - points[other, 0], y - points[other, 1]
            apart = softness + 1.0 + a * a + b * b
            force = strength / (apart * apart)
            right += force * a
            up += force * b
        out[row, 0] += right
        out[row, 1] += up
