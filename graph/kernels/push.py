"""Mass pushed along arcs: whole sweeps for the exact answer, small frontiers for a query.

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


@numba.njit(nogil=True, cache=True)
def sweep(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: npt.NDArray[np.float32],
    out_weight: npt.NDArray[np.float64],
    mass: npt.NDArray[np.float64],
    out: npt.NDArray[np.float64],
) -> float:
    """``out += mass @ P``; returns the mass of rows that pass nothing on. ``out_weight`` holds the sum of each row."""
    stuck = 0.0
    for node in range(mass.size):
        if mass[node] == 0.0:
            continue
        if out_weight[node] == 0.0:
            stuck += mass[node]
            continue
        share = mass[node] / out_weight[node]
        for arc in range(indptr[node], indptr[node + 1]):
            out[indices[arc]] += share * weights[arc] if weights.size else share
    return stuck


@numba.njit(nogil=True, cache=True)
def push(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: npt.NDArray[np.float32],
    damping: float,
    rmax: float,
    max_rounds: int,
    residual: npt.NDArray[np.float64],
    settled: npt.NDArray[np.float64],
    seen: npt.NDArray[np.bool_],
    touched: npt.NDArray[np.int32],
    n_touched: int,
    front: npt.NDArray[np.int32],
    following: npt.NDArray[np.int32],
    moving: npt.NDArray[np.float64],
) -> tuple[int, int]:
    """Push the mass of ``residual`` until no node holds more than ``rmax`` times its number of out-arcs.

    A round takes the whole mass of every node above its threshold, settles the teleport share of it there and adds
    the rest to the residual of its out-neighbours; a mass below its threshold stays where it is. The nodes that
    hold mass are ``touched[:n_touched]``, and ``seen``. Returns their new number and how many arcs were walked.
    ``front``, ``following`` and ``moving`` are scratch of n_nodes.
    """
    n_arcs = 0
    n_front = 0
    for i in range(n_touched):
        node = touched[i]
        if residual[node] > rmax * (indptr[node + 1] - indptr[node]):
            front[n_front] = node
            n_front += 1
    for _ in range(max_rounds):
        if n_front == 0:
            break
        for i in range(n_front):
            moving[i] = residual[front[i]]
            residual[front[i]] = 0.0
        n_next = 0
        for i in range(n_front):
            node = front[i]
            first, last = indptr[node], indptr[node + 1]
            settled[node] += (1.0 - damping) * moving[i]
            total = float(last - first)
            if weights.size:
                total = 0.0
                for arc in range(first, last):
                    total += weights[arc]
            if total == 0.0:
                continue
            share = damping * moving[i] / total
            for arc in range(first, last):
                target = indices[arc]
                if not seen[target]:
                    seen[target] = True
                    touched[n_touched] = target
                    n_touched += 1
                before = residual[target]
                after = before + (share * weights[arc] if weights.size else share)
                residual[target] = after
                threshold = rmax * (indptr[target + 1] - indptr[target])
                if before <= threshold and after > threshold:
                    following[n_next] = target
                    n_next += 1
            n_arcs += last - first
        front, following = following, front
        n_front = n_next
    return n_touched, n_arcs
