"""Queries answered one after another: push, then fingerprints in place of what was not pushed, then the best k.

Layout   graph and fingerprints are CSR rows of the same nodes; query q starts from ``seed_nodes``/``seed_shares``
         ``[seed_indptr[q], seed_indptr[q + 1])``, distinct nodes. Row q of every output belongs to query q.
Threads  single-threaded over queries; a query leaves the scratch as it found it, so its bytes do not depend on others.
Limits   node rows fit int32; float64 mass, float32 scores.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from graph.kernels.push import push
from graph.kernels.topk import top_k


@numba.njit(nogil=True, cache=True)
def add_fingerprints(
    indptr: npt.NDArray[np.int64],
    print_indptr: npt.NDArray[np.int64],
    print_nodes: npt.NDArray[np.int32],
    print_counts: npt.NDArray[Any],
    print_lost: npt.NDArray[np.float32],
    damping: float,
    walks: npt.NDArray[np.int32],
    residual: npt.NDArray[np.float64],
    mass: npt.NDArray[np.float64],
    seen: npt.NDArray[np.bool_],
    touched: npt.NDArray[np.int32],
    n_touched: int,
    tally: npt.NDArray[np.float64],
) -> int:
    """``mass += Σ residual[v] · fingerprint of v``; returns the new number of touched nodes.

    ``tally`` becomes: mass that is certain, residual, the part of it that walks on, mass placed by the fingerprints,
    mass cut from them. Certain is what was settled, and the share of the residual that ends where it lies.
    """
    teleport = 1.0 - damping
    certain, left, open_, guessed, cut = 0.0, 0.0, 0.0, 0.0, 0.0
    n_held = n_touched
    for i in range(n_held):
        certain += mass[touched[i]]
    for i in range(n_held):
        node = touched[i]
        held = residual[node]
        if held == 0.0:
            continue
        left += held
        mass[node] += teleport * held
        certain += teleport * held
        if indptr[node] == indptr[node + 1]:
            continue
        open_ += damping * held
        cut += held * print_lost[node]
        scale = teleport * held / walks[node]
        visits = 0
        for entry in range(print_indptr[node], print_indptr[node + 1]):
            target = print_nodes[entry]
            before = mass[target]
            if before == 0.0 and not seen[target]:
                seen[target] = True
                touched[n_touched] = target
                n_touched += 1
            mass[target] = before + scale * print_counts[entry]
            visits += int(print_counts[entry])
        guessed += scale * visits
    tally[0], tally[1], tally[2], tally[3], tally[4] = certain, left, open_, guessed, cut
    return n_touched


@numba.njit(nogil=True, cache=True)
def answer(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: npt.NDArray[np.float32],
    print_indptr: npt.NDArray[np.int64],
    print_nodes: npt.NDArray[np.int32],
    print_counts: npt.NDArray[Any],
    print_lost: npt.NDArray[np.float32],
    damping: float,
    walks: npt.NDArray[np.int32],
    rmax: float,
    max_rounds: int,
    seed_indptr: npt.NDArray[np.int64],
    seed_nodes: npt.NDArray[np.int64],
    seed_shares: npt.NDArray[np.float64],
    start: int,
    stop: int,
    residual: npt.NDArray[np.float64],
    mass: npt.NDArray[np.float64],
    moving: npt.NDArray[np.float64],
    seen: npt.NDArray[np.bool_],
    touched: npt.NDArray[np.int32],
    front: npt.NDArray[np.int32],
    following: npt.NDArray[np.int32],
    best_nodes: npt.NDArray[np.int64],
    best_scores: npt.NDArray[np.float32],
    tally: npt.NDArray[np.float64],
) -> None:
    """Answer queries ``[start, stop)``; the scratch arrays (n_nodes) are zero on entry and on return."""
    for query in range(start, stop):
        first, n_seeds = seed_indptr[query], seed_indptr[query + 1] - seed_indptr[query]
        for i in range(n_seeds):
            node = seed_nodes[first + i]
            residual[node] = seed_shares[first + i]
            seen[node] = True
            touched[i] = node
        n_pushed, _ = push(
            indptr, indices, weights, damping, rmax, max_rounds,
            residual, mass, seen, touched, n_seeds, front, following, moving,
        )  # fmt: skip
        n_touched = add_fingerprints(
            indptr, print_indptr, print_nodes, print_counts, print_lost, damping, walks,
            residual, mass, seen, touched, n_pushed, tally[query],
        )  # fmt: skip
        total = tally[query, 0] + tally[query, 3] + tally[query, 4]
        k = min(best_nodes.shape[1], n_touched)
        top_k(touched[:n_touched], mass, total, best_nodes[query, :k], best_scores[query, :k])
        for i in range(n_touched):
            node = touched[i]
            residual[node] = 0.0
            mass[node] = 0.0
            seen[node] = False
