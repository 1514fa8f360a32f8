"""Corpora of random walks of a fixed length, as node embeddings train on.

Source: Perozzi et al., DeepWalk, KDD 2014 (first order, ``p = q = 1``); Grover, Leskovec, node2vec, KDD 2016,
arXiv:1607.00653 (second order), drawn by rejection as in Yang et al., KnightKing, SOSP 2019.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams
from foundation.memory import written_once
from foundation.seeds import key
from foundation.threads import even_ranges, run_ranges
from graph.arrays import ArcArrays, arc_arrays, read_only
from graph.csr import CSRGraph
from graph.kernels.corpus import first_order, second_order
from graph.walk_tables import checked_aliases

_BLOCK_BYTES = 2**26
_STEPS_PER_RANGE = 2**20
_LIMITS = (1e-6, 1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomWalkParams:
    """Everything that decides the walks: equal params on equal graphs give equal bytes.

    Attributes
    ----------
    walks_per_node : walks from every node, ≥ 1
    walk_length : nodes of a walk, its start among them, ≥ 1
    p : return parameter of node2vec; the arc back to the node before counts 1 / p times its weight
    q : in-out parameter of node2vec; an arc to a node that the node before has no arc to counts 1 / q times its weight
    seed : of the walks
    """

    walks_per_node: int = 10
    walk_length: int = 80
    p: float = 1.0
    q: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, size in (("walks_per_node", self.walks_per_node), ("walk_length", self.walk_length)):
            if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size < 2**31:
                raise InvalidParams(name=name, value=size, allowed="a whole number, 1 to 2,147,483,647")
        for name, factor in (("p", self.p), ("q", self.q)):
            if not _LIMITS[0] <= factor <= _LIMITS[1]:  # NaN compares false
                raise InvalidParams(name=name, value=factor, allowed=f"a number from {_LIMITS[0]:g} to {_LIMITS[1]:g}")

    @property
    def is_second_order(self) -> bool:
        """Whether a step depends on the node before."""
        return (self.p, self.q) != (1.0, 1.0)


def random_walks(
    graph: CSRGraph,
    params: RandomWalkParams | None = None,
    start: int = 0,
    stop: int | None = None,
    n_threads: int = 1,
    aliases: npt.NDArray[np.uint64] | None = None,
) -> npt.NDArray[np.int32]:
    """Walk from the rows ``[start, stop)``, by default from all.

    Parameters
    ----------
    aliases
        Of a weighted graph, made by `graph.walk_tables.arc_aliases`: whoever asks for many ranges makes them once.

    Returns
    -------
    int32, shape ((stop - start) * walks_per_node, walk_length)
        Rows of the graph along every walk; the walks of a node stand side by side. After a node without out-arcs (or
        whose arcs all weigh 0) a walk is filled up with -1. Any cut into ranges, and any number of threads, gives the
        same walks.

    Raises
    ------
    InvalidParams
        When the range does not lie within the graph.
    InvalidInput
        When ``aliases`` are not of this graph.
    """
    params = params or RandomWalkParams()
    walker = _Walker(graph, params, aliases, n_threads)
    first, last = _checked_range(graph, start, stop)
    return walker.block(first, last, n_threads)


def walk_blocks(
    graph: CSRGraph,
    params: RandomWalkParams | None = None,
    start: int = 0,
    stop: int | None = None,
    n_threads: int = 1,
    block_bytes: int = _BLOCK_BYTES,
) -> Iterator[npt.NDArray[np.int32]]:
    """`random_walks` in blocks of whole nodes, in order, each of about ``block_bytes``: for more than memory holds.

    Raises
    ------
    InvalidParams
        When the range does not lie within the graph.
    """
    params = params or RandomWalkParams()
    walker = _Walker(graph, params, None, n_threads)
    first, last = _checked_range(graph, start, stop)
    size = max(1, block_bytes // (4 * params.walks_per_node * params.walk_length))
    return (
        walker.block(first + low, first + high, n_threads) for low, high in even_ranges(last - first, size)
    )  # fmt: skip


def write_walks(
    path: str | Path, graph: CSRGraph, params: RandomWalkParams | None = None, n_threads: int = 1
) -> tuple[int, int]:
    """Write the walks from all rows as one ``.npy`` file, which ``numpy.load(path, mmap_mode="r")`` maps.

    The file appears when it is whole. Returns its shape.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    params = params or RandomWalkParams()
    shape = (graph.n_nodes * params.walks_per_node, params.walk_length)
    target = Path(path)
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i4", "fortran_order": False, "shape": shape})
    try:
        with aside.open("wb") as file:
            file.write(header.getvalue())
            for block in walk_blocks(graph, params, n_threads=n_threads):
                file.write(block.astype("<i4", copy=False).data)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return shape


class _Walker:
    """What all ranges share."""

    def __init__(
        self, graph: CSRGraph, params: RandomWalkParams, aliases: npt.NDArray[np.uint64] | None, n_threads: int
    ) -> None:
        self._arcs: ArcArrays = arc_arrays(graph)
        self._aliases = checked_aliases(graph, aliases, n_threads)
        self._params = params
        second = params.is_second_order and graph.weights is not None
        self._totals = read_only(graph.out_weight() if second else np.empty(0))
        self._key = np.uint64(key(params.seed, "random_walks"))

    def block(self, start: int, stop: int, n_threads: int) -> npt.NDArray[np.int32]:
        out = written_once(((stop - start) * self._params.walks_per_node, self._params.walk_length), np.int32)
        self.walk(start, stop, out, n_threads)
        return out

    def walk(self, start: int, stop: int, out: npt.NDArray[np.int32], n_threads: int) -> None:
        """Fill ``out`` with the walks from the rows ``[start, stop)``."""
        params, flat = self._params, out.reshape(-1)
        per_node = params.walks_per_node * params.walk_length

        def work(low: int, high: int) -> None:
            first, last = start + low, start + high
            part = flat[low * per_node : high * per_node]
            if params.is_second_order and params.walk_length > 1:
                second_order(
                    *self._arcs[:2], self._aliases, self._arcs.weights, self._totals, 1 / params.p, 1 / params.q,
                    self._key, params.walks_per_node, params.walk_length, first, last, part,
                )  # fmt: skip
            else:
                first_order(
                    *self._arcs[:2], self._aliases, self._key, params.walks_per_node, params.walk_length,
                    first, last, part,
                )  # fmt: skip

        run_ranges(work, even_ranges(stop - start, max(1, _STEPS_PER_RANGE // per_node)), n_threads)


def _checked_range(graph: CSRGraph, start: int, stop: int | None) -> tuple[int, int]:
    end = graph.n_nodes if stop is None else stop
    if not 0 <= start <= end <= graph.n_nodes:
        raise InvalidParams(name="start, stop", value=(start, end), allowed=f"0 ≤ start ≤ stop ≤ {graph.n_nodes}")
    return start, end
