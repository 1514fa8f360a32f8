"""Arcs into CSR rows by counting sort.

Layout   ``src``/``dst`` parallel arrays of rows; ``indptr`` int64, ``indices`` int32 or int64.
Threads  single-threaded: one pass counts, one pass places, so arcs of a row keep their input order.
Limits   values of ``src`` and ``dst`` lie in [0, n_nodes): the caller has checked.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def count_rows(src: npt.NDArray[np.int64], indptr: npt.NDArray[np.int64]) -> None:
    """``indptr`` (zeroed, n_nodes + 1) becomes the row pointer of ``src``."""
    for arc in range(src.size):
        indptr[src[arc] + 1] += 1
    for row in range(indptr.size - 1):
        indptr[row + 1] += indptr[row]


@numba.njit(nogil=True, cache=True)
def place_arcs(
    src: npt.NDArray[np.int64],
    indptr: npt.NDArray[np.int64],
    cursor: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
) -> None:
    """``order[p]`` becomes the arc stored at position p; ``cursor`` is scratch of n_nodes."""
    for row in range(cursor.size):
        cursor[row] = indptr[row]
    for arc in range(src.size):
        row = src[arc]
        order[cursor[row]] = arc
        cursor[row] += 1
