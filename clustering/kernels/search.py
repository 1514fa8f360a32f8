"""Candidates of many queries, scored: the best of each, or all that are similar enough.

Layout   bucket tables as in `clustering.kernels.banding`; ``signatures`` uint32 (n_nodes, num_perm); ``packed`` uint64
         (n_nodes, n_words), b-bit rows of the same nodes; exact sets are CSR rows, elements ascending and each once,
         of types that compare as integers.
Threads  a range of queries or nodes per call, writing only its ``out``: bytes do not depend on ranges.
Limits   a query without elements meets nobody. Ties are ordered by node.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from clustering.kernels.banding import find_buckets, meet, table_size
from clustering.kernels.packing import count_unequal
from clustering.kernels.sketching import EMPTY
from foundation.kernels.simd import prefetch_element

_S32 = np.uint64(32)
_SOON, _FAR = 4, 16  # candidates between asking for a row and comparing it, whole ones and packed ones
_PER_LINE = 16
_SMALL = 8  # a set so many times smaller is looked up in the larger one


@numba.njit(nogil=True, cache=True)
def count_equal(left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]) -> int:
    """Slots in which two signatures agree."""
    equal = np.int32(0)
    for slot in range(left.size):
        equal += np.int32(left[slot] == right[slot])
    return int(equal)


@numba.njit(nogil=True, cache=True)
def _count_common(small: npt.NDArray[Any], first: int, last: int, large: npt.NDArray[Any], other: int, end: int) -> int:
    common = 0
    if (last - first) * _SMALL < end - other:
        for i in range(first, last):
            low, high = other, end
            while low < high:
                middle = (low + high) >> 1
                if large[middle] < small[i]:
                    low = middle + 1
                else:
                    high = middle
            other = low
            common += int(low < end and large[low] == small[i])
        return common
    while first < last and other < end:
        a, b = small[first], large[other]
        common += int(a == b)
        first += int(a <= b)
        other += int(b <= a)
    return common


@numba.njit(nogil=True, cache=True)
def count_common(left: npt.NDArray[Any], first: int, last: int, right: npt.NDArray[Any], other: int, end: int) -> int:
    """Elements that the ascending ``left[first:last]`` and ``right[other:end]`` share."""
    if last - first > end - other:
        return _count_common(right, other, end, left, first, last)
    return _count_common(left, first, last, right, other, end)


@numba.njit(nogil=True, cache=True)
def jaccard(left: npt.NDArray[Any], first: int, last: int, right: npt.NDArray[Any], other: int, end: int) -> float:
    """Exact similarity of two ascending runs, 0 when both are empty."""
    common = count_common(left, first, last, right, other, end)
    union = (last - first) + (end - other) - common
    return common / union if union > 0 else 0.0


@numba.njit(nogil=True, cache=True)
def _insert(scores: Any, nodes: Any, n: int, k: int, score: Any, node: int) -> int:
    """Put a node in its place among the ``n`` best so far, of at most ``k``; return how many there are now."""
    if n == k and (scores[n - 1] > score or (scores[n - 1] == score and nodes[n - 1] < node)):
        return n
    at = n if n < k else k - 1
    while at > 0 and (scores[at - 1] < score or (scores[at - 1] == score and nodes[at - 1] > node)):
        scores[at], nodes[at] = scores[at - 1], nodes[at - 1]
        at -= 1
    scores[at], nodes[at] = score, node
    return min(n + 1, k)


@numba.njit(nogil=True, cache=True)
def _keep_nearest(
    query: npt.NDArray[np.uint64],
    packed: npt.NDArray[np.uint64],
    bits: int,
    nodes: npt.NDArray[np.int64],
    n: int,
    n_kept: int,
    unequal: npt.NDArray[np.int32],
    n_of: npt.NDArray[np.int64],
) -> int:
    """Move the ``n_kept`` of the first ``n`` nodes that differ least in their b-bit rows to the front, in their order.

    Distances are small integers: they are counted instead of sorted. Of the last distance kept, the first come first.
    """
    n_of[:] = 0
    for i in range(n):
        if i + _FAR < n:
            prefetch_element(packed, nodes[i + _FAR] * packed.shape[1])
        unequal[i] = count_unequal(query, packed[nodes[i]], bits)
        n_of[unequal[i]] += 1
    last = n_within = 0
    while n_within + n_of[last] < n_kept:
        n_within += n_of[last]
        last += 1
    n_last, n_out = n_kept - n_within, 0
    for i in range(n):
        if unequal[i] == last and n_last > 0:
            n_last -= 1
        elif unequal[i] >= last:
            continue
        nodes[n_out] = nodes[i]
        n_out += 1
    return n_kept


@numba.njit(nogil=True, cache=True)
def search(
    keys: npt.NDArray[np.uint32],
    nodes: npt.NDArray[np.int32],
    n_rows: int,
    cap: int,
    signatures: npt.NDArray[np.uint32],
    packed: npt.NDArray[np.uint64],
    bits: int,
    n_kept: int,
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    queries: npt.NDArray[np.uint32],
    packed_queries: npt.NDArray[np.uint64],
    query_indptr: npt.NDArray[np.int64],
    query_indices: npt.NDArray[Any],
    own: npt.NDArray[np.int64],
    start: int,
    stop: int,
    out_nodes: npt.NDArray[np.int32],
    out_scores: npt.NDArray[np.float64],
    out_counts: npt.NDArray[np.int64],
) -> None:
    """Rows [start, stop) of the answers: the best candidates of each query, best first, padded with -1 and 0.

    ``own[q]`` is left out of query q's answer. With ``n_kept > 0`` only the candidates best by their b-bit rows are
    looked at; ``indptr`` with elements means exact scores. ``out_counts[q]`` becomes (candidates, members cut off).
    """
    n_bands, k, exact = keys.shape[0], out_nodes.shape[1], indptr.size > 0
    wanted = np.empty(n_bands, dtype=np.uint32)
    starts, stops = np.empty(n_bands, dtype=np.int64), np.empty(n_bands, dtype=np.int64)
    table, slots = np.zeros(16, dtype=np.uint64), np.empty(16, dtype=np.int64)
    unequal, n_of = np.empty(16, dtype=np.int32), np.empty(signatures.shape[1] + 1, dtype=np.int64)
    for q in range(start, stop):
        best_nodes, best_scores = out_nodes[q - start], out_scores[q - start]
        best_nodes[:] = -1
        best_scores[:] = 0.0
        out_counts[q - start, :] = 0
        if queries[q, 0] == EMPTY:
            continue
        n_taken, n_all = find_buckets(queries[q], n_rows, keys, wanted, starts, stops, cap)
        if table.size < table_size(n_taken):
            table = np.zeros(table_size(n_taken), dtype=np.uint64)
        if slots.size < n_taken:
            slots = np.empty(table.size, dtype=np.int64)
        n_met = meet(nodes, wanted, starts, stops, cap, table, slots, 0)
        n = 0
        for i in range(n_met):  # the table is cleared, and the slots become nodes
            node = int(table[slots[i]] >> _S32) - 1
            table[slots[i]] = np.uint64(0)
            if node != own[q]:
                slots[n] = node
                n += 1
        out_counts[q - start, 0], out_counts[q - start, 1] = n, n_all - n_taken
        if 0 < n_kept < n:
            if unequal.size < n:
                unequal = np.empty(slots.size, dtype=np.int32)
            n = _keep_nearest(packed_queries[q], packed, bits, slots, n, n_kept, unequal, n_of)
        n_best = 0
        for i in range(n):
            if i + _SOON < n:
                if exact:
                    prefetch_element(indices, indptr[slots[i + _SOON]])
                else:
                    for at in range(0, signatures.shape[1], _PER_LINE):
                        prefetch_element(signatures, slots[i + _SOON] * signatures.shape[1] + at)
            node = slots[i]
            if exact:
                score = jaccard(
                    query_indices, query_indptr[q], query_indptr[q + 1], indices, indptr[node], indptr[node + 1]
                )
            else:
                score = count_equal(queries[q], signatures[node]) / signatures.shape[1]
            n_best = _insert(best_scores, best_nodes, n_best, k, score, node)


@numba.njit(nogil=True, cache=True)
def join(
    keys: npt.NDArray[np.uint32],
    nodes: npt.NDArray[np.int32],
    n_rows: int,
    cap: int,
    signatures: npt.NDArray[np.uint32],
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    threshold: float,
    start: int,
    stop: int,
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    scores: npt.NDArray[np.float64],
) -> tuple[int, int, int, int]:
    """Pairs u < v that share a bucket and reach ``threshold``, u in [start, stop), by u, then by v.

    Returns (number of pairs, first u that did not fit, pairs compared, members cut off); a u is written whole or not.
    """
    n_bands, exact = keys.shape[0], indptr.size > 0
    wanted = np.empty(n_bands, dtype=np.uint32)
    starts, stops = np.empty(n_bands, dtype=np.int64), np.empty(n_bands, dtype=np.int64)
    table, slots = np.zeros(16, dtype=np.uint64), np.empty(16, dtype=np.int64)
    n_pairs = n_compared = n_cut = 0
    for u in range(start, stop):
        if signatures[u, 0] == EMPTY:
            continue
        n_taken, n_all = find_buckets(signatures[u], n_rows, keys, wanted, starts, stops, cap)
        if table.size < table_size(n_taken):
            table = np.zeros(table_size(n_taken), dtype=np.uint64)
        if slots.size < n_taken:
            slots = np.empty(table.size, dtype=np.int64)
        n_met = meet(nodes, wanted, starts, stops, cap, table, slots, 0)
        n = 0
        for i in range(n_met):
            node = int(table[slots[i]] >> _S32) - 1
            table[slots[i]] = np.uint64(0)
            if node > u:
                slots[n] = node
                n += 1
        slots[:n].sort()
        found = n_pairs
        for i in range(n):
            if i + _SOON < n and not exact:
                for at in range(0, signatures.shape[1], _PER_LINE):
                    prefetch_element(signatures, slots[i + _SOON] * signatures.shape[1] + at)
            v = slots[i]
            if exact:
                score = jaccard(indices, indptr[u], indptr[u + 1], indices, indptr[v], indptr[v + 1])
            else:
                score = count_equal(signatures[u], signatures[v]) / signatures.shape[1]
            if score >= threshold:
                if found == left.size:
                    return n_pairs, u, n_compared, n_cut
                left[found], right[found], scores[found] = u, v, score
                found += 1
        n_pairs, n_compared, n_cut = found, n_compared + n, n_cut + n_all - n_taken
    return n_pairs, stop, n_compared, n_cut
