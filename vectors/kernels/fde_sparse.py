"""Sparse fixed dimensional encodings of queries, and their products with dense ones.

Layout   tokens, cells and values as in `vectors.kernels.fde`; a sparse encoding is a row of a CSR, columns ascending.
         Dense rows are C-contiguous float32, or uint16 that are the bits of float16.
Threads  single-threaded, one writer per row; ``lanes`` and ``room`` belong to one thread.
Limits   sums are those of the dense encoding, token by token; products add up in float64, column by column.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba.core import types
from numba.extending import overload

from foundation.kernels.lines import add_line
from foundation.kernels.rows import float_of_half
from vectors.kernels.fde_room import Room
from vectors.kernels.fde_tokens import Lanes, Plan, place_tokens

Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]


@numba.njit(nogil=True, cache=True)
def encode_query(
    rows: Float32s,
    first: int,
    n: int,
    tail_scale: np.float32,
    plan: Plan,
    lanes: Lanes,
    room: Room,
    columns: Int64s,
    numbers: Float32s,
) -> int:
    """Columns and numbers of the query of ``n`` tokens from ``first`` on; how many there are."""
    width, n_cells, stride = plan.width, 1 << plan.k_sim, room.values.shape[1]
    place_tokens(rows, first, n, plan, lanes, room.tokens, room.cells, room.values)
    size, block = 0, room.values.reshape(-1)[room.block_at :]
    for r in range(plan.n_repetitions):
        at = r * width if stride >= plan.n_repetitions * width else 0
        hit = np.sort(room.cells[:n, r])
        for i in range(n):
            to = room.block_at + np.int64(room.cells[i, r]) * width
            add_line(lanes.line, width, room.values, to, i * stride + at)
        for i in range(n):
            cell = np.int64(hit[i])
            if i > 0 and hit[i] == hit[i - 1]:
                continue
            for j in range(width):
                if cell < n_cells:
                    columns[size] = (r * n_cells + cell) * width + j
                    numbers[size] = block[cell * width + j]
                    size += 1
                block[cell * width + j] = np.float32(0.0)
    for j in range(rows.shape[1] - plan.head if n else 0):
        total = np.float32(0.0)
        for i in range(n):
            total += rows[first + i, plan.head + j]
        columns[size] = plan.n_repetitions * n_cells * width + j
        numbers[size] = total * tail_scale
        size += 1
    return size


def _number(value: Any) -> float:
    """As a float32, whatever it is stored as."""
    raise NotImplementedError  # only compiled code has this: see its overload below


@overload(_number, strict=False, jit_options={"forceinline": True})
def _number_overload(value: Any) -> Any:
    if value == types.uint16:
        return lambda value: float_of_half(value)
    return lambda value: value


@numba.njit(nogil=True, cache=True)
def multiply_sparse(
    indptr: Int64s, columns: Int64s, numbers: Float32s, dense: npt.NDArray[Any], start: int, stop: int, out: Float32s
) -> None:
    """``out[query, row]`` for dense rows ``start`` to ``stop``: each is read once, where some query has a number."""
    for row in range(start, stop):
        line = dense[row]
        for query in range(indptr.size - 1):
            total = 0.0
            for at in range(indptr[query], indptr[query + 1]):
                total += np.float64(numbers[at]) * np.float64(_number(line[columns[at]]))
            out[query, row] = np.float32(total)
