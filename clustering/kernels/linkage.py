"""Merging communities by the density of links between them, densest pair first.

Layout   Pair e joins the slots ``ends[e]`` with weight ``total[e]``. A slot is a live cluster; when two merge, the one
         with the longer list of pairs keeps its slot. Every pair lies in the heap of one of its ends, its owner, under
         ``total / size of the other end``: the owner's growth then changes one number, its entry in the heap of
         all owners, however many pairs it has. Keys are upper bounds, put right when they reach the top.
Threads  single-threaded; ties go to the smaller pair of smallest initial members, so nothing depends on storage.
Limits   below 2**31 communities; O(p log² p) for p pairs unless many ties are grown into again and again.
"""

from __future__ import annotations

import heapq

import numba
import numpy as np
import numpy.typing as npt

from clustering.kernels.pair_table import code_of, find, forget
from clustering.kernels.pairing_heap import meld, without_top

Queue = list[tuple[float, int, int, int, int]]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


@numba.njit(nogil=True, cache=True)
def _announce(
    queue: Queue,
    owner: int,
    heap: Int64s,
    ends: Int64s,
    total: Float64s,
    bound: Float64s,
    size: Int64s,
    smallest: Int64s,
    stamp: Int64s,
) -> None:
    """Queue the owner's best pair, and make its earlier entry void."""
    stamp[owner] += 1
    e = heap[owner]
    if e < 0:
        return
    other = ends[e, 0] + ends[e, 1] - owner
    value = bound[e] / float(size[owner])
    if size[other] > 0 and bound[e] == total[e] / float(size[other]):
        value = total[e] / (float(size[owner]) * float(size[other]))  # rounds alike whoever owns the pair
    low, high = min(smallest[owner], smallest[other]), max(smallest[owner], smallest[other])
    heapq.heappush(queue, (-value, low, high, owner, stamp[owner]))


@numba.njit(nogil=True, cache=True)
def _owner(a: int, b: int, size: Int64s, smallest: Int64s) -> int:
    """The larger of two clusters: it is the one likely to grow next."""
    return a if size[a] > size[b] or (size[a] == size[b] and smallest[a] < smallest[b]) else b


@numba.njit(nogil=True, cache=True)
def merge_densest(ends: Int64s, total: Float64s, size: Int64s, merged: Int64s, density: Float64s) -> int:
    """Merge while any two clusters are linked; returns the number of merges.

    ``ends`` is (2 p, 2) and ``total`` (2 p,), the first half filled: the distinct pairs of communities that are linked.
    ``size`` (n,) counts nodes and is used up. Merge i joins the clusters ``merged[i]``, named as SciPy does (n + j is
    what merge j made), at ``density[i]``. What is left unlinked is joined last, at 0, by smallest members.
    """
    n, n_pairs = size.size, total.size // 2
    n_made = n_pairs
    name, smallest = np.arange(n), np.arange(n)
    stamp, length = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    heap, first = np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    alive = np.ones(2 * n_pairs, dtype=np.bool_)
    bound, named = np.zeros(2 * n_pairs), np.zeros(2 * n_pairs, dtype=np.int64)
    child, sibling = np.full(2 * n_pairs, -1, dtype=np.int64), np.full(2 * n_pairs, -1, dtype=np.int64)
    following = np.full(4 * n_pairs, -1, dtype=np.int64)  # item 2 e + s of a slot's list stands for end s of pair e
    places = 16
    while places < 2 * n_pairs:
        places *= 2
    codes, pairs = np.full(places, -1, dtype=np.int64), np.zeros(places, dtype=np.int64)
    queue = [(0.0, 0, 0, 0, 0)]
    queue.clear()
    slot_of = np.empty(n, dtype=np.int64)

    for e in range(n_pairs):
        a, b = ends[e]
        place = find(codes, code_of(a, b, n))
        codes[place], pairs[place] = code_of(a, b, n), e
        for s in range(2):
            slot = ends[e, s]
            following[2 * e + s] = first[slot]
            first[slot] = 2 * e + s
            length[slot] += 1
        owner = _owner(a, b, size, smallest)
        other = a + b - owner
        bound[e], named[e] = total[e] / float(size[other]), smallest[other]
        heap[owner] = meld(heap[owner], e, bound, named, child, sibling)
    for slot in range(n):
        _announce(queue, slot, heap, ends, total, bound, size, smallest, stamp)

    n_merges = 0
    while len(queue) > 0:
        _, _, _, owner, when = heapq.heappop(queue)
        if when != stamp[owner]:
            continue
        e = heap[owner]
        other = ends[e, 0] + ends[e, 1] - owner
        if not alive[e] or bound[e] != total[e] / float(size[other]):
            heap[owner] = without_top(e, bound, named, child, sibling)
            if alive[e]:
                best = _owner(owner, other, size, smallest)
                lesser = owner + other - best
                bound[e], named[e] = total[e] / float(size[lesser]), smallest[lesser]
                heap[best] = meld(heap[best], e, bound, named, child, sibling)
                if best != owner and heap[best] == e:
                    _announce(queue, best, heap, ends, total, bound, size, smallest, stamp)
            _announce(queue, owner, heap, ends, total, bound, size, smallest, stamp)
            continue

        merged[n_merges, 0], merged[n_merges, 1] = min(name[owner], name[other]), max(name[owner], name[other])
        density[n_merges] = total[e] / (float(size[owner]) * float(size[other]))
        kept, gone = (owner, other) if length[owner] >= length[other] else (other, owner)
        alive[e] = False
        forget(codes, pairs, find(codes, code_of(kept, gone, n)))
        before = n_made
        item = first[gone]
        while item >= 0:
            upcoming = following[item]
            e, s = item >> 1, item & 1
            if alive[e]:
                third = ends[e, 1 - s]
                forget(codes, pairs, find(codes, code_of(gone, third, n)))
                place = find(codes, code_of(kept, third, n))
                if codes[place] == -1:
                    codes[place], pairs[place] = code_of(kept, third, n), e
                    ends[e, s] = kept
                    following[item] = first[kept]
                    first[kept] = item
                    length[kept] += 1
                else:
                    old, new = pairs[place], n_made
                    n_made += 1
                    alive[e] = alive[old] = False
                    pairs[place] = new
                    ends[new, 0], ends[new, 1] = kept, third
                    total[new] = total[e] + total[old]
                    for t in range(2):
                        slot = ends[new, t]
                        following[2 * new + t] = first[slot]
                        first[slot] = 2 * new + t
                        length[slot] += 1
            item = upcoming
        first[gone] = -1
        heap[kept] = meld(heap[kept], heap[gone], bound, named, child, sibling)
        heap[gone] = -1
        stamp[gone] += 1
        size[kept] += size[gone]
        smallest[kept] = min(smallest[kept], smallest[gone])
        name[kept] = n + n_merges
        size[gone] = 0
        n_merges += 1
        for e in range(before, n_made):
            third = ends[e, 1]
            best = _owner(kept, third, size, smallest)
            lesser = kept + third - best
            bound[e], named[e] = total[e] / float(size[lesser]), smallest[lesser]
            heap[best] = meld(heap[best], e, bound, named, child, sibling)
            if best != kept and heap[best] == e:
                _announce(queue, best, heap, ends, total, bound, size, smallest, stamp)
        _announce(queue, kept, heap, ends, total, bound, size, smallest, stamp)

    for slot in range(n):  # `smallest` of a live cluster need not be its slot
        if size[slot] > 0:
            slot_of[smallest[slot]] = slot
            length[smallest[slot]] = -1
    joined = -1
    for member in range(n):
        if length[member] != -1:
            continue
        here = name[slot_of[member]]
        if joined >= 0:
            merged[n_merges, 0], merged[n_merges, 1] = min(joined, here), max(joined, here)
            here = n + n_merges
            n_merges += 1
        joined = here
    return n_merges
