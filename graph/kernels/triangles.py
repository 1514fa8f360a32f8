"""Triangles of a graph whose edges all point to the later of their ends.

Layout   CSR rows of distinct ``indices`` > row, in any order; ``counts`` int64 (n_nodes,) comes in as zeros, ``seen``
         int64 (n_nodes,) as -1.
Threads  single-threaded: a triangle is counted at all three of its nodes.
Limits   ``indices`` lie in [0, n_nodes): the caller has checked.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]


@numba.njit(nogil=True, cache=True)
def count_triangles(indptr: Int64s, indices: npt.NDArray[Any], seen: Int64s, counts: Int64s) -> None:
    """``counts[v]`` becomes the number of triangles that v is part of."""
    for first in range(indptr.size - 1):
        for arc in range(indptr[first], indptr[first + 1]):
            seen[indices[arc]] = first
        for arc in range(indptr[first], indptr[first + 1]):
            second = indices[arc]
            found = 0
            for closing in range(indptr[second], indptr[second + 1]):
                third = indices[closing]
                if seen[third] == first:
                    found += 1
                    counts[third] += 1
            counts[first] += found
            counts[second] += found
