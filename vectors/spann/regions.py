"""What finds the nearest of many cells: regions of near cells, regions of near regions, up to one that holds all.

A row that enters its lists looks into the nearest regions only, so that its work hardly grows with the number of cells.
Few cells are one region, which is scanned.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from vectors.kernels.spann_blocks import LANES
from vectors.kernels.spann_clusters import move_centres
from vectors.kernels.spann_codes import encode_rows, pack_lists
from vectors.metrics import Float32s, Int64s
from vectors.spann.clusters import balanced_clusters
from vectors.spann.space import Space, block_views

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]

REGION: Final = 24  # members of a region, on average, as of a cell
MOST: Final = 2048  # members that are scanned without regions among them
LEAST: Final = 48  # regions of a level that are looked into


class Regions(NamedTuple):
    """Regions, numbered level by level from the one that holds all.

    ``levels`` int64 (n_levels + 1,): first region of a level. ``origins`` float32 (n_regions, width): mean of the
    members. ``starts``, ``ats`` int64 (n_regions + 1,), (n_regions,): members before those of a region, first byte of
    its blocks in ``data`` int8, whose ids are regions of the next level or, on the last level, cells.
    """

    levels: Int64s
    origins: Float32s
    starts: Int64s
    ats: Int64s
    data: Int8s

    @classmethod
    def build(cls, centroids: Float32s, space: Space, seed: int, most: int = MOST) -> Regions:
        """Over cells of these ``centroids``, float32 (n_cells, width); up to ``most`` are one region."""
        members = centroids
        levels: list[tuple[Float32s, list[Int64s]]] = []
        while members.shape[0] > most:
            level = f"spann.regions.{len(levels)}"
            groups = balanced_clusters(members, -(-members.shape[0] // REGION), seed, level)
            levels.append((members, groups))
            members = means(members, groups)
        levels.append((members, [np.arange(members.shape[0], dtype=np.int64)]))
        levels.reverse()
        counts = [len(groups) for _, groups in levels]
        firsts = list(itertools.accumulate(counts, initial=0))
        packed = []
        for (members, groups), first in zip(levels, [*firsts[1:-1], 0], strict=True):
            origins = means(members, groups)
            packed.append((origins, *packed_lists(space, members, groups, origins, first)[:2]))
        sizes = [group.size for _, groups in levels for group in groups]
        ends = np.cumsum([0, *(data.size for _, data, _ in packed)])
        return cls(
            levels=np.array(firsts, dtype=np.int64),
            origins=np.concatenate([origins for origins, _, _ in packed]),
            starts=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
            ats=np.concatenate([ats + end for (_, _, ats), end in zip(packed, ends[:-1], strict=True)]),
            data=np.concatenate([data for _, data, _ in packed]),
        )

    @property
    def n_levels(self) -> int:
        return self.levels.size - 1

    def beam(self, n_cells: int) -> int:
        """Regions of a level to look into for so many of the nearest cells."""
        widest = int(np.diff(self.levels).max())
        if n_cells >= self.starts[-1] - self.levels[-1] + 1:  # all of them
            return widest
        return min(widest, max(LEAST, n_cells // 2))

    def scanned(self, n_cells: int) -> tuple[int, int, Float32s, Int64s, Int64s, Int8s, Int32s]:
        """What kernels look for so many of the nearest cells in."""
        ids, _ = block_views(self.data)
        return self.n_levels, self.beam(n_cells), self.origins, self.ats, self.starts, self.data, ids


def means(rows: Float32s, groups: Sequence[Int64s]) -> Float32s:
    """The mean of every group of rows, float32 (n_groups, width); 0 of none."""
    out = np.zeros((len(groups), rows.shape[1]), dtype=np.float32)
    move_centres(rows, _joined(groups), _group_of(groups), out, np.zeros(len(groups), dtype=np.int64))
    return out


def packed_lists(
    space: Space, rows: Float32s, groups: Sequence[Int64s], origins: Float32s, first: int | None = None
) -> tuple[Int8s, Int64s, Int8s, Float32s]:
    """Blocks of a list for every group of encoded rows, end to end; first byte of each; codes and steps in order.

    Ids are the rows' numbers plus ``first``; without one they count from 0 through all lists.
    """
    order, origin_of = _joined(groups), _group_of(groups)
    n = order.size
    constants, steps = np.zeros(n, dtype=np.float32), np.zeros(n, dtype=np.float32)
    codes = np.zeros((n, 2 * space.n_pairs), dtype=np.int8)
    encode_rows(rows, order, origins, origin_of, constants, steps, codes)
    starts = np.concatenate(([0], np.cumsum([group.size for group in groups]))).astype(np.int64)
    ends = np.cumsum(-(-np.diff(starts) // LANES) * space.block_bytes)
    data = np.zeros(int(ends[-1]) if ends.size else 0, dtype=np.int8)
    ats = np.concatenate(([0], ends)).astype(np.int64)[:-1]
    ids, numbers = block_views(data)
    numbered = np.arange(n, dtype=np.int64)
    pack_lists(
        numbered,
        starts,
        ats,
        (numbered if first is None else order + first).astype(np.int32),
        constants,
        steps,
        codes,
        space.block_bytes,
        data,
        ids,
        numbers,
    )
    return data, ats, codes, steps


def _joined(groups: Sequence[Int64s]) -> Int64s:
    return np.concatenate([np.zeros(0, dtype=np.int64), *groups])


def _group_of(groups: Sequence[Int64s]) -> Int32s:
    sizes = np.array([group.size for group in groups], dtype=np.int64)
    return np.repeat(np.arange(len(groups), dtype=np.int32), sizes)
