"""Rankings of hubs as far as push knows them, cut to their largest entries.

Layout   rows and scratch as in `graph.kernels.answer`; here nothing waits at hubs. Hubs ``[start, stop)`` of ``which``
         are appended to ``nodes``/``values``, largest score first, ties by the caller's row. Entries are what is
         settled and the share of the residual that ends where it lies: never more than the exact score.
Threads  single-threaded; each hub is made alone, so its bytes do not depend on the range.
Limits   node rows fit int32; entries are float32, rounded down.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from graph.kernels.answer import Arcs, Places, Scratch
from graph.kernels.push import push
from graph.kernels.selection import key_of, select, tie_of, value_of

_UNLIMITED = 2**62
_DOWN = 1.0 - 2.0**-23  # a float32 made of a float64 times this is not above it
_ROUNDING = 1e-12  # of sums of float64


@numba.njit(nogil=True, cache=True)
def hub_lists(
    arcs: Arcs,
    places: Places,
    which: npt.NDArray[np.int32],
    damping: float,
    rmax: float,
    max_entries: npt.NDArray[np.int32],
    start: int,
    stop: int,
    scratch: Scratch,
    indptr: npt.NDArray[np.int64],
    nodes: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
    mass: npt.NDArray[np.float64],
    error: npt.NDArray[np.float64],
) -> None:
    """Fill ``indptr`` (continued from its first element), ``nodes``, ``values``, and by hub ``mass`` and ``error``.

    ``max_entries`` int32 says for each of ``which`` how long its list may be.
    ``mass`` is the sum of all scores known before the list was cut. ``error`` limits how far they are from the exact
    ranking when the mass that walks on is spread by the stationary distribution; infinite where there is none.
    """
    state, keys, seen, touched = scratch.state, scratch.keys, scratch.seen, scratch.touched
    order, place = places.order, places.place
    filled = 0
    for i in range(start, stop):
        hub = which[i]
        state[2 * np.int64(hub)] = 1.0
        seen[hub] = True
        touched[0] = hub
        n_touched, _ = push(
            arcs.indptr, arcs.indices, arcs.weights, arcs.out_weight, arcs.limits, damping, rmax, _UNLIMITED,
            state, seen, touched, 1, scratch.front, scratch.following, scratch.moving,
        )  # fmt: skip
        mass[i - start], error[i - start] = _settle(places, damping, scratch, n_touched)
        n_keys = 0
        for j in range(n_touched):
            node = np.int64(touched[j])
            score = np.float32(state[2 * node + 1] * _DOWN)
            if score > 0.0:
                keys[n_keys] = key_of(score, order[node])
                n_keys += 1
            state[2 * node] = 0.0
            state[2 * node + 1] = 0.0
            seen[node] = False
        n_best = select(keys[:n_keys], max_entries[i], scratch.histogram)
        for j in range(n_best):
            nodes[filled + j] = place[tie_of(keys[j])]
            values[filled + j] = value_of(keys[j])
        filled += n_best
        indptr[i - start + 1] = indptr[0] + filled


@numba.njit(nogil=True, cache=True)
def _settle(places: Places, damping: float, scratch: Scratch, n_touched: int) -> tuple[float, float]:
    """Settle what of the residual ends where it lies; returns the mass settled in all, and the error that is left."""
    state, touched, stationary = scratch.state, scratch.touched, places.stationary
    settled, rest = 0.0, 0.0
    for j in range(n_touched):
        node = np.int64(touched[j])
        rest += state[2 * node]
        state[2 * node + 1] += (1.0 - damping) * state[2 * node]
        settled += state[2 * node + 1]
    if not stationary.size:
        return settled, np.inf
    unevenness = rest
    for j in range(n_touched):
        node = np.int64(touched[j])
        share = rest * stationary[node]
        unevenness += abs(state[2 * node] - share) - share
    return settled, damping * unevenness + _ROUNDING
