"""Very sparse random projection: random signs, and features multiplied by them.

Source: Achlioptas, *Database-friendly random projections*, JCSS 2003; Li, Hastie, Church, *Very Sparse Random
Projections*, KDD 2006. An entry is a function of (seed, purpose, id of its row, column) alone: any columns can be made
alone, and a node keeps its row when others come and go.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.ids import Ids, IntegerIds
from foundation.seeds import key
from foundation.threads import even_ranges, run_ranges
from graph.kernels.signs import count_signs, expand_signs, fill_signs, list_signs, project_rows

Float32s = npt.NDArray[np.float32]

ACHLIOPTAS = 3.0  # sparsity with the variance of a Gaussian projection
LISTED = 16.0  # from this sparsity on, rows are lists of their few entries
MOST_LISTED = 1 << 15  # columns that a list can name
_ROWS = 16_384  # rows that one thread takes at a time


class SignLists(NamedTuple):
    """Rows of few signs: entries ``column << 1 | negative`` of row i are ``signs[starts[i]:starts[i + 1]]``."""

    starts: npt.NDArray[np.uint32]
    signs: npt.NDArray[np.uint16]


def sign_lists(stream: int, ids: Ids, sparsity: float, n_columns: int, n_threads: int = 1) -> SignLists:
    """Signs of every id over ``n_columns``, one in ``sparsity`` not 0; ``stream`` is a `foundation.seeds.key`."""
    gaps, stream_key = _gaps(sparsity, n_columns), np.uint64(stream)
    ranges = even_ranges(len(ids), _ROWS)
    counts = np.zeros(len(ids) + 1, dtype=np.uint32)
    run_ranges(lambda a, b: count_signs(stream_key, ids.keys(a, b), gaps, counts, a + 1), ranges, n_threads)
    if int(counts.sum(dtype=np.int64)) >= 2**32:
        raise InvalidInput(source="graph", what=f"{len(ids)} nodes", fix="raise sparsity, or lower dim")
    starts = np.cumsum(counts, dtype=np.uint32)
    signs = np.empty(int(starts[-1]), dtype=np.uint16)
    run_ranges(lambda a, b: list_signs(stream_key, ids.keys(a, b), gaps, starts, signs, a), ranges, n_threads)
    return SignLists(starts, signs)


def dense_signs(
    stream: int, ids: Ids, sparsity: float, start: int, stop: int, n_threads: int = 1
) -> npt.NDArray[np.int8]:
    """Columns [start, stop) of a matrix over {-1, 0, 1}, one in ``sparsity`` not 0: int8 (len(ids), stop - start)."""
    out = np.empty((len(ids), stop - start), dtype=np.int8)
    stream_key, chance = np.uint64(stream), np.uint64(round(2**15 / sparsity))
    run_ranges(
        lambda a, b: fill_signs(stream_key, ids.keys(a, b), start, chance, out, a),
        even_ranges(len(ids), _ROWS),
        n_threads,
    )
    return out


def expanded(lists: SignLists, start: int, stop: int, width: int) -> npt.NDArray[np.int8]:
    """Columns [start, stop) of the lists over {-1, 0, 1}, int8 (n_rows, width), zeros beyond them."""
    out = np.zeros((lists.starts.size - 1, width), dtype=np.int8)
    expand_signs(*lists, start, stop, out)
    return out


def project_features(
    features: npt.ArrayLike | None, n_nodes: int, dim: int, seed: int, start: int, stop: int, n_threads: int = 1
) -> Float32s:
    """Columns [start, stop) of ``features @ P``, float32 (n_nodes, stop - start).

    P has ``dim`` columns and a row per feature: ``±sqrt(3 / dim)`` with chance 1/6 each, else 0, which keeps lengths in
    expectation. A column of the result is summed feature by feature, whichever columns are made together.

    Raises
    ------
    InvalidInput
        When the features are missing, not finite, or not of shape (n_nodes, at least 1).
    """
    given = _checked(features, n_nodes)
    signs = dense_signs(key(seed, "fastrp.property"), IntegerIds(given.shape[1]), ACHLIOPTAS, start, stop)
    out = np.empty((n_nodes, stop - start), dtype=np.float32)
    factor = np.float32(math.sqrt(ACHLIOPTAS / dim))
    run_ranges(lambda a, b: project_rows(given, signs, factor, out, a, b), even_ranges(n_nodes, _ROWS), n_threads)
    return out


def _gaps(sparsity: float, n_columns: int) -> npt.NDArray[np.uint64]:
    """2**64 times the chance that at most g columns stand before the next entry; whole numbers all the way, so that
    every machine has the same."""
    one = 1 << 128
    empty = one - int(one / Fraction(sparsity))
    left, table = one, []
    for _ in range(n_columns):
        left = left * empty >> 128
        table.append(min((one - left) >> 64, 2**64 - 1))
    return np.array(table, dtype=np.uint64)


def _checked(features: npt.ArrayLike | None, n_nodes: int) -> Float32s:
    if features is None:
        raise InvalidInput(
            source="features", what="none given, and property_ratio > 0", fix="pass features, or set property_ratio = 0"
        )
    given = np.ascontiguousarray(features, dtype=np.float32)
    if given.ndim != 2 or given.shape[0] != n_nodes or given.shape[1] == 0:
        raise InvalidInput(source="features", what=f"shape {given.shape}", fix=f"pass ({n_nodes}, at least 1)")
    if not np.isfinite(given).all():
        row = int(np.argmin(np.isfinite(given).all(axis=1)))
        raise InvalidInput(source="features", what=f"row {row} is not finite", fix="fill the gap or drop the column")
    return given
