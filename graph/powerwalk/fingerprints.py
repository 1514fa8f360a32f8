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
from graph.arrays import arc_arrays, read_only, rows_taken
from graph.csr import CSRGraph
from graph.powerwalk.params import PowerWalkParams
from graph.powerwalk.range_walks import RangeWalks
from graph.walk_tables import checked_aliases, geometric_law


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fingerprints:
    """Visit counts of the walks from a range of nodes, as CSR rows; arrays may be mapped from files.

    Attributes
    ----------
    indptr : int64, shape (n_rows + 1,), from 0
    nodes : int32, shape (n_entries,); within a row the most visited first, ties in order of the first visit
    counts : uint16 or uint32, shape (n_entries,), visits by all walks of the row, their start not counted
    lost : float32, shape (n_rows,), walk mass of the entries that ``max_entries`` cut off
    walks : int32, shape (n_rows,), walks of each row; None when all rows have the ``n_walks`` of the params
    """

    indptr: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int32]
    counts: npt.NDArray[Any]
    lost: npt.NDArray[np.float32]
    walks: npt.NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        if self.indptr.ndim != 1 or self.indptr.size < 1 or self.indptr.dtype != np.int64 or self.indptr[0] != 0:
            raise _invalid("indptr must be one-dimensional int64 and start at 0")
        if self.nodes.dtype != np.int32 or self.counts.dtype not in (np.uint16, np.uint32):
            raise _invalid(f"nodes are {self.nodes.dtype}, counts {self.counts.dtype}: int32 and uint16 or uint32 fit")
        if self.nodes.shape != self.counts.shape or self.nodes.shape != (int(self.indptr[-1]),):
            raise _invalid(f"{self.nodes.size} nodes, {self.counts.size} counts, indptr ends at {self.indptr[-1]}")
        if self.lost.shape != (self.n_rows,) or self.lost.dtype != np.float32:
            raise _invalid(f"lost is {self.lost.dtype} of shape {self.lost.shape}, there are {self.n_rows} rows")
        if self.walks is not None and (self.walks.shape != (self.n_rows,) or self.walks.dtype != np.int32):
            raise _invalid(f"walks are {self.walks.dtype} of shape {self.walks.shape}, there are {self.n_rows} rows")

    @property
    def n_rows(self) -> int:
        return self.indptr.size - 1

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What to save: ``Fingerprints(**arrays)`` opens it again, mapped or not."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "indptr": self.indptr,
            "nodes": self.nodes,
            "counts": self.counts,
            "lost": self.lost,
        }
        return arrays if self.walks is None else arrays | {"walks": self.walks}

    def walks_of(self, params: PowerWalkParams) -> npt.NDArray[np.int32]:
        """Walks of every row, int32 (n_rows,): what counts are divided by."""
        return np.full(self.n_rows, params.n_walks, dtype=np.int32) if self.walks is None else self.walks

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
            walks=None if parts[0].walks is None else np.concatenate([part.walks for part in parts]),
        )

    def take(self, rows: npt.NDArray[np.int64]) -> Fingerprints:
        """These rows, in this order."""
        indptr, entries = rows_taken(self.indptr, np.diff(self.indptr), rows)
        return Fingerprints(
            indptr=indptr, nodes=self.nodes[entries], counts=self.counts[entries], lost=self.lost[rows],
            walks=None if self.walks is None else self.walks[rows],
        )  # fmt: skip


def allotted_walks(graph: CSRGraph, params: PowerWalkParams) -> npt.NDArray[np.int32]:
    """Walks from every node, int32: one element for all when they are "even", else (n_nodes,)."""
    if params.allotment == "even" or graph.n_edges == 0:
        return np.full(1, params.n_walks, dtype=np.int32)
    mean = graph.n_edges / graph.n_nodes
    most = (2**31 - 1) // params.max_steps
    wanted: npt.NDArray[np.float64] = np.rint(graph.out_degree() * (params.n_walks / mean))
    return np.clip(wanted, 1, most).astype(np.int32)


def fingerprints(
    graph: CSRGraph,
    params: PowerWalkParams,
    start: int = 0,
    stop: int | None = None,
    n_threads: int = 1,
    aliases: npt.NDArray[np.uint64] | None = None,
) -> Fingerprints:
    """Walk from the rows ``[start, stop)``, by default from all.

    The random words are keyed by (seed, id, walk, step): any cut into ranges, and any number of threads, gives
    the same rows, and a node keeps its words when others come or go. Beside the result it takes 8 bytes per node, 8
    per arc of a weighted graph (``aliases``, made by `arc_aliases` unless given: whoever asks for many ranges makes
    them once), and some 6 MiB per thread.

    Raises
    ------
    InvalidParams
        When the range does not lie within the graph.
    InvalidInput
        When ``aliases`` are not of this graph.
    """
    end = graph.n_nodes if stop is None else stop
    if not 0 <= start <= end <= graph.n_nodes:
        raise InvalidParams(name="start, stop", value=(start, end), allowed=f"0 ≤ start ≤ stop ≤ {graph.n_nodes}")
    walks = allotted_walks(graph, params)
    work = RangeWalks(
        arcs=arc_arrays(graph),
        aliases=checked_aliases(graph, aliases, n_threads),
        law=geometric_law(params.damping, params.max_steps),
        walks=walks,
        keys=read_only(graph.node_ids.keys(0, graph.n_nodes)),
        key=np.uint64(key(params.seed, "powerwalk.walk")),
        max_entries=params.max_entries or graph.n_nodes,
        count_dtype=params.count_dtype,
    )
    indptr, nodes, counts, cut = work.walk(start, end, n_threads)
    n_walks = walks[start:end] if params.allotment == "degree" and walks.size == graph.n_nodes else walks
    return Fingerprints(
        indptr=indptr,
        nodes=nodes,
        counts=counts,
        lost=((1 - params.damping) / n_walks * cut).astype(np.float32),
        walks=None if params.allotment == "even" else np.broadcast_to(n_walks, end - start).astype(np.int32),
    )


def _invalid(what: str) -> InvalidInput:
    return InvalidInput(source="fingerprints", what=what, fix="build them again from the graph")
