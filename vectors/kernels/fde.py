"""Tokens to cells, cells to fixed dimensional encodings.

Layout   ``cells`` int32 (n_repetitions, n_rows), -1 for none; ``values`` float32 (n_repetitions or 1, n_rows, width),
         the projected rows of each repetition. A full encoding is (n_repetitions, n_cells, width), flat;
         ``codes[offsets[doc]:offsets[doc + 1]]`` are the rows of a document's tokens.
Threads  single-threaded over a range of rows or documents, one writer per row of the outputs; tokens add up in order.
Limits   fewer than 2**40 tokens in a document; accumulates in float32.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from vectors.kernels.dense import multiply_row, multiply_two_rows

_ONE_BIT = 1 << 40  # above any token's index: one differing bit outweighs every index
_FAR = 32 * _ONE_BIT  # more bits than there are


@numba.njit(nogil=True, cache=True)
def project_rows(
    rows: npt.NDArray[np.float32],
    matrix: npt.NDArray[np.float32],
    k_sim: int,
    start: int,
    stop: int,
    cells: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
) -> None:
    """Cell of every row and repetition from the first columns of ``matrix``, ``values`` from the rest.

    A product above zero is a bit 1. The cell is the prefix XOR of its bits, first projection most significant, as the
    reference numbers them. ``values`` is left alone when ``matrix`` has no further columns. Where rows are wider than
    ``matrix`` is high only their head counts, and one whose head is zero is in no cell: -1.
    """
    products = np.empty((2, matrix.shape[1]), dtype=np.float32)
    row = start
    while row + 2 <= stop:
        multiply_two_rows(rows[row], rows[row + 1], matrix, products[0], products[1])
        _place_row(rows, row, matrix.shape[0], products[0], k_sim, cells, values)
        _place_row(rows, row + 1, matrix.shape[0], products[1], k_sim, cells, values)
        row += 2
    if row < stop:
        multiply_row(rows[row], matrix, products[0])
        _place_row(rows, row, matrix.shape[0], products[0], k_sim, cells, values)


@numba.njit(nogil=True, cache=True)
def _place_row(
    rows: npt.NDArray[np.float32],
    row: int,
    head: int,
    products: npt.NDArray[np.float32],
    k_sim: int,
    cells: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
) -> None:
    """Cells and values of one row from its products."""
    n_repetitions = cells.shape[0]
    width = 0 if products.size == n_repetitions * k_sim else values.shape[2]
    is_hashed = rows.shape[1] == head
    if not is_hashed:
        for d in range(head):
            is_hashed = is_hashed or rows[row, d] != 0.0
    for repetition in range(n_repetitions):
        cell = 0
        for bit in range(repetition * k_sim, (repetition + 1) * k_sim):
            positive = 1 if products[bit] > 0.0 else 0
            cell = (cell << 1) | (positive ^ (cell & 1))
        cells[repetition, row] = cell if is_hashed else -1
        first = n_repetitions * k_sim + repetition * width
        for j in range(width):
            values[repetition, row, j] = products[first + j]


@numba.njit(nogil=True, cache=True)
def aggregate(
    offsets: npt.NDArray[np.int64],
    codes: npt.NDArray[np.int32],
    cells: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
    k_sim: int,
    mean: bool,
    fill: bool,
    slots: npt.NDArray[np.int64],
    signs: npt.NDArray[np.float32],
    out: npt.NDArray[np.float32],
) -> None:
    """``out`` (zeroed) becomes the encodings: sums over cells, or means with empty cells filled.

    With ``slots`` coordinate c of the full encoding is added to ``out[doc, slots[c]]`` times ``signs[c]``; without, it
    is ``out[doc, c]``. Columns of ``out`` past those are left alone. Without a token in a cell a document stays zero.
    """
    n_cells, width = 1 << k_sim, values.shape[2]
    block = np.empty((n_cells, width), dtype=np.float32)
    counts = np.empty(n_cells, dtype=np.int64)
    nearest = np.empty(n_cells, dtype=np.int64)
    for repetition in range(cells.shape[0]):  # outermost: its rows of values stay in the cache
        cell_of, value_of = cells[repetition], values[min(repetition, values.shape[0] - 1)]
        base = repetition * n_cells * width
        for doc in range(offsets.size - 1):
            begin, end = offsets[doc], offsets[doc + 1]
            block[:, :] = 0.0
            counts[:] = 0
            nearest[:] = _FAR
            n_hashed = 0
            for token in range(end - begin):
                row = np.uint32(codes[begin + token])  # unsigned: numba then leaves out its test for negative indices
                if cell_of[row] < 0:
                    continue
                n_hashed += 1
                hit = np.uint32(cell_of[row])
                nearest[hit] = min(nearest[hit], token)
                counts[hit] += 1
                for j in range(width):
                    block[hit, j] += value_of[row, j]
            if n_hashed == 0:
                continue
            if mean:
                for cell in range(n_cells):
                    if counts[cell] > 1:
                        count = np.float32(counts[cell])
                        for j in range(width):
                            block[cell, j] /= count
                if fill:
                    _fill_empty(codes[begin:end], value_of, counts, nearest, k_sim, block)
            if slots.size:
                for cell in range(n_cells):
                    if counts[cell] == 0 and not (mean and fill):
                        continue
                    for j in range(width):
                        c = base + cell * width + j
                        out[doc, slots[c]] += signs[c] * block[cell, j]
            else:
                for cell in range(n_cells):
                    for j in range(width):
                        out[doc, base + cell * width + j] = block[cell, j]


@numba.njit(nogil=True, cache=True)
def add_tails(
    offsets: npt.NDArray[np.int64],
    codes: npt.NDArray[np.int32],
    rows: npt.NDArray[np.float32],
    n_columns: int,
    scale: float,
    out: npt.NDArray[np.float32],
) -> None:
    """The last ``n_columns`` of ``out`` (zeroed) become the sums of those of a document's tokens, times ``scale``."""
    source, target = rows.shape[1] - n_columns, out.shape[1] - n_columns
    for doc in range(offsets.size - 1):
        for token in range(offsets[doc], offsets[doc + 1]):
            row = np.uint32(codes[token])
            for j in range(n_columns):
                out[doc, target + j] += rows[row, source + j]
        for j in range(n_columns):
            out[doc, target + j] *= np.float32(scale)


@numba.njit(nogil=True, cache=True)
def _fill_empty(
    codes: npt.NDArray[np.int32],
    value_of: npt.NDArray[np.float32],
    counts: npt.NDArray[np.int64],
    nearest: npt.NDArray[np.int64],
    k_sim: int,
    block: npt.NDArray[np.float32],
) -> None:
    """An empty cell takes the token whose bits differ from the cell's in the fewest places, the earliest among equals.

    ``nearest`` comes as the first token of every cell, ``_FAR`` where there is none. A step along one bit adds
    ``_ONE_BIT``; taking the minimum over both ends of every bit in turn leaves the least (bits, token) everywhere.
    Numbers of cells that differ in bit b of their pattern differ in bits 0 … b, as they are prefix XORs.
    """
    n_cells = counts.size
    for bit in range(k_sim):
        flip = (2 << bit) - 1
        for cell in range(n_cells):
            other = cell ^ flip
            if cell < other:
                low, high = nearest[cell], nearest[other]
                nearest[cell] = min(low, high + _ONE_BIT)
                nearest[other] = min(high, low + _ONE_BIT)
    for cell in range(n_cells):
        if counts[cell] == 0:
            row = np.uint32(codes[nearest[cell] & (_ONE_BIT - 1)])
            for j in range(block.shape[1]):
                block[cell, j] = value_of[row, j]
