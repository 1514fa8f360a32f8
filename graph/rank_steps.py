"""Steps of a random walk for a block of rankings at once: what exact PageRank and the heat kernel are made of.

Nodes lie by falling number of arcs that leave them, so that the rows that are read most stand together; the order does
not show outside. Bytes of a ranking depend neither on threads nor on what else is in the block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from foundation.kernels.columns import Columns
from foundation.threads import Crew, balanced_ranges, even_ranges
from graph.arrays import read_only
from graph.csr import INT32_NODES, CSRGraph
from graph.kernels.block_rank import pull_block, turn_by_rank, unload
from graph.kernels.counting import count_rows
from graph.kernels.order import rank_by_degree
from graph.sources import restart_shares

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Source = int | Mapping[int, float]
Start = tuple[Int64s, Float64s]  # nodes, share of each

WIDTH = 16  # columns of a block: two cache lines a row; 32 measured no faster a column
FEW = 4  # a block of 16 takes as long as about four columns by themselves
BLOCK_BYTES = 1 << 32  # of the two blocks a step needs; beyond, they are narrower
RANGE_COST = 1 << 18  # arcs, plus ROW_COST a row, that one thread takes at a time
ROW_COST = 4
_BUCKETS = 1 << 16
_TURNS = 4  # of a thread in a step: enough to balance, few enough to cost nothing


class Restarts(NamedTuple):
    """Where the walks of a block restart: entries sorted by row, the shares of a column add up to 1.

    ``rows`` and ``columns`` int64, ``shares`` float64.
    """

    rows: Int64s
    columns: Int64s
    shares: Float64s


class Room(NamedTuple):
    """Two zeroed blocks, float64 (n_nodes, n_columns): what a step reads and what it writes."""

    block: Float64s
    following: Float64s


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankSteps:
    """A graph turned around and renamed, good for any number of questions; made by `RankSteps.of`.

    Attributes
    ----------
    indptr : int64 (n_nodes + 1,), and ``sources`` (n_arcs,): the places of the nodes with an arc to each place
    weights : float32 (n_arcs,), of these arcs; empty when all weigh 1
    out_weight : float64 (n_nodes,), by place, sum of the weights of the arcs that leave; 0 at dangling nodes
    scale : float64 (n_nodes,), what a block's rows are to be multiplied by to be ranks: ``out_weight``, or 1
    places : of each node; ``nodes`` the node of each place
    ranges : rows that are summed together
    directed : False when every arc has its reverse of the same weight
    """

    indptr: Int64s
    sources: npt.NDArray[Any]
    weights: npt.NDArray[np.float32]
    out_weight: Float64s
    scale: Float64s
    places: npt.NDArray[Any]
    nodes: npt.NDArray[Any]
    ranges: tuple[tuple[int, int], ...]
    directed: bool

    @classmethod
    def of(cls, graph: CSRGraph) -> RankSteps:
        """Takes a copy of the arcs: 4 bytes each, 8 with weights."""
        leaving = graph.out_degree()
        coming = leaving
        if graph.directed:
            pointed = np.zeros(graph.n_nodes + 1, dtype=np.int64)
            count_rows(read_only(graph.indices), pointed)
            coming = np.diff(pointed)
        places: npt.NDArray[Any] = np.empty(graph.n_nodes, dtype=np.int32 if graph.n_nodes <= INT32_NODES else np.int64)
        rank_by_degree(leaving + 1, _BUCKETS, places)
        nodes = np.empty_like(places)
        nodes[places] = np.arange(graph.n_nodes, dtype=places.dtype)
        indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(coming[nodes])])
        given = np.empty(0, dtype=np.float32) if graph.weights is None else graph.weights
        sources, weights = np.empty(graph.n_edges, dtype=places.dtype), np.empty(given.size, dtype=np.float32)
        arcs = (read_only(graph.indptr), read_only(graph.indices), read_only(given))
        turn_by_rank(*arcs, nodes, places, indptr[:-1].copy(), sources, weights)
        out_weight = graph.out_weight()[nodes]
        return cls(
            indptr=read_only(indptr),
            sources=read_only(sources),
            weights=read_only(weights),
            out_weight=read_only(out_weight),
            scale=read_only(np.where(out_weight > 0, out_weight, 1.0)),
            places=read_only(places),
            nodes=read_only(nodes),
            ranges=tuple(balanced_ranges(indptr, RANGE_COST, ROW_COST)),
            directed=graph.directed,
        )

    @property
    def n_nodes(self) -> int:
        return self.nodes.size

    def blocks(self, n_sources: int) -> Iterator[tuple[int, int, Room]]:
        """(first, stop, room) of the blocks that ``n_sources`` are cut into.

        The room has a column for each of these sources, or some to spare; it is used again for the next block.
        """
        widest = WIDTH
        while widest > 1 and 16 * widest * self.n_nodes > BLOCK_BYTES:
            widest //= 2
        room, first = Room(np.empty((0, 0)), np.empty((0, 0))), 0
        while first < n_sources:
            width = widest if n_sources - first > min(FEW, widest - 1) else 1
            if room.block.shape[1] == width:
                room.block.fill(0.0)
                room.following.fill(0.0)
            else:
                room = Room(np.zeros((self.n_nodes, width)), np.zeros((self.n_nodes, width)))
            yield first, min(first + width, n_sources), room
            first += width

    def place_restarts(self, restarts: Restarts, block: Float64s) -> None:
        """Let the walks of a zeroed block stand where they restart."""
        block[restarts.rows, restarts.columns] = restarts.shares / self.scale[restarts.rows]

    def stuck(self, restarts: Restarts, n_columns: int) -> Float64s:
        """Share of each column's restarts at nodes that pass nothing on, float64 (n_columns,)."""
        dangling = self.out_weight[restarts.rows] == 0
        shares = np.zeros(n_columns)
        np.add.at(shares, restarts.columns[dangling], restarts.shares[dangling])
        return shares

    def unload(self, block: Float64s, columns: Int64s, out: Float64s) -> None:
        """Rows ``columns`` of ``out``: these columns as ranks, nothing below 0, and adding up to 1 unless all are 0."""
        unload(block, columns, self.scale, self.nodes, out)
        for column in columns:
            total = out[column].sum()
            out[column] /= total if total > 0 else 1.0

    def step(
        self,
        block: Float64s,
        following: Float64s,
        restarts: Restarts,
        factors: Float64s,
        damping: float,
        blend: Float64s,
        crew: Crew,
    ) -> tuple[Float64s, Float64s]:
        """`pull_block` over all rows, ``factors`` on the restarts of each column; returns changes and stuck ranks."""
        n_columns = block.shape[1]
        ranges = self.ranges
        sums = np.zeros((2, len(ranges), n_columns))
        columns = Columns(n_columns)
        arcs = (self.indptr, self.sources, self.weights, self.out_weight)

        def pull(first: int, last: int) -> None:
            for i in range(first, last):
                changes, stuck = sums[:, i]
                pull_block(
                    *arcs, *restarts, factors, damping, blend, block, following, *ranges[i], columns, changes, stuck
                )

        at_once = max(1, len(ranges) // (_TURNS * crew.n_threads))
        crew.run(pull, even_ranges(len(ranges), at_once))
        total = np.zeros((2, n_columns))
        for i in range(len(ranges)):  # not by numpy, whose order of additions depends on the number of columns
            total += sums[:, i]
        return total[0], total[1]


def starts_of(sources: Sequence[Source], n_nodes: int) -> list[Start]:
    """`restart_shares` of every source; a mapping is refused, since it is one source."""
    if isinstance(sources, Mapping):
        raise InvalidQuery(what="sources are one mapping", fix="pass a list with a row or a {row: weight} per ranking")
    return [restart_shares(source, n_nodes) for source in sources]


def restarts_of(starts: Sequence[Start], places: npt.NDArray[Any]) -> Restarts:
    """A column for each (nodes, shares)."""
    rows = places[np.concatenate([nodes for nodes, _ in starts])].astype(np.int64)
    columns = np.repeat(np.arange(len(starts)), [nodes.size for nodes, _ in starts])
    order = np.argsort(rows, kind="stable")
    return Restarts(rows[order], columns[order], np.concatenate([shares for _, shares in starts])[order])
