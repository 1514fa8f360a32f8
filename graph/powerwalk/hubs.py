"""Hub vectors: the rankings of the nodes where most walks come by, stored cut to their largest entries.

Source: Jeh, Widom, WWW 2003 (decomposition onto hubs); Liu, Li, Lui, Cheng, CIKM 2016 (vertex-centric decomposition).
A query lets residual wait at hubs and adds their rankings times what waits. A hub's own ranking is what push settles:
never more than the exact one, so that what a list lacks is known to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.threads import even_ranges, run_ranges
from graph.arrays import read_only, rows_taken
from graph.kernels.answer import Hubs
from graph.kernels.hubs import hub_lists
from graph.powerwalk.layout import Layout
from graph.powerwalk.scratch import new_scratch

_HUBS_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HubVectors:
    """Rankings of some nodes, CSR by hub; arrays may be mapped from files.

    Attributes
    ----------
    hubs : int32, shape (n_hubs,), rows of the layout
    indptr : int64, shape (n_hubs + 1,), from 0
    nodes : int32, shape (n_entries,), rows of the layout; within a hub the largest first
    values : float32, shape (n_entries,), never above the exact score where hubs were ranked by push alone
    mass : float64, shape (n_hubs,), sum of each list before it was cut
    limits : int32, shape (n_hubs,), how long each list was allowed to be; entries beyond are there, and do not count
    error : float64, shape (n_hubs,), limit of the L1 distance to the exact ranking when the list is whole and the rest
        is spread by the stationary distribution; infinite on directed graphs
    off : float64, shape (n_hubs,), limit of the L1 distance of the scores, before the list was cut, to the exact ones,
        for hubs ranked by sweeps; None where no score is above the exact one
    """

    hubs: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]
    mass: npt.NDArray[np.float64]
    error: npt.NDArray[np.float64]
    limits: npt.NDArray[np.int32]
    off: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if (
            self.indptr.size != self.hubs.size + 1
            or not self.mass.shape == self.error.shape == self.limits.shape == self.hubs.shape
        ):
            raise _invalid(f"{self.hubs.size} hubs, {self.mass.size} masses, {self.indptr.size} row pointers")
        if self.nodes.shape != self.values.shape or self.nodes.shape != (int(self.indptr[-1]),):
            raise _invalid(f"{self.nodes.size} nodes, {self.values.size} values, indptr ends at {self.indptr[-1]}")
        if self.off is not None and self.off.shape != self.hubs.shape:
            raise _invalid(f"{self.hubs.size} hubs, {self.off.size} distances")

    @property
    def n_hubs(self) -> int:
        return self.hubs.size

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What to save, entries that do not count left out: ``HubVectors(**arrays)`` opens it again, mapped or not."""
        indptr, nodes, values = self.indptr, self.nodes, self.values
        if (np.diff(indptr) > self.limits).any():
            indptr, kept = rows_taken(indptr, self._sizes(), np.arange(self.n_hubs))
            nodes, values = nodes[kept], values[kept]
        others = {name: getattr(self, name) for name in ("hubs", "mass", "error", "limits")}
        if self.off is not None:
            others["off"] = self.off
        return {"indptr": indptr, "nodes": nodes, "values": values, **others}

    def first(self, n_hubs: int, max_entries: int) -> HubVectors:
        """What fewer hubs with shorter lists would have made, where it lies; its `arrays` are the same bytes."""
        n_entries = int(self.indptr[: n_hubs + 1][-1])
        return HubVectors(
            hubs=self.hubs[:n_hubs], indptr=self.indptr[: n_hubs + 1], nodes=self.nodes[:n_entries],
            values=self.values[:n_entries], mass=self.mass[:n_hubs], error=self.error[:n_hubs],
            limits=np.minimum(self.limits[:n_hubs], max_entries).astype(np.int32),
            off=None if self.off is None else self.off[:n_hubs],
        )  # fmt: skip

    def take(self, which: npt.NDArray[np.int64]) -> HubVectors:
        """The lists at these places, in this order."""
        indptr, entries = rows_taken(self.indptr, self._sizes(), which)
        return HubVectors(
            hubs=self.hubs[which], indptr=indptr, nodes=self.nodes[entries], values=self.values[entries],
            mass=self.mass[which], error=self.error[which], limits=self.limits[which],
            off=None if self.off is None else self.off[which],
        )  # fmt: skip

    def _sizes(self) -> npt.NDArray[np.int64]:
        sizes: npt.NDArray[np.int64] = np.minimum(np.diff(self.indptr), self.limits)
        return sizes

    def as_kernels_take_it(self, n_nodes: int) -> Hubs:
        """With the hub of every node looked up beforehand, int32 (n_nodes,)."""
        hub_of = np.full(n_nodes, -1, dtype=np.int32)
        hub_of[self.hubs] = np.arange(self.n_hubs, dtype=np.int32)
        off = np.zeros(self.n_hubs) if self.off is None else self.off
        arrays = hub_of, self.indptr, self.nodes, self.values, self.mass, self.error, off, self.limits
        return Hubs(*(read_only(array) for array in arrays))

    @classmethod
    def concatenate(cls, parts: Sequence[HubVectors]) -> HubVectors:
        """Hubs of all ``parts``, in order, ranked in the same way."""
        offs = [part.off for part in parts if part.off is not None]
        starts = np.cumsum([0, *(part.nodes.size for part in parts)])
        tails = [part.indptr[1:] + start for part, start in zip(parts, starts[:-1], strict=True)]
        return cls(
            hubs=np.concatenate([np.empty(0, dtype=np.int32), *(part.hubs for part in parts)]),
            indptr=np.concatenate([np.zeros(1, dtype=np.int64), *tails]),
            nodes=np.concatenate([np.empty(0, dtype=np.int32), *(part.nodes for part in parts)]),
            values=np.concatenate([np.empty(0, dtype=np.float32), *(part.values for part in parts)]),
            mass=np.concatenate([np.empty(0), *(part.mass for part in parts)]),
            error=np.concatenate([np.empty(0), *(part.error for part in parts)]),
            limits=np.concatenate([np.empty(0, dtype=np.int32), *(part.limits for part in parts)]),
            off=np.concatenate(offs) if offs else None,
        )


def no_hubs() -> Hubs:
    """What kernels take where there are none."""
    rows, floats = np.empty(0, dtype=np.int32), np.empty(0)
    arrays = rows, np.zeros(1, dtype=np.int64), rows, np.empty(0, dtype=np.float32), floats, floats, floats, rows
    return Hubs(*(read_only(array) for array in arrays))


def choose_hubs(layout: Layout, n_hubs: int) -> npt.NDArray[np.int32]:
    """The ``n_hubs`` nodes with most arcs coming in, int32 rows of the layout; nodes without arcs out are none.

    Ties go by the caller's row.
    """
    arriving = np.bincount(layout.indices, minlength=layout.n_nodes)
    arriving[np.isinf(layout.degrees())] = 0
    best = np.lexsort((layout.order, -arriving))[:n_hubs]
    return best[arriving[best] > 0].astype(np.int32)


def hub_vectors(
    layout: Layout,
    hubs: npt.NDArray[np.int32],
    *,
    damping: float,
    rmax: float,
    max_entries: npt.NDArray[np.int32],
    n_sweeps: int = 0,
    n_threads: int = 1,
) -> HubVectors:
    """Rank as seen from each of ``hubs``, rows of the layout, pushing to ``rmax``.

    With ``n_sweeps``, on undirected graphs, so many steps over the whole graph follow (`graph.powerwalk.hub_sweeps`).

    ``max_entries``, int32 (n_hubs,), limits each list.

    Any cut of ``hubs`` into ranges, and any number of threads, gives the same rows. Takes 45 bytes per node and thread
    beside the result.
    """
    if n_sweeps and layout.stationary.size:
        from graph.powerwalk.hub_sweeps import swept_hubs  # it makes hub vectors, so it comes after them

        return swept_hubs(
            layout, hubs, damping=damping, rmax=rmax, n_sweeps=n_sweeps, max_entries=max_entries, n_threads=n_threads
        )
    arcs, places = layout.arcs(layout.degrees()), layout.places(background=True)
    size = min(_HUBS_AT_ONCE, max(1, -(-hubs.size // (4 * max(1, n_threads)))))
    ranges = even_ranges(hubs.size, size)
    parts: dict[int, HubVectors] = {}
    pool: list[Any] = []
    limits = max_entries.astype(np.int32)
    longest = np.minimum(limits, layout.n_nodes).astype(np.int32)

    def work(start: int, stop: int) -> None:
        scratch = pool.pop() if pool else new_scratch(layout.n_nodes, 0)
        indptr = np.zeros(stop - start + 1, dtype=np.int64)
        nodes = np.empty(int(longest[start:stop].sum()), dtype=np.int32)
        values, mass, error = np.empty(nodes.size, dtype=np.float32), np.empty(stop - start), np.empty(stop - start)
        hub_lists(
            arcs, places, read_only(hubs), damping, rmax, read_only(longest), start, stop, scratch,
            indptr, nodes, values, mass, error,
        )  # fmt: skip
        pool.append(scratch)
        size = int(indptr[-1])
        parts[start] = HubVectors(
            hubs=hubs[start:stop], indptr=indptr, nodes=nodes[:size].copy(), values=values[:size].copy(),
            mass=mass, error=error, limits=limits[start:stop],
        )  # fmt: skip

    run_ranges(work, ranges, n_threads)
    return HubVectors.concatenate([parts[start] for start, _ in ranges])


def _invalid(what: str) -> InvalidInput:
    return InvalidInput(source="hub vectors", what=what, fix="build them again from the graph")
