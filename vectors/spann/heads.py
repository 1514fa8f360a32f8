"""The heads: rows that stand for their surroundings, kept in memory as 8-bit codes in cells, and searched there.

Heads are to cells what rows are to heads: near heads share a cell, codes are relative to the cell's centroid, and the
nearest cells are found by a scan of the centroids' own codes. All sums are of integers, so that equal
heads are found everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from foundation.seeds import stream
from vectors.kernels.spann_blocks import LANES
from vectors.kernels.spann_closure import assign_rows
from vectors.kernels.spann_clusters import move_centres, nearest_member
from vectors.kernels.spann_codes import encode_rows, pack_lists
from vectors.kernels.spann_search import choose_lists, head_vectors
from vectors.metrics import Float32s, Int64s
from vectors.spann.clusters import balanced_clusters
from vectors.spann.params import SpannParams
from vectors.spann.space import Space, block_views

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]

_CELL: Final = 48  # heads of a cell, on average
ARRAYS: Final = ("centre", "root", "centroids", "cell_starts", "cell_ats", "cell_of", "data", "codes", "steps")


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heads:
    """Heads in cells; numbered cell by cell.

    Attributes
    ----------
    centre : float32 (width,): mean of the centroids
    root : int8: blocks of the centroids relative to it
    centroids : float32 (n_cells, width)
    cell_starts, cell_ats : int64 (n_cells + 1,), (n_cells,): first head of a cell, first byte of its blocks
    cell_of : int32 (n_heads,)
    data : int8: blocks of the heads, relative to their cell's centroid
    codes, steps : int8 (n_heads, n_values), float32 (n_heads,): the same, head by head
    """

    space: Space
    centre: Float32s
    root: Int8s
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
        return sum(int(getattr(self, name).nbytes) for name in ARRAYS)

    @classmethod
    def build(cls, vectors: Float32s, space: Space, seed: int) -> Heads:
        """From the heads' vectors, float32 (n_heads, width) as `Space.rows` gives them."""
        leaves = balanced_clusters(vectors, -(-vectors.shape[0] // _CELL), seed, "spann.cells")
        order = np.concatenate([np.zeros(0, dtype=np.int64), *leaves])
        sizes = np.array([leaf.size for leaf in leaves], dtype=np.int64)
        cell_of = np.repeat(np.arange(sizes.size, dtype=np.int32), sizes)
        centroids = np.zeros((sizes.size, space.width), dtype=np.float32)
        move_centres(vectors, order, cell_of, centroids, np.zeros(sizes.size, dtype=np.int64))
        centre = np.zeros((1, space.width), dtype=np.float32)
        nowhere = np.zeros(sizes.size, dtype=np.int32)
        cells = np.arange(sizes.size, dtype=np.int64)
        move_centres(centroids, cells, nowhere, centre, np.zeros(1, dtype=np.int64))
        starts = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
        root, _, _, _ = _packed(space, centroids, cells, centre, nowhere, np.array([0, sizes.size]))
        data, ats, codes, steps = _packed(space, vectors, order, centroids, cell_of, starts)
        return cls(
            space=space,
            centre=centre[0],
            root=root,
            centroids=centroids,
            cell_starts=starts,
            cell_ats=ats,
            cell_of=cell_of,
            data=data,
            codes=codes,
            steps=steps,
        )

    def nearest_lists(self, queries: Float32s, start: int, stop: int, n_cells: int, ratio: float, out: Int32s) -> None:
        """``out[query]`` for queries [start, stop): heads among the nearest cells, nearest first, -1 behind.

        A head farther than ``ratio`` times the nearest one's squared distance is left out; of a query that is a head
        itself, than so many times the next one's.
        """
        choose_lists(
            queries,
            start,
            stop,
            self.centre,
            self.root,
            block_views(self.root)[0],
            self.centroids,
            self.cell_starts,
            self.cell_ats,
            self.data,
            block_views(self.data)[0],
            self.space.block_bytes,
            self.space.largest_code,
            min(n_cells, self.n_cells),
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
        replicas = min(params.replicas, self.n_heads)
        shape = (rows.shape[0], replicas)
        heads = np.empty(shape, dtype=np.int32)
        constants, steps = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
        codes = np.zeros((*shape, 2 * self.space.n_pairs), dtype=np.int8)
        assign_rows(
            rows,
            self.centre,
            self.root,
            block_views(self.root)[0],
            self.centroids,
            self.cell_starts,
            self.cell_ats,
            self.data,
            block_views(self.data)[0],
            vectors,
            self.space.block_bytes,
            self.space.largest_code,
            min(params.candidates, self.n_cells),
            min(params.candidates, self.n_heads),
            heads,
            constants,
            steps,
            codes,
        )
        return heads, constants, steps, codes


def choose_heads(take: Callable[[Int64s], Float32s], distinct: Int64s, space: Space, params: SpannParams) -> Int64s:
    """Rows that become heads, ascending: about as many of the ``distinct`` ones as `SpannParams.n_heads` says.

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


def _packed(
    space: Space, rows: Float32s, order: Int64s, origins: Float32s, origin_of: Int32s, starts: Int64s
) -> tuple[Int8s, Int64s, Int8s, Float32s]:
    """Blocks of lists of encoded rows, end to end, and the first byte of each; codes and steps of the rows in order.

    Ids count from 0 through all lists.
    """
    n = order.size
    constants, steps = np.zeros(n, dtype=np.float32), np.zeros(n, dtype=np.float32)
    codes = np.zeros((n, 2 * space.n_pairs), dtype=np.int8)
    encode_rows(rows, order, origins, origin_of, constants, steps, codes)
    ends = np.cumsum(-(-np.diff(starts) // LANES) * space.block_bytes)
    data = np.zeros(int(ends[-1]) if ends.size else 0, dtype=np.int8)
    ats = np.concatenate(([0], ends)).astype(np.int64)[:-1]
    ids, numbers = block_views(data)
    numbered = np.arange(n, dtype=np.int64)
    pack_lists(
        numbered,
        starts.astype(np.int64),
        ats,
        numbered.astype(np.int32),
        constants,
        steps,
        codes,
        space.block_bytes,
        data,
        ids,
        numbers,
    )
    return data, ats, codes, steps
