"""The best k of many scores, best first, ties by node.

Layout   ``best_nodes``/``best_scores`` (k,) hold a heap with the worst on top while they fill, the ranking at the end.
Threads  single-threaded; the result is a function of the set of candidates, not of their order.
Limits   scores are compared as float32, the precision they are returned in.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def _sift_down(nodes: npt.NDArray[np.int64], scores: npt.NDArray[np.float32], size: int) -> None:
    """Move the top of the heap ``[0, size)`` down to its place."""
    parent = 0
    node, score = nodes[0], scores[0]
    while True:
        child = 2 * parent + 1
        if child >= size:
            break
        other = child + 1
        if other < size and (
            scores[other] < scores[child] or (scores[other] == scores[child] and nodes[other] > nodes[child])
        ):
            child = other
        if scores[child] > score or (scores[child] == score and nodes[child] < node):
            break
        nodes[parent], scores[parent] = nodes[child], scores[child]
        parent = child
    nodes[parent], scores[parent] = node, score


@numba.njit(nogil=True, cache=True)
def top_k(
    candidates: npt.NDArray[Any],
    mass: npt.NDArray[np.float64],
    total: float,
    best_nodes: npt.NDArray[np.int64],
    best_scores: npt.NDArray[np.float32],
) -> None:
    """Rank the distinct ``candidates`` by ``mass / total``; what is left of the k places is node -1 with score 0."""
    k = best_nodes.size
    best_nodes[:] = -1
    best_scores[:] = 0.0
    for i in range(candidates.size):
        node = np.int64(candidates[i])
        score = np.float32(mass[node] / total)
        if score > best_scores[0] or (score == best_scores[0] and score > 0.0 and node < best_nodes[0]):
            best_nodes[0], best_scores[0] = node, score
            _sift_down(best_nodes, best_scores, k)
    for size in range(k - 1, 0, -1):
        best_nodes[0], best_nodes[size] = best_nodes[size], best_nodes[0]
        best_scores[0], best_scores[size] = best_scores[size], best_scores[0]
        _sift_down(best_nodes, best_scores, size)
