"""The heads: rows that stand for their surroundings, kept in memory as 8-bit codes in cells, and searched there.

Heads are to cells what rows are to heads: near heads share a cell, codes are relative to the cell's centroid, and the
nearest cells are found through regions of them (`vectors.spann.regions`). All sums are of integers, so that equal heads
are found everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from foundation.seeds import stream
from vectors.kernels.spann_closure import assign_rows
from vectors.kernels.spann_clusters import nearest_member
from vectors.kernels.spann_heads import choose_cells, choose_lists, head_vectors
from vectors.metrics import Float32s, Int64s
from vectors.spann.clusters import balanced_clusters
from vectors.spann.params import SpannParams
from vectors.spann.regions import Int8s, Int32s, Regions, means, packed_lists
from vectors.spann.space import Space, block_views

_CELL: Final = 24  # heads of a cell, on average
_OWN: Final = ("centroids", "cell_starts", "cell_ats", "cell_of", "data", "codes", "steps")
REGIONS: Final = tuple(f"region_{name}" for name in Regions._fields)
ARRAYS: Final = (*REGIONS, *_OWN)


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heads:
    """Heads in cells; numbered cell by cell.

    Attributes
    ----------
    regions : of cells
    centroids : float32 (n_cells, width)
    cell_starts, cell_ats : int64 (n_cells + 1,), (n_cells,): first head of a cell, first byte of its blocks
    cell_of : int32 (n_heads,)
    data : int8: blocks of the heads, relative to their cell's centroid
    codes, steps : int8 (n_heads, n_values), float32 (n_heads,): the same, head by head
    """

    space: Space
    regions: Regions
    centroids: Float32s
    cell_starts: Int64s
    cell_ats: Int64s
    cell_of: Int32s
    data: Int8s
    codes: Int8s
    steps: Float32s

    @property
    def n_heads(self) -> int:
        return self.cell_of.size

    @property
    def n_cells(self) -> int:
        return int(self.centroids.shape[0])

    @property
    def n_bytes(self) -> int:
        """In memory."""
        return sum(int(array.nbytes) for array in self.arrays().values())

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All there is beside the space, by the names ``ARRAYS``."""
        return dict(zip(ARRAYS, (*self.regions, *(getattr(self, name) for name in _OWN)), strict=True))

    @classmethod
    def of(cls, space: Space, arrays: Mapping[str, npt.NDArray[Any]]) -> Heads:
        """From what `arrays` gave."""
        regions = Regions(*(arrays[name] for name in REGIONS))
        return cls(space=space, regions=regions, **{name: arrays[name] for name in _OWN})

    @classmethod
    def build(cls, vectors: Float32s, space: Space, seed: int) -> Heads:
        """From the heads' vectors, float32 (n_heads, width) as `Space.rows` gives them."""
        leaves = balanced_clusters(vectors, -(-vectors.shape[0] // _CELL), seed, "spann.cells")
        centroids = means(vectors, leaves)
        data, ats, codes, steps = packed_lists(space, vectors, leaves, centroids)
        sizes = np.array([leaf.size for leaf in leaves], dtype=np.int64)
        return cls(
            space=space,
            regions=Regions.build(centroids, space, seed),
            centroids=centroids,
            cell_starts=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
            cell_ats=ats,
            cell_of=np.repeat(np.arange(sizes.size, dtype=np.int32), sizes),
            data=data,
            codes=codes,
            steps=steps,
        )

    def nearest_lists(self, queries: Float32s, start: int, stop: int, n_cells: int, ratio: float, out: Int32s) -> None:
        """``out[query]`` for queries [start, stop): heads among the nearest cells, nearest first, -1 behind.

        A head farther than ``ratio`` times the nearest one's squared distance is left out; of a query that is a head
        itself, than so many times the next one's.
        """
        n_cells = min(n_cells, self.n_cells)
        choose_lists(
            queries,
            start,
            stop,
            *self.regions.scanned(n_cells),
            n_cells,
            self.centroids,
            self.cell_ats,
            self.cell_starts,
            self.data,
            block_views(self.data)[0],
            self.space.block_bytes,
            self.space.largest_code,
            self.codes,
            self.steps,
            np.float32(ratio),
            out,
        )

    def vectors(self) -> Float32s:
        """All heads as their codes say, (n_heads, width): the origins of the lists."""
        out = np.empty((self.n_heads, self.space.width), dtype=np.float32)
        head_vectors(self.cell_of, self.centroids, self.codes, self.steps, out)
        return out

    def assign(
        self, rows: Float32s, vectors: Float32s, params: SpannParams
    ) -> tuple[Int32s, Float32s, Float32s, Int8s]:
        """Lists of every row (n, replicas), nearest head first, -1 behind; constants, steps and codes of it in each.

        ``vectors`` is what `vectors` gives.
        """
        cells = self._nearest_cells(rows, min(params.candidates, self.n_cells))
        shape = (rows.shape[0], min(params.replicas, self.n_heads))
        heads = np.empty(shape, dtype=np.int32)
        constants, steps = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
        codes = np.zeros((*shape, 2 * self.space.n_pairs), dtype=np.int8)
        assign_rows(
            rows,
            np.argsort(cells[:, 0], kind="stable"),  # near cells have near numbers
            cells,
            self.centroids,
            self.cell_ats,
            self.cell_starts,
            self.data,
            block_views(self.data)[0],
            vectors,
            self.space.block_bytes,
            self.space.largest_code,
            min(params.candidates, self.n_heads),
            heads,
            constants,
            steps,
            codes,
        )
        return heads, constants, steps, codes

    def _nearest_cells(self, rows: Float32s, n_cells: int) -> Int32s:
        """(n, n_cells), nearest first, -1 behind."""
        out = np.empty((rows.shape[0], n_cells), dtype=np.int32)
        choose_cells(
            rows,
            *self.regions.scanned(n_cells),
            self.space.block_bytes,
            self.space.largest_code,
            out,
        )
        return out


def one_region(centre: Float32s, data: Int8s, n_cells: int) -> dict[str, npt.NDArray[Any]]:
    """Those of `Heads.arrays` that find cells, of blocks ``data`` with all cells relative to ``centre``."""
    levels, starts = np.array([0, 1], dtype=np.int64), np.array([0, n_cells], dtype=np.int64)
    regions = Regions(levels=levels, origins=centre[None, :], starts=starts, ats=np.zeros(1, dtype=np.int64), data=data)
    return dict(zip(REGIONS, regions, strict=True))


def choose_heads(take: Callable[[Int64s], Float32s], distinct: Int64s, space: Space, params: SpannParams) -> Int64s:
    """Rows that become heads, ascending: as many of the ``distinct`` ones as `SpannParams.n_heads` says.

    ``take`` gives rows by number as `vectors.metrics.parse_taken` does.
    """
    n_heads = params.n_heads(distinct.size, space.dim)
    draw = stream(params.seed, "spann.heads")
    if params.heads == "random":
        return np.sort(draw.choice(distinct, size=n_heads, replace=False))
    rows = distinct
    if rows.size > params.sample:
        rows = np.sort(draw.choice(rows, size=max(n_heads, params.sample), replace=False))
    points = space.rows(take(rows))
    chosen = []
    for members in balanced_clusters(points, n_heads, params.seed, "spann.clusters"):
        centre = points[members].mean(axis=0, dtype=np.float64).astype(np.float32)
        chosen.append(rows[nearest_member(points, members, centre)])
    return np.unique(np.array(chosen, dtype=np.int64))
