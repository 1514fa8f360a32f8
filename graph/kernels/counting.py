"""Arcs into CSR rows by counting, without comparing.

Layout   ``src``/``dst`` parallel arrays of rows; ``indptr`` int64, ``indices`` int32 or int64; ``weights`` float32,
         or empty where there are none. Every array but the inputs is passed in and written here.
Threads  single-threaded: one pass counts, one pass places, so arcs of a row keep their input order.
Limits   values of ``src``, ``dst`` and ``indices`` lie in [0, n_nodes): the caller has checked.
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
    src: npt.NDArray[np.int32],
    dst: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    cursor: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    placed: npt.NDArray[np.float32],
) -> None:
    """Store each arc in the row of its ``src``; ``cursor`` holds the row starts and ends as the row stops."""
    for arc in range(src.size):
        position = cursor[src[arc]]
        cursor[src[arc]] = position + 1
        indices[position] = dst[arc]
        if weights.size:
            placed[position] = weights[arc]


@numba.njit(nogil=True, cache=True)
def transpose(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    cursor: npt.NDArray[np.int64],
    out_indices: npt.NDArray[np.int32],
    out_weights: npt.NDArray[np.float32],
) -> None:
    """Store each arc in the row of its end; rows come out ascending. ``cursor`` as in `place_arcs`."""
    for row in range(indptr.size - 1):
        for edge in range(indptr[row], indptr[row + 1]):
            position = cursor[indices[edge]]
            cursor[indices[edge]] = position + 1
            out_indices[position] = row
            if weights.size:
                out_weights[position] = weights[edge]


@numba.njit(nogil=True, cache=True)
def sum_runs(starts: npt.NDArray[np.int64], values: npt.NDArray[np.float32], sums: npt.NDArray[np.float64]) -> None:
    """``sums[i]`` becomes the sum of ``values[starts[i]:starts[i + 1]]``, added one by one in float64."""
    for run in range(sums.size):
        total = 0.0
        for position in range(starts[run], starts[run + 1]):
            total += values[position]
        sums[run] = total


@numba.njit(nogil=True, cache=True)
def first_bad_row(indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32]) -> int:
    """First row that runs backwards, leaves ``indices``, points outside the graph or does not ascend; else -1."""
    n_nodes = indptr.size - 1
    for row in range(n_nodes):
        if indptr[row] > indptr[row + 1] or indptr[row + 1] > indices.size:
            return row
        before = np.int64(0)
        for edge in range(indptr[row], indptr[row + 1]):
            if indices[edge] < before or indices[edge] >= n_nodes:
                return row
            before = np.int64(indices[edge])
    return -1
