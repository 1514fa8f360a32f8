"""Squared Euclidean distances of every candidate and every object, summed in one order whoever asks.

Layout   candidates are rows, C-contiguous float32 (n_candidates, dim); objects are columns, C-contiguous float32
         (dim, n), so that the inner loop runs over objects; ``out`` is float32 (n_candidates, n).
Threads  a range of candidates per call, one writer per row.
Limits   float32 sums of squared differences, four dimensions at a time: no cancellation, near pairs stay exact. An
         entry depends on its two vectors alone, not on blocks.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

_BLOCK = 1024  # objects at a time: 4 kB of sums, and 4 kB a dimension of what every candidate reads

Float32s = npt.NDArray[np.float32]


@numba.njit(nogil=True, cache=True)
def squared_distances(candidates: Float32s, objects: Float32s, out: Float32s) -> None:
    """``out[i, j] = |candidates[i] - objects[:, j]|²``."""
    n_candidates, dim = candidates.shape
    n = objects.shape[1]
    whole = dim - dim % 4
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        for i in range(n_candidates):
            sums = out[i, start:stop]
            sums[:] = np.float32(0)
            for d in range(0, whole, 4):
                x0, x1, x2, x3 = candidates[i, d], candidates[i, d + 1], candidates[i, d + 2], candidates[i, d + 3]
                y0, y1 = objects[d, start:stop], objects[d + 1, start:stop]
                y2, y3 = objects[d + 2, start:stop], objects[d + 3, start:stop]
                for j in range(sums.size):
                    e0, e1, e2, e3 = y0[j] - x0, y1[j] - x1, y2[j] - x2, y3[j] - x3
                    sums[j] = sums[j] + ((e0 * e0 + e1 * e1) + (e2 * e2 + e3 * e3))
            for d in range(whole, dim):
                x, y = candidates[i, d], objects[d, start:stop]
                for j in range(sums.size):
                    e = y[j] - x
                    sums[j] = sums[j] + e * e
