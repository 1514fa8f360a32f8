"""Nodes to the neighbouring community that raises modularity most, until none can be raised.

Layout   CSR rows of a symmetric matrix: ``indptr`` int64, ``indices`` int32, ``weights`` float64, positive; entries of
         the diagonal are passed over. ``degree`` float64 is the sum of a node's weights, a self-loop's twice.
         ``labels`` int32 in [0, n_nodes); ``order`` int32 is a permutation of the nodes.
Threads  single-threaded: the outcome is decided by ``order``.
Limits   gains below `_TOLERANCE` of a node's degree are taken for rounding: every move counts, so that moves end.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

_TOLERANCE = 1e-10


@numba.njit(nogil=True, cache=True)
def move_nodes(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float64],
    degree: npt.NDArray[np.float64],
    share: float,
    order: npt.NDArray[np.int32],
    labels: npt.NDArray[np.int32],
) -> int:
    """Change ``labels`` until no single move raises modularity; returns how many moves were made.

    A node gains w(node, community) - ``share`` * degree * (degree of the community) by being in a community, and 0 by
    being alone. Nodes are asked in ``order``; after a move its neighbours elsewhere are asked again.
    """
    n = degree.size
    total, n_members = np.zeros(n), np.zeros(n, dtype=np.int32)
    for node in range(n):
        total[labels[node]] += degree[node]
        n_members[labels[node]] += 1
    empty, n_empty = np.empty(n, dtype=np.int32), 0
    for label in range(n - 1, -1, -1):
        if n_members[label] == 0:
            empty[n_empty] = label
            n_empty += 1
    linked, near = np.full(n, -1.0), np.empty(n, dtype=np.int32)  # -1: not met
    queue, is_waiting = order.copy(), np.ones(n, dtype=np.bool_)
    first, n_waiting, n_moves = 0, n, 0
    while n_waiting > 0:
        node = queue[first]
        first = first + 1 if first + 1 < n else 0
        n_waiting -= 1
        is_waiting[node] = False
        own, degree_here = labels[node], degree[node]
        linked[own] = 0.0
        n_near = 0
        for arc in range(indptr[node], indptr[node + 1]):
            if indices[arc] == node:
                continue
            label = labels[indices[arc]]
            if linked[label] < 0.0:
                linked[label] = 0.0
                near[n_near] = label
                n_near += 1
            linked[label] += weights[arc]
        pull, least = share * degree_here, _TOLERANCE * degree_here
        best, best_gain = own, linked[own] - pull * (total[own] - degree_here) + least
        linked[own] = -1.0
        for i in range(n_near):
            label = near[i]
            if label != own and linked[label] - pull * total[label] > best_gain:
                best, best_gain = label, linked[label] - pull * total[label]
            linked[label] = -1.0
        if best_gain < 0.0 and n_members[own] > 1:
            n_empty -= 1
            best = empty[n_empty]
        if best == own:
            continue
        n_moves += 1
        labels[node] = best
        total[own] -= degree_here
        total[best] += degree_here
        n_members[best] += 1
        n_members[own] -= 1
        if n_members[own] == 0:
            total[own] = 0.0
            empty[n_empty] = own
            n_empty += 1
        for arc in range(indptr[node], indptr[node + 1]):
            other = indices[arc]
            if not is_waiting[other] and labels[other] != best:
                is_waiting[other] = True
                last = first + n_waiting
                queue[last if last < n else last - n] = other
                n_waiting += 1
    return n_moves


@numba.njit(nogil=True, cache=True)
def refine(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float64],
    degree: npt.NDArray[np.float64],
    share: float,
    order: npt.NDArray[np.int32],
    labels: npt.NDArray[np.int32],
    refined: npt.NDArray[np.int32],
) -> None:
    """``refined`` becomes communities inside those of ``labels``, each of them connected.

    Every node starts alone. In ``order``, one that is still alone and well connected to the rest of its community of
    ``labels`` joins the well connected part of it that gains most. Well connected: linked to the rest at least as
    random links would be.
    """
    n = degree.size
    total, part_total, cut = np.zeros(n), degree.copy(), np.zeros(n)
    is_alone = np.ones(n, dtype=np.bool_)
    for node in range(n):
        refined[node] = node
        total[labels[node]] += degree[node]
        for arc in range(indptr[node], indptr[node + 1]):
            other = indices[arc]
            if other != node and labels[other] == labels[node]:
                cut[node] += weights[arc]
    linked, near = np.full(n, -1.0), np.empty(n, dtype=np.int32)
    for i in range(n):
        node = order[i]
        label, degree_here = labels[node], degree[node]
        if not is_alone[node] or cut[node] < share * degree_here * (total[label] - degree_here):
            continue
        n_near = 0
        for arc in range(indptr[node], indptr[node + 1]):
            other = indices[arc]
            if other == node or labels[other] != label:
                continue
            part = refined[other]
            if linked[part] < 0.0:
                linked[part] = 0.0
                near[n_near] = part
                n_near += 1
            linked[part] += weights[arc]
        best, best_gain, best_linked = node, _TOLERANCE * degree_here, 0.0
        for j in range(n_near):
            part = near[j]
            gain = linked[part] - share * degree_here * part_total[part]
            if gain > best_gain and cut[part] >= share * part_total[part] * (total[label] - part_total[part]):
                best, best_gain, best_linked = part, gain, linked[part]
            linked[part] = -1.0
        if best != node:
            refined[node] = best
            is_alone[best] = False
            part_total[best] += degree_here
            cut[best] += cut[node] - 2.0 * best_linked
