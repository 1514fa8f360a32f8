"""PowerWalk fingerprints: where the walks from every node went, counted offline.

Source: Liu, Li, Lui, Cheng, CIKM 2016, arXiv:1608.06054 (MCFP: every visited node counts, not the end alone).
A walk goes on with probability ``damping`` and ends at a node without out-arcs. Scaling is fixed:
``p̂_v = (1 - damping) · (e_v + counts_v / n_walks)`` is unbiased; dividing by the sum of counts would not be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import key
from foundation.threads import balanced_ranges, in_order
from graph.arrays import ArcArrays, arc_arrays, read_only
from graph.csr import CSRGraph
from graph.kernels.walk import walk_counts
from graph.ppr import check_damping
from graph.walk_tables import LengthLaw, checked_aliases, geometric_law

_MIN_STEPS = 200  # what customary damping never reaches
_UNSEEN_BITS = 53  # a longer walk is less likely than the rounding of a float64
_SLOTS = 2048  # walks drawn at a time
_PATH = 2**14  # steps that they take together, if walks are not longer
_BUFFER_ENTRIES = 2**18
_MOST_COUNTED = 2**12  # counts sorted by counting them; a row with a greater one is sorted by comparing
_WALKS_PER_RANGE = 2**15

Allotment = Literal["even", "degree"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerWalkParams:
    """Everything that decides the fingerprints: equal params on equal graphs give equal bytes.

    Attributes
    ----------
    n_walks : walks per node, ≥ 1; 100 is the paper's customary index
    allotment : "even", ``n_walks`` from every node; or "degree", as many in all (but one at least from every node), in
        proportion to out-arcs
    damping : probability to walk on, [0, 1)
    max_entries : entries stored per node, the most visited first; None or 0 keeps all
    seed : of the walks
    """

    n_walks: int = 100
    allotment: Allotment = "even"
    damping: float = 0.85
    max_entries: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_damping(self.damping)
        if self.n_walks < 1:
            raise InvalidParams(name="n_walks", value=self.n_walks, allowed="≥ 1")
        if self.n_walks * self.max_steps >= 2**31:
            raise InvalidParams(
                name="n_walks", value=self.n_walks, allowed=f"< {2**31 // self.max_steps} at damping {self.damping}"
            )
        if self.allotment not in get_args(Allotment):
            raise InvalidParams(name="allotment", value=self.allotment, allowed=", ".join(get_args(Allotment)))
        if self.max_entries is not None and self.max_entries < 0:
            raise InvalidParams(name="max_entries", value=self.max_entries, allowed="≥ 1, or None or 0 for all")

    @property
    def max_steps(self) -> int:
        """Steps after which a walk is ended: so many that no walk gets there."""
        if self.damping == 0:
            return _MIN_STEPS
        return max(_MIN_STEPS, math.ceil(_UNSEEN_BITS * math.log(2) / -math.log(self.damping)))

    @property
    def count_dtype(self) -> np.dtype[Any]:
        """uint16 where the visits of ``n_walks · max_steps`` steps fit, else uint32: no count can wrap."""
        few = self.allotment == "even" and self.n_walks * self.max_steps < 2**16
        return np.dtype(np.uint16 if few else np.uint32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fingerprints:
    """Visit counts of the walks from a range of nodes, as CSR rows; arrays may be mapped from files.

    Attributes
    ----------
    indptr : int64, shape (n_rows + 1,), from 0
    nodes : int32, shape (n_entries,); within a row the most visited first, ties in order of the first visit
    counts : uint16 or uint32, shape (n_entries,), visits by all walks of the row, their start not counted
    lost : float32, shape (n_rows,), walk mass of the entries that ``max_entries`` cut off
    walks : int32, shape (n_rows,), walks of each row; None when all rows have the ``n_walks`` of the params
    """

    indptr: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int32]
    counts: npt.NDArray[Any]
    lost: npt.NDArray[np.float32]
    walks: npt.NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        if self.indptr.ndim != 1 or self.indptr.size < 1 or self.indptr.dtype != np.int64 or self.indptr[0] != 0:
            raise _invalid("indptr must be one-dimensional int64 and start at 0")
        if self.nodes.dtype != np.int32 or self.counts.dtype not in (np.uint16, np.uint32):
            raise _invalid(f"nodes are {self.nodes.dtype}, counts {self.counts.dtype}: int32 and uint16 or uint32 fit")
        if self.nodes.shape != self.counts.shape or self.nodes.shape != (int(self.indptr[-1]),):
            raise _invalid(f"{self.nodes.size} nodes, {self.counts.size} counts, indptr ends at {self.indptr[-1]}")
        if self.lost.shape != (self.n_rows,) or self.lost.dtype != np.float32:
            raise _invalid(f"lost is {self.lost.dtype} of shape {self.lost.shape}, there are {self.n_rows} rows")
        if self.walks is not None and (self.walks.shape != (self.n_rows,) or self.walks.dtype != np.int32):
            raise _invalid(f"walks are {self.walks.dtype} of shape {self.walks.shape}, there are {self.n_rows} rows")

    @property
    def n_rows(self) -> int:
        return self.indptr.size - 1

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What to save: ``Fingerprints(**arrays)`` opens it again, mapped or not."""
        arrays = {"indptr": self.indptr, "nodes": self.nodes, "counts": self.counts, "lost": self.lost}
        return arrays if self.walks is None else arrays | {"walks": self.walks}

    def walks_of(self, params: PowerWalkParams) -> npt.NDArray[np.int32]:
        """Walks of every row, int32 (n_rows,): what counts are divided by."""
        return np.full(self.n_rows, params.n_walks, dtype=np.int32) if self.walks is None else self.walks

    @classmethod
    def concatenate(cls, parts: Sequence[Fingerprints]) -> Fingerprints:
        """Rows of all ``parts``, in order; at least one part."""
        if not parts:
            raise _invalid("no parts to concatenate")
        starts = np.cumsum([0, *(part.nodes.size for part in parts)])
        tails = [part.indptr[1:] + start for part, start in zip(parts, starts[:-1], strict=True)]
        return cls(
            indptr=np.concatenate([np.zeros(1, dtype=np.int64), *tails]),
            nodes=np.concatenate([part.nodes for part in parts]),
            counts=np.concatenate([part.counts for part in parts]),
            lost=np.concatenate([part.lost for part in parts]),
            walks=None if parts[0].walks is None else np.concatenate([part.walks for part in parts]),
        )


def allotted_walks(graph: CSRGraph, params: PowerWalkParams) -> npt.NDArray[np.int32]:
    """Walks from every node, int32: one element for all when they are "even", else (n_nodes,)."""
    if params.allotment == "even" or graph.n_edges == 0:
        return np.full(1, params.n_walks, dtype=np.int32)
    mean = graph.n_edges / graph.n_nodes
    most = (2**31 - 1) // params.max_steps
    return np.clip(np.rint(graph.out_degree() * (params.n_walks / mean)), 1, most).astype(np.int32)


def fingerprints(
    graph: CSRGraph,
    params: PowerWalkParams,
    start: int = 0,
    stop: int | None = None,
    n_threads: int = 1,
    aliases: npt.NDArray[np.uint64] | None = None,
    keys: npt.NDArray[Any] | None = None,
) -> Fingerprints:
    """Walk from the rows ``[start, stop)``, by default from all.

    The random words are keyed by (seed, row, walk, step): any cut into ranges, and any number of threads, gives
    the same rows. ``keys``, int64 or uint64 (n_nodes,), stands in for the row: whoever numbers rows anew keeps the
    words of each. Beside the result it takes 8 bytes per arc of a weighted graph (``aliases``, made by `arc_aliases`
    unless given: whoever asks for many ranges makes them once) and some 6 MiB per thread.

    Raises
    ------
    InvalidParams
        When the range does not lie within the graph.
    InvalidInput
        When ``aliases`` or ``keys`` are not of this graph.
    """
    end = graph.n_nodes if stop is None else stop
    if not 0 <= start <= end <= graph.n_nodes:
        raise InvalidParams(name="start, stop", value=(start, end), allowed=f"0 ≤ start ≤ stop ≤ {graph.n_nodes}")
    walks = allotted_walks(graph, params)
    work = _Work(
        arcs=arc_arrays(graph),
        aliases=checked_aliases(graph, aliases, n_threads),
        law=geometric_law(params.damping, params.max_steps),
        walks=walks,
        keys=_checked_keys(graph, keys),
        params=params,
    )
    spares: list[_Scratch] = []

    def walk(rows: tuple[int, int]) -> tuple[tuple[int, int], _Scratch]:
        try:
            scratch = spares.pop()
        except IndexError:
            scratch = _Scratch(params, work.law)
        _walk_range(work, *rows, scratch)
        return rows, scratch

    indptr = np.zeros(end - start + 1, dtype=np.int64)
    cut = np.zeros(end - start, dtype=np.int64)
    nodes, counts = (_Appended(dtype) for dtype in (np.dtype(np.int32), params.count_dtype))
    for (first, last), scratch in in_order(walk, _ranges(work, start, end), n_threads):
        size = int(scratch.indptr[last - first])
        indptr[first - start + 1 : last - start + 1] = scratch.indptr[1 : last - first + 1] + nodes.size
        cut[first - start : last - start] = scratch.cut[: last - first]
        nodes.append(scratch.nodes[:size])
        counts.append(scratch.counts[:size])
        spares.append(scratch)
    n_walks = walks[start:end] if params.allotment == "degree" and walks.size == graph.n_nodes else walks
    return Fingerprints(
        indptr=indptr,
        nodes=nodes.array(),
        counts=counts.array(),
        lost=((1 - params.damping) / n_walks * cut).astype(np.float32),
        walks=None if params.allotment == "even" else np.broadcast_to(n_walks, end - start).astype(np.int32),
    )


class _Work(NamedTuple):
    """What all ranges of one call share."""

    arcs: ArcArrays
    aliases: npt.NDArray[np.uint64]
    law: LengthLaw
    walks: npt.NDArray[np.int32]
    keys: npt.NDArray[np.uint64]
    params: PowerWalkParams


class _Scratch:
    """One thread's memory, used for one range after another so that it stays in the caches."""

    def __init__(self, params: PowerWalkParams, law: LengthLaw) -> None:
        self.steps, self.places, self.arcs, self.ends = (np.empty(_SLOTS, dtype=np.int64) for _ in range(4))
        self.drawn, self.words, self.coins = (np.empty(_SLOTS, dtype=np.uint64) for _ in range(3))
        self.origin, self.at = (np.empty(_SLOTS, dtype=np.int32) for _ in range(2))
        self.n_longer = np.empty(law.survival.size + 2, dtype=np.int64)
        self.path = np.empty(max(_PATH, law.survival.size), dtype=np.int32)
        self.ranks = np.empty(_MOST_COUNTED, dtype=np.int64)
        self.indptr, self.cut = np.empty(1, dtype=np.int64), np.empty(0, dtype=np.int64)
        self.nodes = np.empty(_BUFFER_ENTRIES, dtype=np.int32)
        self.counts = np.empty(_BUFFER_ENTRIES, dtype=params.count_dtype)
        # Four times the visits expected of a row: few nodes then share a slot.
        self.resize_table(2 ** math.ceil(math.log2(4 * (16 + params.n_walks / (1 - params.damping)))))

    def resize_table(self, size: int) -> None:
        self.table = np.zeros(size, dtype=np.uint64)
        self.found = np.empty(size // 2 + 1, dtype=np.int32)
        self.often = np.empty(size // 2 + 1, dtype=np.uint64)

    def grow(self, filled: int) -> None:
        """Make room for one more row: in the output, where ``filled`` entries stay, if it lacks it, else in the table."""
        if self.nodes.size - filled >= self.found.size:
            self.resize_table(2 * self.table.size)
            return
        size = max(2 * self.nodes.size, filled + self.found.size)
        nodes, counts = np.empty(size, dtype=self.nodes.dtype), np.empty(size, dtype=self.counts.dtype)
        nodes[:filled], counts[:filled] = self.nodes[:filled], self.counts[:filled]
        self.nodes, self.counts = nodes, counts


class _Appended:
    """An array that grows; memory asked for beyond what was appended is not touched."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.size = 0
        self._room = np.empty(_BUFFER_ENTRIES, dtype=dtype)

    def append(self, values: npt.NDArray[Any]) -> None:
        needed = self.size + values.size
        if needed > self._room.size:
            room = np.empty(max(needed, 2 * self._room.size), dtype=self._room.dtype)
            room[: self.size] = self._room[: self.size]
            self._room = room
        self._room[self.size : needed] = values
        self.size = needed

    def array(self) -> npt.NDArray[Any]:
        return self._room[: self.size]


def _ranges(work: _Work, start: int, stop: int) -> list[tuple[int, int]]:
    """Ranges of rows that take about `_WALKS_PER_RANGE` walks each."""
    walking = np.diff(work.arcs.indptr[start : stop + 1]) > 0
    walks = work.walks[start:stop] if work.walks.size > 1 else work.walks
    total = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.where(walking, walks, 0))])
    return [(start + first, start + last) for first, last in balanced_ranges(total, _WALKS_PER_RANGE)]


def _walk_range(work: _Work, start: int, stop: int, scratch: _Scratch) -> None:
    """Leave the rows in ``scratch``; the kernel is called again, with more room, until every row is done."""
    if scratch.cut.size < stop - start:
        scratch.indptr, scratch.cut = np.empty(stop - start + 1, dtype=np.int64), np.empty(stop - start, dtype=np.int64)
    scratch.indptr[0] = 0
    walk_key = np.uint64(key(work.params.seed, "powerwalk.walk"))
    row = start
    while row < stop:
        done = row - start
        filled = int(scratch.indptr[done])
        row = walk_counts(
            *work.arcs[:2], work.aliases, *work.law, work.walks, work.keys, walk_key,
            work.params.max_entries or work.arcs.indptr.size, row, stop,
            scratch.steps, scratch.drawn, scratch.origin, scratch.at, scratch.words, scratch.places, scratch.arcs,
            scratch.coins, scratch.n_longer, scratch.ends, scratch.path, scratch.table, scratch.ranks, scratch.found,
            scratch.often, scratch.indptr[done:], filled, scratch.nodes, scratch.counts, scratch.cut[done:],
        )  # fmt: skip
        if row < stop:
            scratch.grow(int(scratch.indptr[row - start]))


def _checked_keys(graph: CSRGraph, keys: npt.NDArray[Any] | None) -> npt.NDArray[np.uint64]:
    if keys is None:
        return read_only(np.empty(0, dtype=np.uint64))
    if keys.shape != (graph.n_nodes,) or keys.dtype not in (np.int64, np.uint64):
        raise InvalidInput(
            source="keys",
            what=f"they are {keys.dtype} of shape {keys.shape}, the graph has {graph.n_nodes} nodes",
            fix="pass one int64 or uint64 for each row",
        )
    return read_only(np.ascontiguousarray(keys).view(np.uint64))


def _invalid(what: str) -> InvalidInput:
    return InvalidInput(source="fingerprints", what=what, fix="build them again from the graph")
