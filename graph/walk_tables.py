"""What random walks look up: the aliases of weighted arcs, and how long walks are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.threads import balanced_ranges, run_ranges
from graph.arrays import arc_arrays, read_only
from graph.csr import CSRGraph
from graph.kernels.alias import build_aliases

_GUIDE_ENTRIES = 1024  # the upper ten bits of a word
_ARCS_PER_RANGE = 2**20


class LengthLaw(NamedTuple):
    """The law of the number of steps of a walk, as kernels read it.

    Attributes
    ----------
    survival : uint64, shape (max_steps,), 2**64 times the chance of more than t steps
    guide : int32, shape (1024,), steps that a random word with these upper ten bits takes for certain
    """

    survival: npt.NDArray[np.uint64]
    guide: npt.NDArray[np.int32]


def length_law(survival: npt.NDArray[np.float64]) -> LengthLaw:
    """From the chance of more than t steps, t = 0, 1, …: falling, within [0, 1); no walk takes more than all of them.

    Raises
    ------
    InvalidParams
        When the chances rise, or leave [0, 1).
    """
    if survival.ndim != 1 or not ((survival >= 0) & (survival < 1)).all() or (np.diff(survival) > 0).any():
        raise InvalidParams(name="survival", value=survival, allowed="chances in [0, 1) that never rise")
    certain = np.searchsorted(-survival, -(np.arange(_GUIDE_ENTRIES) + 1) / _GUIDE_ENTRIES, side="right")
    return LengthLaw((survival * 2.0**64).astype(np.uint64), certain.astype(np.int32))


def geometric_law(damping: float, max_steps: int) -> LengthLaw:
    """Walks that go on with probability ``damping`` after every step, but after ``max_steps``."""
    return length_law(np.multiply.accumulate(np.full(max_steps, damping)))  # products, which are the same everywhere


def arc_aliases(graph: CSRGraph, n_threads: int = 1) -> npt.NDArray[np.uint64]:
    """Alias table, uint64 (n_edges,), that `fingerprints` and `random_walks` take; empty without weights.

    Whoever walks from many ranges of one graph makes it once. It takes some 15 ns an arc.

    Raises
    ------
    InvalidInput
        When a row has 2**31 arcs or more.
    """
    arcs = arc_arrays(graph)
    aliases = np.empty(arcs.weights.size, dtype=np.uint64)
    if not arcs.weights.size:
        return aliases
    longest = int(graph.out_degree().max())
    if longest >= 2**31:
        raise InvalidInput(source="graph", what=f"a node has {longest} arcs", fix="merge its parallel arcs")

    def work(start: int, stop: int) -> None:
        size = int(np.diff(arcs.indptr[start : stop + 1]).max())
        build_aliases(
            arcs.indptr, arcs.weights, start, stop, np.empty(size), np.empty(size, dtype=np.int64), aliases
        )  # fmt: skip

    run_ranges(work, balanced_ranges(arcs.indptr, _ARCS_PER_RANGE), n_threads)
    return aliases


def checked_aliases(graph: CSRGraph, aliases: npt.NDArray[np.uint64] | None, n_threads: int) -> npt.NDArray[np.uint64]:
    """``aliases`` as kernels take them, made when they are not given.

    Raises
    ------
    InvalidInput
        When they are not of this graph.
    """
    made = arc_aliases(graph, n_threads) if aliases is None else aliases
    wanted = graph.n_edges if graph.weights is not None else 0
    if made.shape != (wanted,) or made.dtype != np.uint64:
        raise InvalidInput(
            source="aliases",
            what=f"they are {made.dtype} of shape {made.shape}, the graph needs uint64 ({wanted},)",
            fix="make them with arc_aliases(graph)",
        )
    return read_only(made)
