"""Rows of an embedding from kept powers, any range of them: no arc is followed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.kernels.rows import has_vectors, new_lanes
from foundation.memory import written_once
from foundation.threads import even_ranges, run_ranges
from graph.fastrp_params import FastRPParams
from graph.kernels.propagate import add_stored
from graph.propagation import GROUP, ROWS, Float32s, Rows, frozen, row_norms, unit_factors


def combined_rows(
    params: FastRPParams,
    own: Rows | None,
    powers: Sequence[Rows],
    places: npt.NDArray[Any],
    start: int,
    stop: int,
    n_threads: int = 1,
) -> Float32s:
    """Rows [start, stop) of `fastrp`, float32 (stop - start, dim), with its bytes.

    Parameters
    ----------
    own : the nodes' own rows, in order; needed when the params have ``self_influence`` > 0
    powers : of hop 1, 2, …; at least as many as the params have weights up to the last that is not 0
    places : row of each node in a power, -1 for none
    """
    out: Float32s = written_once((stop - start, params.dim), np.float32)

    def work(first: int, last: int) -> None:
        nodes = np.arange(start + first, start + last, dtype=places.dtype)
        if params.self_influence and own is not None:
            _add(own, nodes, params.self_influence, out[first:last])
        for weight, rows in zip(params.hops, powers, strict=False):
            if weight:
                _add(rows, places[start + first : start + last], weight, out[first:last])

    run_ranges(work, even_ranges(stop - start, ROWS), n_threads)
    return out


def _add(rows: Rows, places: npt.NDArray[Any], weight: float, out: Float32s) -> None:
    """Add the rows at ``places``, ``weight`` long. Only they are scaled, hence taken out first."""
    stored = np.flatnonzero(places >= 0)
    if stored.size == 0:
        return
    slots = np.full(places.size, -1, dtype=places.dtype)
    slots[stored] = np.arange(stored.size)
    taken = Rows(*(np.ascontiguousarray(array[places[stored]]) for array in rows))
    factors = unit_factors(weight, taken, row_norms([taken.squares]))
    lanes = new_lanes(GROUP, vectors=has_vectors())
    add_stored(frozen(taken.values), frozen(slots), frozen(factors), out, 0, 0, places.size, -1, lanes)
