"""Very sparse random projection: random signs, and features multiplied by them.

Source: Achlioptas, *Database-friendly random projections*, JCSS 2003; Li, Hastie, Church, *Very Sparse Random
Projections*, KDD 2006. An entry is a function of (stream, row, column) alone, so any columns can be made alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.seeds import key
from foundation.threads import balanced_ranges, even_ranges, run_ranges
from graph.kernels.spmm import COLUMNS, fill_signs, gather_rows, square_blocks

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]

ACHLIOPTAS = 3.0  # sparsity with the variance of a Gaussian projection
RANGE_COST = 1 << 16  # arcs, plus ROW_COST a row, that one thread takes at a time
ROW_COST = 6
ROWS = 4096  # rows of a dense pass that one thread takes at a time


def sparse_signs(
    stream: int, sparsity: float, magnitude: Float32s, start: int, stop: int, n_threads: int = 1
) -> Float32s:
    """Columns [start, stop) of a matrix of ``±magnitude[row]``, each sign with chance 1 / (2 sparsity), else 0.

    Float32 (magnitude.size, stop - start); ``stream`` is a `foundation.seeds.key`, ``sparsity`` at least 1.
    """
    out = np.empty((magnitude.size, stop - start), dtype=np.float32)
    stream_key, chance = np.uint64(stream), np.uint64(round(2**63 / sparsity))
    run_ranges(
        lambda *rows: fill_signs(stream_key, start, chance, magnitude, out, *rows),
        even_ranges(magnitude.size, ROWS),
        n_threads,
    )
    return out


def project_features(
    features: npt.ArrayLike | None, n_nodes: int, dim: int, seed: int, start: int, stop: int, n_threads: int = 1
) -> Float32s:
    """Columns [start, stop) of ``features @ P``, float32 (n_nodes, stop - start).

    P has ``dim`` columns and a row per feature: ``±sqrt(3 / dim)`` with chance 1/6 each, else 0, which keeps lengths in
    expectation.

    Raises
    ------
    InvalidInput
        When the features are missing, not finite, or not of shape (n_nodes, at least 1).
    """
    given = _checked(features, n_nodes)
    magnitude = np.full(given.shape[1], math.sqrt(ACHLIOPTAS / dim), dtype=np.float32)
    vectors = sparse_signs(key(seed, "fastrp.property"), ACHLIOPTAS, magnitude, start, stop, n_threads)
    filled = given != 0
    indptr = np.concatenate(([0], np.cumsum(np.count_nonzero(filled, axis=1), dtype=np.int64)))
    indices = np.nonzero(filled)[1].astype(np.int32)
    return sum_rows(indptr, indices, given[filled], np.ones(n_nodes), None, vectors, n_threads)[0]


def sum_rows(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: Float32s | None,
    inverse: Float64s,
    scale: Float32s | None,
    block: Float32s,
    n_threads: int = 1,
) -> tuple[Float32s, Float64s]:
    """``inverse[row]`` times the sum of ``weight * scale[j] * block[j]`` over a CSR row, and `squared_norms` of it.

    None for ``weights`` or ``scale`` means 1 everywhere.
    """
    out = np.empty((indptr.size - 1, block.shape[1]), dtype=np.float32)
    squares = _empty_squares(out)
    matrix = (frozen(indptr), frozen(indices), frozen(_or_empty(weights)))
    factor, source, result = frozen(_or_empty(scale)), frozen(block), frozen(out)

    def work(start: int, stop: int) -> None:
        gather_rows(*matrix, inverse, factor, source, out, start, stop)
        square_blocks(result, squares, start, stop)

    run_ranges(work, balanced_ranges(indptr, RANGE_COST, ROW_COST), n_threads)
    return out, squares


def squared_norms(block: Float32s, n_threads: int = 1) -> Float64s:
    """Squares of each row summed over groups of `COLUMNS` columns, float64 (ceil(width / COLUMNS), n_rows)."""
    squares = _empty_squares(block)
    source = frozen(block)
    run_ranges(lambda *rows: square_blocks(source, squares, *rows), even_ranges(len(block), ROWS), n_threads)
    return squares


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A read-only view, so that kernels compile once for arrays in memory and arrays mapped from a file."""
    view = np.asarray(array).view()
    view.setflags(write=False)
    return view


def _checked(features: npt.ArrayLike | None, n_nodes: int) -> Float32s:
    if features is None:
        raise InvalidInput(
            source="features", what="none given, and property_ratio > 0", fix="pass features, or set property_ratio = 0"
        )
    given = np.asarray(features, dtype=np.float32)
    if given.ndim != 2 or given.shape[0] != n_nodes or given.shape[1] == 0:
        raise InvalidInput(source="features", what=f"shape {given.shape}", fix=f"pass ({n_nodes}, at least 1)")
    if not np.isfinite(given).all():
        row = int(np.argmin(np.isfinite(given).all(axis=1)))
        raise InvalidInput(source="features", what=f"row {row} is not finite", fix="fill the gap or drop the column")
    return given


def _empty_squares(block: Float32s) -> Float64s:
    return np.empty((-(-block.shape[1] // COLUMNS), block.shape[0]))


def _or_empty(array: Float32s | None) -> Float32s:
    return np.empty(0, dtype=np.float32) if array is None else array
