"""Fewer columns that keep most of the lengths: a basis of the leading principal subspace, rotated at random.

Source: Halko, Martinsson, Tropp, "Finding structure with randomness", SIAM Review 53 (2011), algorithm 4.4: the range
of a Gaussian block after a few power iterations. Computed by compiled loops in a fixed order, not by LAPACK, whose
last bits depend on the machine. The rotation spreads the variance evenly over the columns, as one-bit codes need it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from foundation.seeds import stream
from vectors.kernels.lists import orthonormalise, project
from vectors.metrics import Float32s

_N_POWERS: Final = 4


def projection(sample: Float32s, n_columns: int, *, seed: int, centred: bool) -> Float32s:
    """A matrix with orthonormal columns to multiply rows by, float32 (dim, n_columns).

    Parameters
    ----------
    sample : float32, shape (n, dim): rows to find the subspace of
    n_columns : at most dim; when equal, the matrix is a random rotation and the sample is not looked at
    centred : subtract the mean of the sample first; distances do not change by it, dot products do
    """
    dim = sample.shape[1]
    draw = stream(seed, "ann.projection", dim, n_columns)
    basis = draw.standard_normal((n_columns, dim))
    if n_columns < dim and sample.shape[0] > 1:
        rows = sample / np.maximum(np.abs(sample).max(), np.finfo(np.float32).tiny)
        if centred:
            rows = (rows - rows.mean(axis=0, dtype=np.float64)).astype(np.float32)
        columns = np.ascontiguousarray(rows.T)
        low, back = np.empty((rows.shape[0], n_columns), np.float32), np.empty((dim, n_columns), np.float32)
        for _ in range(_N_POWERS):
            orthonormalise(basis)
            project(rows, np.ascontiguousarray(basis.T, dtype=np.float32), low)
            project(columns, low, back)
            # Columns that the sample does not reach keep a little of the random block.
            basis = back.T + (1e-6 * float(np.abs(back).max()) or 1.0) * basis
    orthonormalise(basis)
    rotation = draw.standard_normal((n_columns, n_columns))
    orthonormalise(rotation)
    out = np.empty((n_columns, dim), np.float32)
    project(rotation.astype(np.float32), basis.astype(np.float32), out)
    return np.ascontiguousarray(out.T)
