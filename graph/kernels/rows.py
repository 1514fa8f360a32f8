"""Arcs into rows without a pass over the columns: for ranges of rows of a graph that is not in memory as a whole.

Layout   ``indptr``, ``cursor`` int64; ``indices`` and ``rows`` int32 or int64; ``weights`` float32, or empty where all
         are 1. ``cursor`` holds where each row goes on and is moved. Scratch is as long as the longest row.
Threads  single-threaded; arcs of a row keep the order they come in, and sorting is stable.
Limits   every number is in range: the caller has made them.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

_RUN = 16


@numba.njit(nogil=True, cache=True)
def count_ends(
    src: npt.NDArray[np.int32], dst: npt.NDArray[np.int32], both: bool, indptr: npt.NDArray[np.int64]
) -> None:
    """``indptr`` (zeroed) becomes the row pointer of the arcs, with ``both`` also of their reverses, loops once."""
    for arc in range(src.size):
        indptr[src[arc] + 1] += 1
        if both and src[arc] != dst[arc]:
            indptr[dst[arc] + 1] += 1
    for row in range(indptr.size - 1):
        indptr[row + 1] += indptr[row]


@numba.njit(nogil=True, cache=True)
def place_ends(
    src: npt.NDArray[np.int32],
    dst: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    both: bool,
    cursor: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    placed: npt.NDArray[np.float32],
) -> None:
    """Store each arc in the row of its ``src``, and with ``both`` its reverse in that of its ``dst``."""
    for arc in range(src.size):
        for turn in range(2 if both and src[arc] != dst[arc] else 1):
            row, column = (src[arc], dst[arc]) if turn == 0 else (dst[arc], src[arc])
            position = cursor[row]
            cursor[row] = position + 1
            indices[position] = column
            if weights.size:
                placed[position] = weights[arc]


@numba.njit(nogil=True, cache=True)
def append_rows(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    start: int,
    stop: int,
    rows: npt.NDArray[Any],
    first_row: int,
    cursor: npt.NDArray[np.int64],
    out: npt.NDArray[Any],
    out_weights: npt.NDArray[np.float32],
) -> None:
    """Append rows [start, stop) of a small graph, whose nodes are the ``rows`` of the large one, to rows of the latter,
    which ``out`` holds from ``first_row`` on."""
    for row in range(start, stop):
        position = cursor[rows[row] - first_row]
        for arc in range(indptr[row], indptr[row + 1]):
            out[position] = rows[indices[arc]]
            if out_weights.size:
                out_weights[position] = weights[arc] if weights.size else np.float32(1)
            position += 1
        cursor[rows[row] - first_row] = position


@numba.njit(nogil=True, cache=True)
def _insert(values: npt.NDArray[Any], weights: npt.NDArray[np.float32], start: int, stop: int) -> None:
    for i in range(start + 1, stop):
        value, j = values[i], i
        if values[j - 1] <= value:
            continue
        weight = weights[i] if weights.size else np.float32(0)
        while j > start and values[j - 1] > value:
            values[j] = values[j - 1]
            if weights.size:
                weights[j] = weights[j - 1]
            j -= 1
        values[j] = value
        if weights.size:
            weights[j] = weight


@numba.njit(nogil=True, cache=True)
def sort_rows(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: npt.NDArray[np.float32],
    scratch: npt.NDArray[Any],
    scratch_weights: npt.NDArray[np.float32],
) -> None:
    """Let every row ascend, weights along; equal columns keep their order."""
    for row in range(indptr.size - 1):
        first, last = indptr[row], indptr[row + 1]
        size = last - first
        for start in range(first, last, _RUN):
            _insert(indices, weights, start, min(start + _RUN, last))
        width = _RUN
        while width < size:
            for left in range(first, last, 2 * width):
                middle, right = min(left + width, last), min(left + 2 * width, last)
                if middle >= right or indices[middle - 1] <= indices[middle]:
                    continue
                # Only the left half is set aside: what is written never overtakes what is read of the right one.
                for i in range(middle - left):
                    scratch[i] = indices[left + i]
                    if weights.size:
                        scratch_weights[i] = weights[left + i]
                i, j, k = 0, middle, left
                while i < middle - left:
                    if j < right and indices[j] < scratch[i]:
                        indices[k] = indices[j]
                        if weights.size:
                            weights[k] = weights[j]
                        j += 1
                    else:
                        indices[k] = scratch[i]
                        if weights.size:
                            weights[k] = scratch_weights[i]
                        i += 1
                    k += 1
            width *= 2


@numba.njit(nogil=True, cache=True)
def squeeze_rows(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    first_row: int,
    directed: bool,
    counts: npt.NDArray[np.int32],
) -> tuple[int, int]:
    """Leave one of every run of equal columns, in place, rows moved up; ``counts`` holds how many there were.

    Returns the arcs left and the duplicates, of an undirected graph those of arcs to an equal or larger row.
    """
    n, n_duplicates, begun = 0, 0, 0
    for row in range(indptr.size - 1):
        ended = indptr[row + 1]
        left = n
        for arc in range(begun, ended):
            if n > left and indices[n - 1] == indices[arc]:
                counts[n - 1] += 1
                n_duplicates += directed or indices[arc] >= first_row + row
            else:
                indices[n] = indices[arc]
                counts[n] = 1
                n += 1
        begun = ended
        indptr[row + 1] = n
    return n, n_duplicates
