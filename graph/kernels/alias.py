"""Alias tables of the arcs of every row, for drawing one in proportion to its weight in one look-up.

An arc is drawn evenly, then kept with the chance in the upper half of its word, else exchanged for the arc as many
places further as the lower half says. Source: Walker 1977; Vose, IEEE Trans. Softw. Eng. 1991.

Layout   one uint64 for each arc: ``chance * 2**32`` in the upper half, an int32 distance in the lower.
Threads  single-threaded over rows; a row's words depend on its weights alone.
Limits   a row has less than 2**31 arcs; chances are rounded to 2**-32. A row whose weights are all 0 is `NO_WAY`.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

NO_WAY = np.uint64(0x80000000)  # distance -2**31, never kept: the row cannot be left
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_FULL = 2.0**32


@numba.njit(nogil=True, cache=True)
def _word(chance: float, distance: int) -> np.uint64:
    kept = np.uint64(min(chance * _FULL, _FULL - 1.0))
    return (kept << _HALF) | (np.uint64(np.int64(distance)) & _LOW)


@numba.njit(nogil=True, cache=True)
def build_aliases(
    indptr: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float32],
    start: int,
    stop: int,
    share: npt.NDArray[np.float64],
    order: npt.NDArray[np.int64],
    out: npt.NDArray[np.uint64],
) -> None:
    """Fill ``out`` for the rows ``[start, stop)``; ``share`` and ``order`` hold at least the longest of them.

    ``order`` is two stacks that grow towards each other: arcs with less than the mean weight, and the others.
    """
    for row in range(start, stop):
        first, size = indptr[row], indptr[row + 1] - indptr[row]
        total, heaviest = 0.0, 0
        for arc in range(size):
            total += weights[first + arc]
            if weights[first + arc] > weights[first + heaviest]:
                heaviest = arc
        if total == 0.0:
            out[first : first + size] = NO_WAY
            continue
        n_light, n_heavy = 0, 0
        for arc in range(size):
            share[arc] = weights[first + arc] / total * size
            if share[arc] < 1.0:
                order[n_light] = arc
                n_light += 1
            else:
                n_heavy += 1
                order[size - n_heavy] = arc
        while n_light > 0 and n_heavy > 0:
            n_light -= 1
            light, heavy = order[n_light], order[size - n_heavy]
            out[first + light] = _word(share[light], heavy - light)
            share[heavy] -= 1.0 - share[light]
            if share[heavy] < 1.0:
                n_heavy -= 1
                order[n_light] = heavy
                n_light += 1
        for i in range(n_heavy):
            out[first + order[size - 1 - i]] = _word(1.0, 0)
        # What rounding leaves over lacks next to nothing, or weighs nothing: the heaviest arc stands in for it.
        for i in range(n_light):
            out[first + order[i]] = _word(share[order[i]], heaviest - order[i])
