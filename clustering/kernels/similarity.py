"""Similarity graphs: pairs to symmetric rows, scores of links, components by stars.

Layout   ``signatures`` uint32 (n_nodes, num_perm); pairs by the first node, then by the second, first < second; rows as
         CSR: ``indptr`` int64, ``indices`` int32, ``weights`` float32.
Threads  `score_links` writes the arcs of rows [start, stop) only; the others are single-threaded.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from clustering.kernels.search import count_equal, jaccard


@numba.njit(nogil=True, cache=True)
def mirror_pairs(
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    similarity: npt.NDArray[np.float32],
    at: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
) -> None:
    """Write every pair into both its rows, where ``at`` says each row begins.

    In the order of the pairs a row first receives its smaller neighbours, ascending, then its larger ones: sorted.
    """
    for pair in range(left.size):
        u, v = left[pair], right[pair]
        indices[at[u]], weights[at[u]] = v, similarity[pair]
        indices[at[v]], weights[at[v]] = u, similarity[pair]
        at[u] += 1
        at[v] += 1


@numba.njit(nogil=True, cache=True)
def score_links(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    signatures: npt.NDArray[np.uint32],
    empty: npt.NDArray[np.bool_],
    set_indptr: npt.NDArray[np.int64],
    set_indices: npt.NDArray[Any],
    start: int,
    stop: int,
    weights: npt.NDArray[np.float32],
) -> None:
    """``weights[arc]`` becomes the similarity of its ends; exact where ``set_indptr`` has elements."""
    for node in range(start, stop):
        for arc in range(indptr[node], indptr[node + 1]):
            other = indices[arc]
            if empty[node] or empty[other]:
                weights[arc] = 0.0
            elif set_indptr.size > 0:
                first, last = set_indptr[node], set_indptr[node + 1]
                weights[arc] = jaccard(set_indices, first, last, set_indices, set_indptr[other], set_indptr[other + 1])
            else:
                weights[arc] = count_equal(signatures[node], signatures[other]) / signatures.shape[1]


@numba.njit(nogil=True, cache=True)
def _root(parents: npt.NDArray[np.int32], node: int) -> int:
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@numba.njit(nogil=True, cache=True)
def join_stars(
    keys: npt.NDArray[np.uint32],
    nodes: npt.NDArray[np.int32],
    signatures: npt.NDArray[np.uint32],
    threshold: float,
    parents: npt.NDArray[np.int32],
) -> None:
    """Join every member of a bucket of one band to its first member, if they are similar enough; roots are smallest."""
    centre = 0
    for i in range(1, keys.size):
        if keys[i] != keys[centre]:
            centre = i
            continue
        a, b = _root(parents, nodes[centre]), _root(parents, nodes[i])
        if a == b:
            continue
        if threshold > 0.0:
            equal = count_equal(signatures[nodes[centre]], signatures[nodes[i]])
            if equal < threshold * signatures.shape[1]:
                continue
        parents[max(a, b)] = min(a, b)


@numba.njit(nogil=True, cache=True)
def roots(parents: npt.NDArray[np.int32]) -> None:
    """Let every node point to its root."""
    for node in range(parents.size):
        parents[node] = _root(parents, node)
