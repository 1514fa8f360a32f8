"""Walks over a binary tree given by its merges.

Layout   ``merged`` int64 (n - 1, 2): merge i makes cluster n + i of two earlier ones; clusters below n are leaves.
Threads  single-threaded.
Limits   none beside memory.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


@numba.njit(nogil=True, cache=True)
def link_parents(merged: Int64s, parents: Int64s) -> None:
    """``parents`` (2 n - 1,): the cluster that holds each, -1 for the root."""
    n = merged.shape[0] + 1
    parents[:] = -1
    for i in range(n - 1):
        parents[merged[i, 0]] = n + i
        parents[merged[i, 1]] = n + i


@numba.njit(nogil=True, cache=True)
def add_up(merged: Int64s, counts: Int64s) -> None:
    """``counts`` (2 n - 1,): of the leaves as given, of the others the sums over what they merge."""
    n = merged.shape[0] + 1
    for i in range(n - 1):
        counts[n + i] = counts[merged[i, 0]] + counts[merged[i, 1]]


@numba.njit(nogil=True, cache=True)
def label_below(merged: Int64s, n_merges: int, labels: Int32s) -> None:
    """``labels`` (n,): which cluster each leaf is in after ``n_merges`` merges, numbered as leaves meet them."""
    n = labels.size
    top = np.arange(n + n_merges)
    for i in range(n_merges - 1, -1, -1):
        top[merged[i, 0]] = top[n + i]
        top[merged[i, 1]] = top[n + i]
    number = np.full(n + n_merges, -1, dtype=np.int32)
    n_labels = 0
    for leaf in range(n):
        cluster = top[leaf]
        if number[cluster] < 0:
            number[cluster] = n_labels
            n_labels += 1
        labels[leaf] = number[cluster]
