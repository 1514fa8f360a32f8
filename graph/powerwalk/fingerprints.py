"""PowerWalk fingerprints: where the walks from every node went, counted offline.

Source: Liu, Li, Lui, Cheng, CIKM 2016, arXiv:1608.06054 (MCFP: every visited node counts, not the end alone).
A walk goes on with probability ``damping`` and ends at a node without out-arcs. Scaling is fixed:
``p̂_v = (1 - damping) · (e_v + counts_v / n_walks)`` is unbiased; dividing by the sum of counts would not be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import key
from foundation.threads import even_ranges, run_ranges
from graph.arrays import ArcArrays, arc_arrays, read_only
from graph.csr import CSRGraph
from graph.kernels.walk import row_cumulative, walk_counts
from graph.powerwalk.params import PowerWalkParams

_BUFFER_ENTRIES = 2**20
_RANGES_PER_THREAD = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fingerprints:
    """Visit counts of the walks from a range of nodes, as CSR rows; arrays may be mapped from files.

    Attributes
    ----------
    indptr : int64, shape (n_rows + 1,), from 0
    nodes : int32, shape (n_entries,); within a row the most visited first, ties by node
    counts : uint16 or uint32, shape (n_entries,), visits by all walks of the row, their start not counted
    lost : float32, shape (n_rows,), walk mass of the entries that ``max_entries`` cut off
    """

    indptr: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int32]
    counts: npt.NDArray[Any]
    lost: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.indptr.ndim != 1 or self.indptr.size < 1 or self.indptr.dtype != np.int64 or self.indptr[0] != 0:
            raise _invalid("indptr must be one-dimensional int64 and start at 0")
        if self.nodes.dtype != np.int32 or self.counts.dtype not in (np.uint16, np.uint32):
            raise _invalid(f"nodes are {self.nodes.dtype}, counts {self.counts.dtype}: int32 and uint16 or uint32 fit")
        if self.nodes.shape != self.counts.shape or self.nodes.shape != (int(self.indptr[-1]),):
            raise _invalid(f"{self.nodes.size} nodes, {self.counts.size} counts, indptr ends at {self.indptr[-1]}")
        if self.lost.shape != (self.n_rows,) or self.lost.dtype != np.float32:
            raise _invalid(f"lost is {self.lost.dtype} of shape {self.lost.shape}, there are {self.n_rows} rows")

    @property
    def n_rows(self) -> int:
        return self.indptr.size - 1

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What to save: ``Fingerprints(**arrays)`` opens it again, mapped or not."""
        return {"indptr": self.indptr, "nodes": self.nodes, "counts": self.counts, "lost": self.lost}

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
        )


def arc_cumulative(graph: CSRGraph) -> npt.NDArray[np.float64]:
    """Running weight within each row, float64 (n_edges,), as `fingerprints` takes it; empty without weights."""
    arcs = arc_arrays(graph)
    cumulative = np.empty(arcs.weights.size)
    if arcs.weights.size:
        row_cumulative(arcs.indptr, arcs.weights, cumulative)
    return cumulative


def fingerprints(
    graph: CSRGraph,
    params: PowerWalkParams,
    start: int = 0,
    stop: int | None = None,
    n_threads: int = 1,
    cumulative: npt.NDArray[np.float64] | None = None,
) -> Fingerprints:
    """Walk from the rows ``[start, stop)``, by default from all.

    The random words are keyed by (seed, row, walk, step): any cut into ranges, and any number of threads, gives
    the same rows. Beside the result it takes 8 bytes per arc of a weighted graph (``cumulative``, made by
    `arc_cumulative` unless given: whoever asks for many ranges makes it once) and, per thread, 4 bytes per node and
    8 MiB.

    Raises
    ------
    InvalidParams
        When the range does not lie within the graph.
    """
    end = graph.n_nodes if stop is None else stop
    if not 0 <= start <= end <= graph.n_nodes:
        raise InvalidParams(name="start, stop", value=(start, end), allowed=f"0 ≤ start ≤ stop ≤ {graph.n_nodes}")
    arcs = arc_arrays(graph)
    cumulative = arc_cumulative(graph) if cumulative is None else cumulative
    size = max(1, -(-(end - start) // (_RANGES_PER_THREAD * max(1, n_threads))))
    ranges = [(start + first, start + last) for first, last in even_ranges(end - start, size)]
    parts: dict[int, Fingerprints] = {}

    def walk(first: int, last: int) -> None:
        parts[first] = _walk_range(arcs, read_only(cumulative), params, first, last)

    run_ranges(walk, ranges, n_threads)
    if not parts:
        return _walk_range(arcs, read_only(cumulative), params, start, start)
    return Fingerprints.concatenate([parts[first] for first, _ in ranges])


def _walk_range(
    arcs: ArcArrays, cumulative: npt.NDArray[np.float64], params: PowerWalkParams, start: int, stop: int
) -> Fingerprints:
    """One thread's work: call the kernel until every row is done, each time with an empty buffer."""
    n_nodes = arcs.indptr.size - 1
    row_limit = min(n_nodes, params.n_walks * params.max_steps)
    at = np.empty(params.n_walks, dtype=np.int32)
    word = np.empty(params.n_walks, dtype=np.uint64)
    visits = np.zeros(n_nodes, dtype=np.uint32)
    found = np.empty(row_limit, dtype=np.int64)
    nodes = np.empty(max(row_limit, _BUFFER_ENTRIES), dtype=np.int32)
    counts = np.empty(nodes.size, dtype=np.uint32)
    indptr = np.zeros(stop - start + 1, dtype=np.int64)
    cut = np.zeros(stop - start, dtype=np.int64)
    walk_key = np.uint64(key(params.seed, "powerwalk.walk"))
    filled: list[tuple[npt.NDArray[np.int32], npt.NDArray[Any]]] = [(nodes[:0], counts[:0].astype(params.count_dtype))]
    row = start
    while row < stop:
        local = indptr[row - start :]
        offset = int(local[0])
        following = walk_counts(
            arcs.indptr, arcs.indices, cumulative, params.damping, params.max_steps, params.max_entries or n_nodes,
            walk_key, row, stop, at, word, visits, found, local, nodes, counts, cut[row - start :],
        )  # fmt: skip
        size = int(indptr[following - start]) - offset
        filled.append((nodes[:size].copy(), counts[:size].astype(params.count_dtype)))
        row = following
    return Fingerprints(
        indptr=indptr,
        nodes=np.concatenate([piece for piece, _ in filled]),
        counts=np.concatenate([piece for _, piece in filled]),
        lost=((1 - params.damping) / params.n_walks * cut).astype(np.float32),
    )


def _invalid(what: str) -> InvalidInput:
    return InvalidInput(source="fingerprints", what=what, fix="build them again from the graph")
