"""Lists of coded rows: made by ranges of rows, merged and written by ranges of lists.

A part holds what a range of rows contributes, sorted by list, so that merging reads every part from front to back. The
file depends on no range: any cut of rows or lists gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import numpy.typing as npt

from foundation.npy import open_npy
from vectors.kernels.spann_blocks import LANES
from vectors.kernels.spann_codes import pack_lists, place_lists
from vectors.metrics import Float32s, Int64s
from vectors.spann.heads import Heads
from vectors.spann.params import SpannParams
from vectors.spann.regions import Int8s, Int32s
from vectors.spann.space import block_views

PAGE: Final = 4096
ARRAYS: Final = ("starts", "rows", "is_first", "constants", "steps", "codes")


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Rows of a range in their lists, sorted by list, then by row.

    Attributes
    ----------
    starts : int64 (n_lists + 1,): where a list's entries begin
    rows, constants, steps, codes : int32, float32, float32 (n,) and int8 (n, values), see `vectors.kernels.spann_codes`
    is_first : bool (n,): whether the list is that of the row's nearest head
    """

    starts: Int64s
    rows: Int32s
    is_first: npt.NDArray[np.bool_]
    constants: Float32s
    steps: Float32s
    codes: Int8s

    def save(self, directory: Path) -> None:
        """As ``.npy`` files."""
        directory.mkdir(parents=True)
        for name in ARRAYS:
            np.save(directory / f"{name}.npy", getattr(self, name), allow_pickle=False)

    @classmethod
    def open(cls, directory: Path) -> Part:
        """Memory-mapped."""
        return cls(**{name: open_npy(directory / f"{name}.npy") for name in ARRAYS})


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Where lists are in a file of ``n_bytes``: first bytes int64 (n_lists,), numbers of rows int32 (n_lists,)."""

    ats: Int64s
    counts: Int32s
    n_bytes: int
    block_bytes: int

    @classmethod
    def placed(cls, counts: Int32s, block_bytes: int) -> Table:
        """Lists one after another; none touches more pages than its size needs, and the last page is whole."""
        ats = np.zeros(counts.size, dtype=np.int64)
        end = place_lists(counts, block_bytes, PAGE, ats)
        return cls(ats=ats, counts=counts, n_bytes=-(-end // PAGE) * PAGE, block_bytes=block_bytes)

    def sizes(self, lists: Int32s) -> Int64s:
        """Bytes of each of ``lists``; none for -1."""
        counts = np.where(lists >= 0, self.counts[np.maximum(lists, 0)], 0).astype(np.int64)
        return -(-counts // LANES) * self.block_bytes

    def pages(self, lists: Int32s) -> Int64s:
        """Pages that reading each of ``lists`` touches; none for -1."""
        first, sizes = self.ats[np.maximum(lists, 0)], self.sizes(lists)
        return np.where(sizes > 0, (first + sizes - 1) // PAGE - first // PAGE + 1, 0)


def assign_range(stored: Float32s, rows: Int64s, heads: Heads, origins: Float32s, params: SpannParams) -> Part:
    """The part of some rows, ascending by number; ``stored`` are their vectors as `parse_rows` gives them.

    ``origins`` is what `Heads.vectors` gives.
    """
    lists, constants, steps, codes = heads.assign(heads.space.rows(stored), origins, params)
    of, replica = np.nonzero(lists >= 0)
    by_list = np.argsort(lists[of, replica], kind="stable")
    of, replica = of[by_list], replica[by_list]
    counts = np.bincount(lists[of, replica], minlength=heads.n_heads)
    return Part(
        starts=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        rows=rows[of].astype(np.int32),
        is_first=replica == 0,
        constants=constants[of, replica],
        steps=steps[of, replica],
        codes=codes[of, replica],
    )


def table_of(parts: Sequence[Part], limit: int | None, block_bytes: int) -> Table:
    """Where the lists of all parts will be, cut to ``limit`` as `merged` does."""
    counts, firsts = (np.zeros(parts[0].starts.size - 1, dtype=np.int64) for _ in range(2))
    for part in parts:
        counts += np.diff(part.starts)
        if limit is not None:
            firsts += _firsts(part)
    if limit is not None:
        counts = np.maximum(firsts, np.minimum(counts, limit))
    return Table.placed(counts.astype(np.int32), block_bytes)


def list_ranges(table: Table, n_bytes: int) -> list[tuple[int, int]]:
    """Lists [start, stop) of about ``n_bytes`` of the file each, cut where a list begins a page."""
    cuts, last = [0], 0
    for index in np.flatnonzero(table.ats % PAGE == 0):
        if table.ats[index] - last >= n_bytes:
            cuts.append(int(index))
            last = int(table.ats[index])
    ends = [*cuts[1:], table.counts.size]
    return [(start, stop) for start, stop in zip(cuts, ends, strict=True) if stop > start]


def merged(parts: Sequence[Part], table: Table, limit: int | None, start: int, stop: int) -> tuple[int, Int8s]:
    """First byte and bytes of the file for lists [start, stop), as `list_ranges` cuts them.

    A list longer than ``limit`` keeps the rows whose nearest head it has, and the nearest of the others.
    """
    spans = [slice(int(part.starts[start]), int(part.starts[stop])) for part in parts]
    lists = np.concatenate(
        [np.repeat(np.arange(start, stop), np.diff(part.starts[start : stop + 1])) for part in parts]
    )
    rows = np.concatenate([part.rows[span] for part, span in zip(parts, spans, strict=True)])
    constants = np.concatenate([part.constants[span] for part, span in zip(parts, spans, strict=True)])
    steps = np.concatenate([part.steps[span] for part, span in zip(parts, spans, strict=True)])
    codes = np.concatenate([part.codes[span] for part, span in zip(parts, spans, strict=True)])
    order = np.lexsort((rows, lists))
    if limit is not None:
        is_first = np.concatenate([part.is_first[span] for part, span in zip(parts, spans, strict=True)])
        nearest = np.lexsort((rows, constants, ~is_first, lists))
        ranked = lists[nearest]
        rank = np.arange(ranked.size) - np.searchsorted(ranked, ranked)
        is_kept = np.empty(ranked.size, dtype=np.bool_)
        is_kept[nearest] = (rank < limit) | is_first[nearest]
        order = order[is_kept[order]]
    first = int(table.ats[start])
    end = int(table.ats[stop]) if stop < table.ats.size else table.n_bytes
    data = np.zeros(end - first, dtype=np.int8)
    ids, numbers = block_views(data)
    pack_lists(
        order,
        np.concatenate(([0], np.cumsum(table.counts[start:stop], dtype=np.int64))),
        table.ats[start:stop] - first,
        rows,
        constants,
        steps,
        codes,
        table.block_bytes,
        data,
        ids,
        numbers,
    )
    return first, data


def _firsts(part: Part) -> Int64s:
    """Rows of each list that have no nearer head."""
    sums = np.concatenate(([0], np.cumsum(part.is_first, dtype=np.int64)))
    return sums[part.starts[1:]] - sums[part.starts[:-1]]
