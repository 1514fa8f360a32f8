"""Hub vectors by steps over the whole graph: for graphs where a push from a hub would spread everywhere slowly.

A short push and a background begin, blended steps (Golub, Varga, Numer. Math. 1961; see `graph.acceleration`) go on,
and what a last one would change certifies the distance. Sixteen hubs share a step. Eigenvalues of a damped step over an
undirected graph lie within ±damping, and the blends are those for all of that: no column needs to be watched.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from foundation.kernels.columns import Columns
from foundation.threads import even_ranges, run_ranges
from graph.arrays import read_only
from graph.kernels.hub_sweeps import finish_hubs, push_hubs, step_hubs
from graph.kernels.selection import BINS
from graph.powerwalk.hubs import HubVectors
from graph.powerwalk.layout import Layout
from graph.powerwalk.scratch import new_scratch
from graph.powerwalk.sweeps import WIDTH, steps_of

_SPARE_KEYS = 8  # times the longest list, and 8,192: what is gathered before the best are picked


def swept_hubs(
    layout: Layout,
    hubs: npt.NDArray[np.int32],
    *,
    damping: float,
    rmax: float,
    n_sweeps: int,
    max_entries: npt.NDArray[np.int32],
    n_threads: int = 1,
) -> HubVectors:
    """Rank as seen from each of ``hubs``, rows of the layout of an undirected graph that a walk can leave.

    Any cut of ``hubs`` into ranges, and any number of threads, gives the same rows. Takes 180 bytes per node and thread
    beside the result, and a copy of the weights.
    """
    arcs, places, steps = layout.arcs(layout.degrees()), layout.places(background=True), steps_of(layout)
    ranges = even_ranges(hubs.size, WIDTH)
    longest = np.minimum(max_entries, layout.n_nodes).astype(np.int32)
    n_keys = min(layout.n_nodes, _SPARE_KEYS * int(longest.max(initial=0)) + 8192)
    columns, singles = Columns(WIDTH), Columns(WIDTH, single=True)
    parts: dict[int, HubVectors] = {}
    pool: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] = []

    def work(start: int, stop: int) -> None:
        some, limits = read_only(hubs[start:stop]), read_only(longest[start:stop])
        shape = (layout.n_nodes, WIDTH)
        block, other = pool.pop() if pool else (np.empty(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32))
        scratch = new_scratch(layout.n_nodes, 0)
        push_hubs(arcs, places, steps, some, damping, rmax, scratch, block)
        for blend in _blends(damping, n_sweeps):
            step_hubs(steps, some, damping, blend, block, other, columns, singles)
            block, other = other, block
        indptr, size = np.zeros(some.size + 1, dtype=np.int64), int(limits.sum())
        nodes, values = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.float32)
        mass, error, off = np.empty(some.size), np.empty(some.size), np.empty(some.size)
        finish_hubs(
            places, steps, some, damping, block, columns, singles, np.empty((WIDTH, n_keys), dtype=np.uint64),
            np.empty(BINS, dtype=np.int32), limits, indptr, nodes, values, mass, error, off,
        )  # fmt: skip
        pool.append((block, other))
        size = int(indptr[-1])
        parts[start] = HubVectors(
            hubs=hubs[start:stop], indptr=indptr, nodes=nodes[:size].copy(), values=values[:size].copy(), mass=mass,
            error=error, limits=max_entries[start:stop].astype(np.int32), off=off,
        )  # fmt: skip

    run_ranges(work, ranges, n_threads)
    nothing = HubVectors(
        hubs=hubs[:0], indptr=np.zeros(1, dtype=np.int64), nodes=np.empty(0, dtype=np.int32),
        values=np.empty(0, dtype=np.float32), mass=np.empty(0), error=np.empty(0),
        limits=np.empty(0, dtype=np.int32), off=np.empty(0),
    )  # fmt: skip
    return HubVectors.concatenate([nothing, *(parts[start] for start, _ in ranges)])


def _blends(damping: float, n_sweeps: int) -> Iterator[float]:
    """Of each step, for eigenvalues within ±damping: errors shrink by damping / (1 + √(1 - damping²)) a step."""
    blend, squared = 1.0, damping * damping
    for step in range(n_sweeps):
        if step:
            blend = 1 / (1 - (squared / 2 if step == 1 else squared * blend / 4))
        yield blend
