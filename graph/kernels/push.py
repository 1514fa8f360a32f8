"""Mass pushed along arcs, a small frontier at a time.

Layout   CSR rows; ``weights`` is empty when every arc weighs 1. Mass moves along an arc in proportion to its
         weight; a row whose weights sum to 0 passes nothing on.
Threads  single-threaded; the order of additions depends on the graph and the masses alone.
Limits   node rows fit int32; float64 mass.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.simd import prefetch_element

_AHEAD = 16  # arcs


@numba.njit(nogil=True, cache=True)
def push(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: npt.NDArray[np.float32],
    out_weight: npt.NDArray[np.float64],
    limits: npt.NDArray[np.float32],
    damping: float,
    rmax: float,
    max_rounds: int,
    state: npt.NDArray[np.float64],
    seen: npt.NDArray[np.bool_],
    touched: npt.NDArray[np.int32],
    n_touched: int,
    front: npt.NDArray[np.int32],
    following: npt.NDArray[np.int32],
    moving: npt.NDArray[np.float64],
) -> tuple[int, int]:
    """Push residual mass until no node holds more than ``rmax`` times its limit.

    ``state`` (2 n_nodes,) holds residual and settled mass side by side, since both are looked at together. A push
    settles the teleport share of a node's residual there and adds the rest to the residual of its out-neighbours; a
    mass within its limit, infinite for a node where mass shall wait, stays where it is. The nodes that hold mass are
    ``touched[:n_touched]``, and ``seen``. Returns their new number and how many arcs were walked. ``front`` and
    ``following`` are scratch of n_nodes; so is ``moving``, or it is empty: then a node also passes on what it got in
    the same round, which walks fewer arcs but has no rounds to count. ``out_weight`` is the sum of each row, empty
    without ``weights``.
    """
    n_arcs = 0
    n_front = 0
    for i in range(n_touched):
        node = np.int64(touched[i])
        if state[2 * node] > rmax * limits[node]:
            front[n_front] = node
            n_front += 1
    for _ in range(max_rounds):
        if n_front == 0:
            break
        if moving.size:
            for i in range(n_front):
                node = np.int64(front[i])
                moving[i] = state[2 * node]
                state[2 * node] = 0.0
        n_next = 0
        for i in range(n_front):
            node = np.int64(front[i])
            first, last = indptr[node], indptr[node + 1]
            if moving.size:
                held = moving[i]
            else:
                held = state[2 * node]
                state[2 * node] = 0.0
            state[2 * node + 1] += (1.0 - damping) * held
            total = out_weight[node] if weights.size else float(last - first)
            if total == 0.0:
                continue
            share = damping * held / total
            for arc in range(first, last):
                target = np.int64(indices[arc])
                prefetch_element(state, 2 * np.int64(indices[min(arc + _AHEAD, last - 1)]))
                before = state[2 * target]
                if before == 0.0 and not seen[target]:
                    seen[target] = True
                    touched[n_touched] = target
                    n_touched += 1
                after = before + (share * weights[arc] if weights.size else share)
                state[2 * target] = after
                threshold = rmax * limits[target]
                if before <= threshold and after > threshold:
                    following[n_next] = target
                    n_next += 1
            n_arcs += last - first
        front, following = following, front
        n_front = n_next
    return n_touched, n_arcs
