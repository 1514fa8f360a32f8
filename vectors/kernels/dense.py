"""One row times a small dense matrix, the arithmetic under FDE and MaxSim.

Layout   ``row`` (dim,), ``matrix`` C-contiguous (dim, n_columns), ``out`` (n_columns,).
Threads  single-threaded; a row's result depends on nothing but the row and the matrix.
Limits   float32, added in the order of ``dim`` without reassociation: bytes do not depend on how rows are grouped,
         nor do those of a column on the other columns. Vectorises over columns, eight rows of the matrix a pass.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def multiply_row(row: npt.NDArray[np.float32], matrix: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
    """``out[:] = row @ matrix``."""
    dim, n_columns = matrix.shape
    for j in range(n_columns):
        out[j] = 0.0
    d = 0
    while d + 8 <= dim:
        x0, x1, x2, x3 = row[d], row[d + 1], row[d + 2], row[d + 3]
        x4, x5, x6, x7 = row[d + 4], row[d + 5], row[d + 6], row[d + 7]
        for j in range(n_columns):
            total = out[j] + x0 * matrix[d, j]
            total = total + x1 * matrix[d + 1, j]
            total = total + x2 * matrix[d + 2, j]
            total = total + x3 * matrix[d + 3, j]
            total = total + x4 * matrix[d + 4, j]
            total = total + x5 * matrix[d + 5, j]
            total = total + x6 * matrix[d + 6, j]
            out[j] = total + x7 * matrix[d + 7, j]
        d += 8
    while d < dim:
        for j in range(n_columns):
            out[j] += row[d] * matrix[d, j]
        d += 1
