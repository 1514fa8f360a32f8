"""Many meldable heaps over one pool of items, largest ``bound`` first, then smallest ``named``.

Layout   Item e stands with ``bound[e]`` and ``named[e]``; ``child`` and ``sibling`` are -1 for every item that is in no
         heap. A heap is named by its top item, -1 when empty.
Threads  single-threaded.
Limits   melding is O(1), taking the top O(log n) amortised (Fredman, Sedgewick, Sleator, Tarjan, 1986).
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


@numba.njit(nogil=True, cache=True)
def meld(first: int, second: int, bound: Float64s, named: Int64s, child: Int64s, sibling: Int64s) -> int:
    """One pairing heap of two; -1 is the empty one."""
    if first < 0:
        return second
    if second < 0:
        return first
    if bound[second] > bound[first] or (bound[second] == bound[first] and named[second] < named[first]):
        first, second = second, first
    sibling[second] = child[first]
    child[first] = second
    return first


@numba.njit(nogil=True, cache=True)
def without_top(top: int, bound: Float64s, named: Int64s, child: Int64s, sibling: Int64s) -> int:
    """The heap below ``top``, its trees melded two by two, then from the last to the first."""
    tree, paired = child[top], -1
    child[top] = -1
    while tree >= 0:
        partner = sibling[tree]
        following = sibling[partner] if partner >= 0 else -1
        sibling[tree] = -1
        if partner >= 0:
            sibling[partner] = -1
        both = meld(tree, partner, bound, named, child, sibling)
        sibling[both] = paired
        paired, tree = both, following
    heap = -1
    while paired >= 0:
        following = sibling[paired]
        sibling[paired] = -1
        heap = meld(heap, paired, bound, named, child, sibling)
        paired = following
    return heap
