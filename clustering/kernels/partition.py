"""What a partition does to links: inner weight, cut weight, connected pieces, agreement of several partitions.

Layout   CSR rows of a symmetric matrix: ``indptr`` int64, ``indices`` int32, ``weights`` float64; ``labels`` int32 in
         [0, n_communities).
Threads  single-threaded; sums run in the order of rows and arcs.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def inner_weights(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int32],
    inner: npt.NDArray[np.float64],
) -> None:
    """Add to ``inner[c]`` the arcs whose both ends have label c, those of the diagonal twice."""
    for node in range(labels.size):
        for arc in range(indptr[node], indptr[node + 1]):
            if labels[indices[arc]] == labels[node]:
                inner[labels[node]] += weights[arc] if indices[arc] != node else 2.0 * weights[arc]


@numba.njit(nogil=True, cache=True)
def split_pieces(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    labels: npt.NDArray[np.int32],
    pieces: npt.NDArray[np.int32],
) -> int:
    """``pieces`` become the connected pieces of every label, numbered by their first node; returns how many."""
    n = labels.size
    stack = np.empty(n, dtype=np.int32)
    pieces[:] = -1
    n_pieces = 0
    for start in range(n):
        if pieces[start] >= 0:
            continue
        pieces[start] = n_pieces
        stack[0], n_stacked = start, 1
        while n_stacked > 0:
            n_stacked -= 1
            node = stack[n_stacked]
            for arc in range(indptr[node], indptr[node + 1]):
                other = indices[arc]
                if pieces[other] < 0 and labels[other] == labels[node]:
                    pieces[other] = n_pieces
                    stack[n_stacked] = other
                    n_stacked += 1
        n_pieces += 1
    return n_pieces


@numba.njit(nogil=True, cache=True)
def count_agreement(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    runs: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int32],
) -> None:
    """``counts[arc]`` becomes in how many partitions, the columns of ``runs``, its ends are together."""
    for node in range(indptr.size - 1):
        for arc in range(indptr[node], indptr[node + 1]):
            together = 0
            for run in range(runs.shape[1]):
                together += int(runs[node, run] == runs[indices[arc], run])
            counts[arc] = together


@numba.njit(nogil=True, cache=True)
def best_partners(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int32],
    least: float,
    best: npt.NDArray[np.int32],
) -> None:
    """Of a node none of whose counts reaches ``least``, the neighbour of its largest, the first of equal ones.

    -1 where a count does, or where all are 0; a self-loop is no partner.
    """
    for node in range(indptr.size - 1):
        best[node], largest = -1, 0
        for arc in range(indptr[node], indptr[node + 1]):
            if indices[arc] == node:
                continue
            if counts[arc] >= least:
                best[node] = -1
                break
            if counts[arc] > largest:
                best[node], largest = indices[arc], counts[arc]
