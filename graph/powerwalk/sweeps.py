"""Answers to blocks of queries: each pushes for a while, then all of the block step over the whole graph together.

A push is good at the little that is far from even, and poor at the rest, which lies everywhere. A step takes what is
left at all nodes along all arcs, and what an arc costs is paid once for a block. Neither hubs nor walks are read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np
import numpy.typing as npt

from foundation.kernels.columns import Columns
from foundation.threads import run_ranges
from graph.arrays import read_only
from graph.kernels.answer import Arcs, Places, Seeds
from graph.kernels.block_rank import turn_by_rank
from graph.kernels.selection import BINS
from graph.kernels.sweep import ERROR, ROUNDING, Room, Steps, clear_block, start_block, sweep
from graph.kernels.sweep_answer import finish_block
from graph.powerwalk.layout import Layout
from graph.powerwalk.scratch import ScratchPool

WIDTH = 16  # queries of a block: what their pushes touch stays within the cache; 8 and 32 took longer a query
FEW = 3  # so many are answered one by one, each in a third of the time of a block
_SPARE_KEYS = 2048  # beside 2 k: what is gathered before the best are picked


@final
@dataclass(frozen=True, slots=True, eq=False)
class Sweeper:
    """A layout prepared for sweeps: another copy of weights, and of arcs if they are directed, 4 bytes an arc each."""

    damping: float
    arcs: Arcs
    places: Places
    steps: Steps
    _pool: list[Room] = field(default_factory=list)

    @classmethod
    def of(cls, layout: Layout, damping: float, *, background: bool) -> Sweeper:
        """Takes 16 bytes a node beside that copy, and 8 an arc with weights meanwhile."""
        return cls(damping, layout.arcs(layout.degrees()), layout.places(background=background), steps_of(layout))

    def answer(
        self,
        seeds: Seeds,
        rmax: float,
        max_rounds: int,
        n_sweeps: int,
        pool: ScratchPool,
        nodes: npt.NDArray[np.int64],
        scores: npt.NDArray[np.float32],
        vectors: npt.NDArray[np.float64],
        tally: npt.NDArray[np.float64],
        *,
        synchronous: bool,
        n_threads: int,
    ) -> None:
        """Fill rankings or whole vectors, and ``tally`` as `graph.kernels.answer.answer` does."""
        n_nodes, n_keys = self.steps.rows.size, min(self.steps.rows.size, 2 * nodes.shape[1] + _SPARE_KEYS)
        blocks = _blocks(seeds.indptr.size - 1)

        def work(first: int, last: int) -> None:
            for start, stop in blocks[first:last]:
                width = 1 if stop - start == 1 else WIDTH
                room, scratch = self._take(width, n_sweeps > 1), pool.take()
                used = scratch._replace(moving=np.empty(n_nodes)) if synchronous else scratch
                columns, singles = Columns(width), Columns(width, single=True)
                n_slots = start_block(
                    self.arcs, self.places, self.steps, seeds, self.damping, rmax, max_rounds, start, stop, used, room,
                    columns, tally,
                )  # fmt: skip
                seen_as, y, out, other = room.slot_of, room.y, room.full, room.next
                for _ in range(n_sweeps - 1):
                    sweep(self.steps, self.damping, room, seen_as, y, out, columns, singles)
                    seen_as, y, out, other = self.steps.rows, out, other, out
                keys, histogram = np.empty((width, n_keys), dtype=np.uint64), np.empty(BINS, dtype=np.int32)
                finish_block(
                    self.places, self.steps, self.damping, n_sweeps, start, stop, room, seen_as, y, columns, singles,
                    keys, histogram, nodes, scores, vectors, tally,
                )  # fmt: skip
                clear_block(room, n_slots)
                pool.give(scratch)
                self._pool.append(room)  # a list's pop and append are safe between threads

        run_ranges(work, [(i, i + 1) for i in range(len(blocks))], n_threads)
        # The mass that walks after several sweeps is a difference of sums, each of mass 1 at most.
        tally[:, ERROR] += ROUNDING * n_sweeps * (1.0 if n_sweeps == 1 else 1 + 4 / (1 - self.damping))

    def _take(self, width: int, full: bool) -> Room:
        """Room nobody else has; most of it is never touched and takes no memory."""
        n_nodes = self.steps.rows.size
        try:
            room = self._pool.pop()
        except IndexError:
            pass
        else:
            if room.y.shape[1] == width and bool(room.full.size) == (full and n_nodes > 0):
                return room
        y = np.empty((n_nodes + 1, width), dtype=np.float32)
        y[0] = 0.0
        return Room(
            slot_of=np.zeros(n_nodes, dtype=np.int32),
            nodes=np.empty(n_nodes + 1, dtype=np.int32),
            y=y,
            again=np.empty((n_nodes + 1, width)),
            settled=np.empty((n_nodes + 1, width)),
            rest=np.zeros((max(1, self.places.starts.size), width)),
            full=np.empty((n_nodes if full else 0, width), dtype=np.float32),
            next=np.empty((n_nodes if full else 0, width), dtype=np.float32),
        )


def _blocks(n_queries: int) -> list[tuple[int, int]]:
    """Cut into blocks of `WIDTH`; what is left over is a block if it is more than `FEW`, else each is alone."""
    whole = n_queries - n_queries % WIDTH
    blocks = [(start, start + WIDTH) for start in range(0, whole, WIDTH)]
    if n_queries - whole > FEW:
        return [*blocks, (whole, n_queries)]
    return [*blocks, *((query, query + 1) for query in range(whole, n_queries))]


def steps_of(layout: Layout) -> Steps:
    """The arcs turned around; where each has its reverse they lie as they are."""
    indptr, sources, weights = layout.indptr, layout.indices, layout.weights
    rows = np.arange(layout.n_nodes, dtype=np.int32)
    if not layout.starts.size:  # directed
        indptr = np.zeros_like(layout.indptr)
        np.cumsum(np.bincount(layout.indices, minlength=layout.n_nodes), out=indptr[1:])
        sources, weights = np.empty_like(layout.indices), np.empty_like(layout.weights)
        arcs = (read_only(layout.indptr), read_only(layout.indices), read_only(layout.weights))
        turn_by_rank(*arcs, read_only(rows), read_only(rows), indptr[:-1].copy(), sources, weights)
    leaving = layout.out_weight if layout.out_weight.size else np.diff(layout.indptr).astype(np.float64)
    scale = np.divide(1.0, leaving, out=np.zeros(layout.n_nodes), where=leaving > 0)
    if weights.size:  # as probabilities: a float32 of one over a small weight would be infinite
        weights, scale = (weights * scale[sources]).astype(np.float32), (scale > 0).astype(np.float64)
    return Steps(*(read_only(array) for array in (indptr, sources, weights, scale, rows)))
