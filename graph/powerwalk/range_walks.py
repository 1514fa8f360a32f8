"""Ranges of rows walked by threads, each in memory of its own, and their counts laid end to end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.memory import concatenated
from foundation.threads import balanced_ranges, in_order
from graph.arrays import ArcArrays
from graph.kernels.walk import walk_counts
from graph.walk_tables import LengthLaw

_SLOTS = 2048  # walks drawn at a time
_PATH = 2**14  # steps that they take together, if walks are not longer
_BUFFER_ENTRIES = 2**18
_MOST_COUNTED = 2**12  # counts sorted by counting them; a row with a greater one is sorted by comparing
_WALKS_PER_RANGE = 2**15

Int64s = npt.NDArray[np.int64]


class _Scratch:
    """One thread's memory, used for one range after another so that it stays in the caches."""

    def __init__(self, law: LengthLaw, count_dtype: np.dtype[Any], expected: float) -> None:
        self.steps, self.places, self.arcs, self.ends = (np.empty(_SLOTS, dtype=np.int64) for _ in range(4))
        self.drawn, self.words, self.coins = (np.empty(_SLOTS, dtype=np.uint64) for _ in range(3))
        self.origin, self.at = (np.empty(_SLOTS, dtype=np.int32) for _ in range(2))
        self.n_longer = np.empty(law.survival.size + 2, dtype=np.int64)
        self.path = np.empty(max(_PATH, law.survival.size), dtype=np.int32)
        self.ranks = np.empty(_MOST_COUNTED, dtype=np.int64)
        self.indptr, self.cut = np.empty(1, dtype=np.int64), np.empty(0, dtype=np.int64)
        self.nodes = np.empty(_BUFFER_ENTRIES, dtype=np.int32)
        self.counts = np.empty(_BUFFER_ENTRIES, dtype=count_dtype)
        # Four times the visits expected of a row: few nodes then share a slot.
        self.resize_table(2 ** math.ceil(math.log2(4 * (16 + expected))))

    def resize_table(self, size: int) -> None:
        self.table = np.zeros(size, dtype=np.uint64)
        self.found = np.empty(size // 2 + 1, dtype=np.int32)
        self.often = np.empty(size // 2 + 1, dtype=np.uint64)

    def grow(self, filled: int) -> None:
        """Make room for one more row: in the output, of which ``filled`` entries stay, or else in the table."""
        if self.nodes.size - filled >= self.found.size:
            self.resize_table(2 * self.table.size)
            return
        size = max(2 * self.nodes.size, filled + self.found.size)
        nodes, counts = np.empty(size, dtype=self.nodes.dtype), np.empty(size, dtype=self.counts.dtype)
        nodes[:filled], counts[:filled] = self.nodes[:filled], self.counts[:filled]
        self.nodes, self.counts = nodes, counts


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeWalks:
    """What all ranges share: `graph.kernels.walk.walk_counts` says what its arrays are."""

    arcs: ArcArrays
    aliases: npt.NDArray[np.uint64]
    law: LengthLaw
    walks: npt.NDArray[np.int32]
    keys: npt.NDArray[np.uint64]
    key: np.uint64
    max_entries: int
    count_dtype: np.dtype[Any]

    def walk(
        self, start: int, stop: int, n_threads: int
    ) -> tuple[Int64s, npt.NDArray[np.int32], npt.NDArray[Any], Int64s]:
        """``indptr``, nodes and counts of the rows ``[start, stop)``, and how many visits were cut from each."""
        spares: list[_Scratch] = []
        expected = float(self.walks.mean()) * (1 + float((self.law.survival / 2.0**64).sum()))

        def work(rows: tuple[int, int]) -> tuple[tuple[int, int], _Scratch]:
            try:
                scratch = spares.pop()
            except IndexError:
                scratch = _Scratch(self.law, self.count_dtype, expected)
            self._walk_range(*rows, scratch)
            return rows, scratch

        indptr = np.zeros(stop - start + 1, dtype=np.int64)
        cut = np.zeros(stop - start, dtype=np.int64)
        nodes = [np.empty(0, dtype=np.int32)]
        counts: list[npt.NDArray[Any]] = [np.empty(0, dtype=self.count_dtype)]
        for (first, last), scratch in in_order(work, self._ranges(start, stop), n_threads):
            size, low, high = last - first, first - start, last - start
            indptr[low + 1 : high + 1] = scratch.indptr[1 : size + 1] + indptr[low]
            cut[low:high] = scratch.cut[:size]
            nodes.append(scratch.nodes[: scratch.indptr[size]].copy())
            counts.append(scratch.counts[: scratch.indptr[size]].copy())
            spares.append(scratch)
        return indptr, concatenated(nodes), concatenated(counts), cut

    def _ranges(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Ranges of rows that take about `_WALKS_PER_RANGE` walks each."""
        walking = np.diff(self.arcs.indptr[start : stop + 1]) > 0
        walks = self.walks[start:stop] if self.walks.size > 1 else self.walks
        total = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.where(walking, walks, 0), dtype=np.int64)])
        return [(start + first, start + last) for first, last in balanced_ranges(total, _WALKS_PER_RANGE)]

    def _walk_range(self, start: int, stop: int, s: _Scratch) -> None:
        """Leave the rows in ``s``; the kernel is called again, with more room, until every row is done."""
        if s.cut.size < stop - start:
            s.indptr, s.cut = np.empty(stop - start + 1, dtype=np.int64), np.empty(stop - start, dtype=np.int64)
        s.indptr[0] = 0
        row = start
        while row < stop:
            done = row - start
            row = walk_counts(
                self.arcs.indptr, self.arcs.indices, self.aliases, *self.law, self.walks, self.keys, self.key,
                self.max_entries, row, stop, s.steps, s.drawn, s.origin, s.at, s.words, s.places, s.arcs, s.coins,
                s.n_longer, s.ends, s.path, s.table, s.ranks, s.found, s.often, s.indptr[done:], int(s.indptr[done]),
                s.nodes, s.counts, s.cut[done:],
            )  # fmt: skip
            if row < stop:
                s.grow(int(s.indptr[row - start]))
