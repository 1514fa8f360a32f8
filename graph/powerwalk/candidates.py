"""What may be kept: parts of what is built, each with an effort, and how much of each there is space for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from graph.csr import CSRGraph
from graph.powerwalk.fingerprints import Fingerprints
from graph.powerwalk.hubs import HubVectors, choose_hubs
from graph.powerwalk.index import PowerWalkIndex
from graph.powerwalk.layout import Layout
from graph.powerwalk.params import PowerWalkParams, QueryParams

_ENTRY_BYTES = 8  # of a hub's list
_HUB_BYTES = 40  # beside its list
_PRINT_BYTES = 6  # of an entry of a fingerprint, counts being uint16
_FEWEST_WALKS = 4
_LEAST_WITH_WALKS = 1e-5  # a smaller rmax reads the walks of tens of thousands of nodes
_HUB_SHARE = 0.6  # of the space; the rest is for walks
_FEW = 4  # a quarter of the hubs is tried too, with lists as long and with lists four times as long
# rmax and cut of the efforts tried; rmax and sweeps
PLAIN = tuple((rmax, 0.0) for rmax in (1e-3, 1e-4, 3e-5, 1e-5, 3e-6, 1.5e-6, 1e-6))
SWEPT = ((1e-4, 1), (5e-5, 1), (1e-5, 1), (1e-4, 2), (1e-4, 4), (1e-4, 8), (1e-4, 16))
HUBS = (
    (1e-3, 1e-4),
    (1e-3, 5e-5),
    (1e-3, 3e-5),
    (1e-3, 1e-5),
    (1e-3, 3e-6),
    (1e-4, 3e-6),
    (1e-4, 1e-6),
    (1e-5, 1e-6),
    (1e-5, 1e-7),
    (1e-6, 1e-8),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A part of what was built, and an effort.

    The first ``n_hubs`` hubs with ``hub_entries`` each, walks or not, a background or not; rmax, cut and sweeps.
    """

    n_hubs: int
    hub_entries: int
    walks: bool
    background: bool
    rmax: float
    cut: float
    sweeps: int = 0

    @property
    def parts(self) -> tuple[int, int, bool, bool]:
        """What it is made of."""
        return self.n_hubs, self.hub_entries, self.walks, self.background

    @property
    def effort(self) -> QueryParams:
        return QueryParams(rmax=self.rmax, cut=self.cut, sweeps=self.sweeps)

    def __str__(self) -> str:
        parts = [f"{self.n_hubs} hubs of {self.hub_entries} entries"] if self.n_hubs else []
        parts += ["walks"] if self.walks else []
        parts += ["background"] if self.background else []
        parts += [f"{self.sweeps} sweep{'s' * (self.sweeps > 1)}"] if self.sweeps else []
        return f"{', '.join(parts) or 'push alone'}, rmax {self.rmax:g}"


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """All that candidates are parts of."""

    graph: CSRGraph
    params: PowerWalkParams
    layout: Layout
    hubs: HubVectors | None
    fingerprints: Fingerprints | None

    def index(self, candidate: Candidate) -> PowerWalkIndex:
        """The candidate as an index over arrays of this."""
        return self._index(candidate, self._hubs(candidate))

    def kept(self, candidate: Candidate) -> PowerWalkIndex:
        """The candidate as an index of its own: what it does not need may be forgotten."""
        hubs = self._hubs(candidate)
        return self._index(candidate, None if hubs is None else HubVectors(**hubs.arrays()))

    def _hubs(self, candidate: Candidate) -> HubVectors | None:
        return self.hubs.first(candidate.n_hubs, candidate.hub_entries) if candidate.n_hubs and self.hubs else None

    def _index(self, candidate: Candidate, hubs: HubVectors | None) -> PowerWalkIndex:
        return PowerWalkIndex(
            self.graph, self.params, layout=self.layout, hubs=hubs,
            fingerprints=self.fingerprints if candidate.walks else None, background=candidate.background,
            effort=candidate.effort,
        )  # fmt: skip

    def bytes_per_node(self, candidate: Candidate) -> float:
        """Of the arrays the candidate would be saved with."""
        n_bytes = sum(array.nbytes for array in self.layout.arrays().values())
        if candidate.n_hubs and self.hubs:
            sizes = np.minimum(np.diff(self.hubs.indptr[: candidate.n_hubs + 1]), candidate.hub_entries)
            n_bytes += (
                _ENTRY_BYTES * int(sizes.sum()) + (32 if self.hubs.off is None else _HUB_BYTES) * candidate.n_hubs
            )
        if candidate.walks and self.fingerprints:
            n_bytes += sum(array.nbytes for array in self.fingerprints.arrays().values())
        return n_bytes / max(1, self.graph.n_nodes)


def sized(layout: Layout, params: PowerWalkParams) -> PowerWalkParams:
    """``params`` with as many walks as there is space for beside hubs, where the choice is free."""
    if params.method != "auto":
        return params
    visits = _PRINT_BYTES * params.damping / (1 - params.damping)  # bytes a walk takes where no node comes twice
    n_walks = int((1 - _HUB_SHARE) * _spare(layout, params) / visits) if visits else params.n_walks
    return dataclasses.replace(params, n_walks=max(1, min(params.n_walks, n_walks)))


def wants_walks(params: PowerWalkParams) -> bool:
    """Whether walks are worth a try; ``params`` as `sized` returns them."""
    return params.method == "powerwalk" or (params.method == "auto" and params.n_walks >= _FEWEST_WALKS)


def hubs_of(layout: Layout, params: PowerWalkParams) -> npt.NDArray[np.int32]:
    """The hubs to rank, for all that is tried."""
    return choose_hubs(layout, n_hubs_of(layout, params))


def n_hubs_of(layout: Layout, params: PowerWalkParams) -> int:
    """How many hubs are ranked at most; nodes without arcs are none, so that there may be fewer."""
    n_hubs = _most_hubs(layout, params)
    return min(layout.n_nodes, n_hubs * _FEW) if _tries_more(layout, params) else n_hubs


def _tries_more(layout: Layout, params: PowerWalkParams) -> bool:
    """Whether four times the hubs with lists a quarter as long are tried too.

    That is where pushes are short, along directed arcs. Where they spread over the whole graph short lists are
    useless and hubs are dear.
    """
    return params.method == "auto" and not layout.stationary.size and params.max_hub_entries >= 2 * _FEW


def _most_hubs(layout: Layout, params: PowerWalkParams) -> int:
    """As many as fill the space, at the full length of their lists."""
    if params.method not in ("auto", "hubs") or not layout.n_nodes:
        return 0
    entries = min(params.max_hub_entries, layout.n_nodes)
    space = _spare(layout, params) * (_HUB_SHARE if params.method == "auto" else 1.0)
    of_a_hub = _ENTRY_BYTES * entries + (0 if params.method == "auto" else _HUB_BYTES)
    return min(layout.n_nodes, int(space * layout.n_nodes / of_a_hub))


def entries_of(layout: Layout, n_hubs: int, params: PowerWalkParams) -> npt.NDArray[np.int32]:
    """How long the list of each of `hubs_of` has to be for all that is tried."""
    most, entries = _most_hubs(layout, params), params.max_hub_entries
    limits = np.full(n_hubs, entries, dtype=np.int32)
    if params.method == "auto":
        limits[most:] = entries // _FEW
        limits[: most // _FEW] = entries * _FEW
    return limits


def _spare(layout: Layout, params: PowerWalkParams) -> float:
    """Bytes per node beside the graph itself."""
    taken = sum(array.nbytes for array in layout.arrays().values())
    return max(0.0, params.index_bytes - taken / max(1, layout.n_nodes))


def candidates(material: Material) -> Iterator[Candidate]:
    """What to measure, the less work the sooner."""
    method = material.params.method
    n_hubs = material.hubs.n_hubs if material.hubs is not None else 0
    entries = material.params.max_hub_entries
    most = min(_most_hubs(material.layout, material.params), n_hubs)
    sizes = [(most, entries)] if most else [(0, 0)]
    if method == "auto" and most:
        sizes.insert(0, (0, 0))
        sizes += [(most // _FEW, entries), (most // _FEW, _FEW * entries)] if most >= _FEW else []
        sizes += [(n_hubs, entries // _FEW), (n_hubs, entries // _FEW // 2)] if n_hubs > most else []
    ends = [(True, False)] if method == "powerwalk" else [(False, False)]
    if method != "powerwalk" and not material.graph.directed:
        ends.append((False, True))
    if method == "auto" and material.fingerprints is not None:
        ends.append((True, False))
    nothing = (False, False) if not material.graph.directed else None
    for walks, background in ends:
        for size, length in sizes:
            # Walks are tried beside all hubs only; and where mass can be spread, leaving it was never better but beside
            # lists made by sweeps, which lack little that a background is right about.
            spread = nothing if not material.params.hub_sweeps else None
            if method == "auto" and size and ((walks and size != most) or (walks, background) == spread):
                continue
            for rmax, cut in HUBS if size else PLAIN:
                if walks and method == "auto" and rmax < _LEAST_WITH_WALKS:
                    continue
                yield Candidate(
                    n_hubs=size, hub_entries=length, walks=walks, background=background, rmax=rmax, cut=cut
                )  # fmt: skip
            if method in ("auto", "push") and not (size or walks) and (walks, background) != nothing:
                for rmax, sweeps in SWEPT:
                    yield Candidate(
                        n_hubs=0, hub_entries=0, walks=False, background=background, rmax=rmax, cut=0.0, sweeps=sweeps
                    )  # fmt: skip


def unmeasured(material: Material) -> Candidate:
    """For graphs where no source reaches far enough to measure: everything is cheap there."""
    last = list(candidates(material))[-1]
    rmax, cut = next(effort for effort in (HUBS if last.n_hubs else PLAIN) if effort[0] == 1e-5)
    return dataclasses.replace(last, rmax=rmax, cut=cut, sweeps=0)
