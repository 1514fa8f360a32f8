"""Steps of a random walk over rows in narrow storage: the products of FastRP.

A block of rows is kept in float16, int8 or float32, a factor to each row and group of `GROUP` columns, so that the
products, which wait for memory, have few bytes to wait for. Rows lie by falling degree: what most arcs point to stands
together. Neither shows outside: the order of the nodes is the graph's, and bytes depend neither on threads nor on
which columns are computed together, as long as blocks of columns start at a multiple of `GROUP`.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, final

import numpy as np
import numpy.typing as npt

from foundation.kernels.rows import has_vectors, new_lanes, widest
from foundation.kernels.simd import GROUP as GROUP
from foundation.threads import balanced_ranges, bounded_ranges, even_ranges, run_ranges
from graph.csr import INT32_NODES, CSRGraph
from graph.kernels.counting import count_rows
from graph.kernels.order import rank_by_degree
from graph.kernels.propagate import add_stored, gather_rows, gather_signs, pack_rows
from graph.projection import SignLists

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Precision = Literal["float16", "float32", "int8"]

_STORAGE = {"float16": np.uint16, "float32": np.float32, "int8": np.int8}
_LINE = 64
_BUCKETS = 1 << 16
RANGE_COST = 1 << 18  # arcs, plus ROW_COST a row, that one thread takes at a time
ROW_COST = 6
ROWS = 2048  # rows whose last power is kept until they are summed: 1 MiB in float16 at 256 columns


class Rows(NamedTuple):
    """A block of rows: row i is ``scales[i, g] * values[i]``, g the group of each column.

    ``values`` (n_rows, width), float32, int8, or uint16 that are the bits of float16, width a multiple of `GROUP`;
    ``scales`` float32 and ``squares`` float64 (n_rows, width / GROUP); ``squares`` are of the rows before rounding.
    """

    values: npt.NDArray[Any]
    scales: Float32s
    squares: Float64s

    def floats(self) -> Float32s:
        """The rows as they are read, float32 (n_rows, width)."""
        values = self.values.view(np.float16) if self.values.dtype == np.uint16 else self.values
        shape = (len(values), -1, GROUP)
        return (values.reshape(shape).astype(np.float32) * self.scales[:, :, None]).reshape(values.shape)

    @classmethod
    def empty(cls, n_rows: int, width: int, precision: Precision) -> Rows:
        """Room for rows, aligned to cache lines."""
        n_groups = width // GROUP
        squares = np.empty((n_rows, n_groups))
        return cls(
            _aligned(n_rows, width, _STORAGE[precision]), np.empty((n_rows, n_groups), dtype=np.float32), squares
        )


class Stored(NamedTuple):
    """What a step reads: ``factors[slots[j], g] * values[slots[j]]`` for node j."""

    values: npt.NDArray[Any]
    factors: Float32s
    slots: npt.NDArray[Any]


class Listed(NamedTuple):
    """What a first step reads: ``±magnitude[j]`` at the columns of node j's list, [first, first + width) of them."""

    lists: SignLists
    magnitude: Float32s
    first: int
    width: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Arcs prepared for steps.

    Attributes
    ----------
    indptr, indices, weights : the arcs of the rows to be made, as in a graph; ``weights`` may be empty
    places : row of each node in a block, -1 for nodes without arcs, which have none
    n_places : number of rows
    share : float32 (n_places,), what a node's sum is still to be multiplied by to be a mean
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[Any]
    weights: Float32s
    precision: Precision
    places: npt.NDArray[Any]
    n_places: int
    share: Float32s
    inverse: Float64s
    vectors: bool

    @classmethod
    def over(cls, graph: CSRGraph, precision: Precision) -> Walk:
        """Ranks the nodes by the number of arcs that point to them, then by those that leave them."""
        degree = graph.out_degree()
        if graph.directed:
            pointed = np.zeros(graph.n_nodes + 1, dtype=np.int64)
            count_rows(frozen(graph.indices), pointed)
            degree = np.diff(pointed) * 2 + (degree > 0)
        places: npt.NDArray[Any] = np.empty(graph.n_nodes, dtype=np.int32 if graph.n_nodes <= INT32_NODES else np.int64)
        n_places = int(rank_by_degree(degree, _BUCKETS, places))
        return cls._prepared(
            graph.indptr, graph.indices, graph.weights, precision, places, n_places, graph.out_weight()
        )

    @classmethod
    def of_rows(
        cls, indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any], weights: Float32s, precision: Precision
    ) -> Walk:
        """Rows of nodes outside the graph whose arcs point into it; every one has a place, in order."""
        sums = (
            np.add.reduceat(np.append(weights, 0.0).astype(np.float64), indptr[:-1]) if len(indptr) > 1 else np.empty(0)
        )
        sums = np.where(np.diff(indptr) > 0, sums, 0.0)
        places = np.arange(len(indptr) - 1, dtype=np.int32)
        return cls._prepared(indptr, indices, weights, precision, places, places.size, sums)

    @classmethod
    def _prepared(
        cls,
        indptr: npt.NDArray[np.int64],
        indices: npt.NDArray[Any],
        weights: Float32s | None,
        precision: Precision,
        places: npt.NDArray[Any],
        n_places: int,
        out_weight: Float64s,
    ) -> Walk:
        inverse, share = over(1.0, out_weight), np.ones(n_places, dtype=np.float32)
        if weights is None:  # else the weights are divided before they are used
            stored = np.flatnonzero(places >= 0)
            share[places[stored]] = inverse[stored]
        heavy = np.empty(0, dtype=np.float32) if weights is None else weights
        arcs = (frozen(indptr), frozen(indices), frozen(heavy))
        return cls(*arcs, precision, places, n_places, share, inverse, has_vectors())

    def step(
        self,
        source: Stored | Listed,
        n_threads: int = 1,
        into: Rows | None = None,
        only: npt.NDArray[np.bool_] | None = None,
    ) -> Rows:
        """Weighted sums of the neighbours' rows; times `share` they are means.

        ``into`` is room of the same shape, and with ``only`` the rows of the nodes that are not in it.
        """
        width = source.width if isinstance(source, Listed) else source.values.shape[1]
        rows = into if into is not None else Rows.empty(self.n_places, width, self.precision)
        places = self.places if only is None else np.where(only, self.places, self.places.dtype.type(-1))
        ranges = balanced_ranges(self.indptr, RANGE_COST, ROW_COST)
        run_ranges(lambda start, stop: self._fill(source, rows, places, start, stop, -1), ranges, n_threads)
        return rows

    def step_and_add(
        self,
        source: Stored | Listed,
        weight: float,
        terms: Sequence[Stored],
        out: Float32s,
        n_threads: int = 1,
    ) -> None:
        """Add to ``out`` (n_nodes, dim) the ``terms`` and ``weight`` times the unit rows of one more step."""
        width = source.width if isinstance(source, Listed) else source.values.shape[1]
        rooms: queue.SimpleQueue[Rows] = queue.SimpleQueue()

        def work(start: int, stop: int) -> None:
            try:
                whole = rooms.get_nowait()
            except queue.Empty:
                whole = Rows.empty(ROWS, width, self.precision)
            n = stop - start
            room = Rows(whole.values[:n], whole.scales[:n], whole.squares[:n])
            room.scales[:], room.squares[:] = 0.0, 0.0  # of nodes without a row
            self._fill(source, room, self.places, start, stop, start)
            last = Stored(room.values, unit_factors(weight, room, row_norms([room.squares])), self.places)
            for term in terms:
                self.add(term, out[start:stop], 0, start, stop)
            self.add(last, out[start:stop], 0, start, stop, start)
            rooms.put(whole)

        run_ranges(work, bounded_ranges(self.indptr, ROWS, ROW_COST), n_threads)

    def add_all(self, terms: Sequence[Stored], out: Float32s, n_threads: int = 1) -> None:
        """Add the ``terms`` to ``out`` (n_nodes, dim)."""

        def work(start: int, stop: int) -> None:
            for term in terms:
                self.add(term, out[start:stop], 0, start, stop)

        run_ranges(work, even_ranges(len(out), ROWS), n_threads)

    def add(self, term: Stored, out: Float32s, first: int, start: int, stop: int, base: int = -1) -> None:
        """``out[u - start, first:] +=`` row of u for the nodes [start, stop), or row ``u - base`` with a ``base``."""
        places = self.places if base >= 0 else term.slots
        factors = frozen(term.factors)
        lanes = new_lanes(GROUP, vectors=self.vectors)
        add_stored(frozen(term.values), frozen(places), factors, out, first, start, stop, base, lanes)

    def _fill(
        self, source: Stored | Listed, rows: Rows, places: npt.NDArray[Any], start: int, stop: int, base: int
    ) -> None:
        arcs: list[Any] = [self.indptr, self.indices, self.weights, self.inverse]
        target: list[Any] = [frozen(places), rows.values, rows.scales, rows.squares]
        if isinstance(source, Listed):
            lanes = new_lanes(GROUP, vectors=self.vectors)
            read: list[Any] = [source.lists.starts, source.lists.signs, source.magnitude, source.first]
            gather_signs(*[*arcs, *read, *target, start, stop, base, lanes])
            return
        read = [frozen(source.slots), frozen(source.values), frozen(source.factors)]
        for column, n_columns in _panels(rows.values.shape[1]):
            lanes = new_lanes(n_columns, vectors=self.vectors)
            gather_rows(*[*arcs, *read, *target, column, start, stop, base, lanes, n_columns])


def packed(dense: Float32s, precision: Precision, n_threads: int = 1) -> Rows:
    """Rows of floats (n_rows, any width) as stored rows, padded with zeros."""
    n_rows, given = dense.shape
    width = padded(given)
    if width != given:
        dense = np.concatenate([dense, np.zeros((n_rows, width - given), dtype=np.float32)], axis=1)
    rows, vectors = Rows.empty(n_rows, width, precision), has_vectors()
    source = frozen(np.ascontiguousarray(dense))
    run_ranges(
        lambda start, stop: pack_rows(source, *rows, start, stop, new_lanes(GROUP, vectors=vectors)),
        even_ranges(n_rows, ROWS),
        n_threads,
    )
    return rows


def padded(n_columns: int) -> int:
    """Width of the block that holds ``n_columns``."""
    return -(-n_columns // GROUP) * GROUP


def row_norms(squares: Sequence[Float64s]) -> Float64s:
    """L2 norm of whole rows, float64 (n_rows,), from the squares of all their blocks in column order."""
    total = np.zeros(len(squares[0]))
    for block in squares:
        for group in range(block.shape[1]):  # one after the other, so that it does not matter where blocks were cut
            total += block[:, group]
    return np.sqrt(total)


def unit_factors(weight: float, rows: Rows, norms: Float64s) -> Float32s:
    """Factors that make the rows ``weight`` long; a row of norm 0 stays zero."""
    return (over(weight, norms)[:, None] * rows.scales).astype(np.float32)


def over(value: float, divisor: Float64s) -> Float64s:
    """``value / divisor``, 0 where the divisor is 0."""
    return np.divide(value, divisor, out=np.zeros(divisor.shape), where=divisor > 0)


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A read-only view, so that kernels compile once for arrays in memory and arrays mapped from a file."""
    view = np.asarray(array).view()
    view.setflags(write=False)
    return view


def _panels(width: int) -> list[tuple[int, int]]:
    """Columns whose sums are kept in registers together: as wide as fits, in halves towards the end."""
    panels, column, size = [], 0, widest()
    while column < width:
        while size > width - column:
            size //= 2
        panels.append((column, size))
        column += size
    return panels


def _aligned(n_rows: int, width: int, dtype: Any) -> npt.NDArray[Any]:
    n_bytes = n_rows * width * np.dtype(dtype).itemsize
    room = np.empty(n_bytes + _LINE, dtype=np.uint8)
    skip = -room.ctypes.data % _LINE
    aligned: npt.NDArray[Any] = room[skip : skip + n_bytes].view(dtype).reshape(n_rows, width)
    return aligned
