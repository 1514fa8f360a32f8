"""The graph: immutable CSR arrays, checked once, opened memory-mapped or in memory.

Rows are sorted: within a row ``indices`` ascend, and parallel arcs (kept only on request) stand side
by side in input order. An undirected graph stores both arcs of every edge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.ids import Ids, IntegerIds
from graph.kernels.counting import count_rows, place_arcs

if TYPE_CHECKING:
    import networkx as nx
    import scipy.sparse

Duplicates = Literal["sum", "first", "max", "keep", "error"]
SelfLoops = Literal["keep", "drop", "error"]
INT32_NODES = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphReport:
    """What happened between the input and the graph; every policy counts what it touched."""

    n_lines: int = 0
    n_rejected: int = 0
    n_duplicates: int = 0
    n_self_loops: int = 0
    n_zero_weight: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CSRGraph:
    """A directed graph, or an undirected one stored as both arcs.

    Attributes
    ----------
    indptr : int64, shape (n_nodes + 1,)
    indices : int32 (int64 above 2**31 - 1 nodes), shape (n_edges,)
    weights : float32, shape (n_edges,), or None when every arc weighs 1
    node_ids : the caller's id of every row, sorted
    directed : False when every arc is stored with its reverse
    report : counts of what reading dropped or merged
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[Any]
    weights: npt.NDArray[np.float32] | None = None
    node_ids: Ids = field(default_factory=lambda: IntegerIds(0))
    directed: bool = True
    report: GraphReport = field(default_factory=GraphReport)

    def __post_init__(self) -> None:
        if self.indptr.ndim != 1 or self.indptr.size < 1 or self.indptr.dtype != np.int64:
            raise _invalid("indptr must be a one-dimensional int64 array of n_nodes + 1")
        if self.indptr[0] != 0 or int(self.indptr[-1]) != self.indices.size:
            raise _invalid(f"indptr runs from {self.indptr[0]} to {self.indptr[-1]}, indices hold {self.indices.size}")
        if self.weights is not None and (self.weights.shape != self.indices.shape or self.weights.dtype != np.float32):
            raise _invalid("weights must be float32 and as long as indices")
        if len(self.node_ids) == 0 and self.n_nodes > 0:
            object.__setattr__(self, "node_ids", IntegerIds(self.n_nodes))
        if len(self.node_ids) != self.n_nodes:
            raise _invalid(f"{len(self.node_ids)} node ids for {self.n_nodes} nodes")

    @property
    def n_nodes(self) -> int:
        return self.indptr.size - 1

    @property
    def n_edges(self) -> int:
        """Stored arcs: an undirected edge counts twice, a self-loop once."""
        return self.indices.size

    def out_degree(self) -> npt.NDArray[np.int64]:
        """Stored arcs per row, int64 (n_nodes,)."""
        return np.diff(self.indptr)

    def out_weight(self) -> npt.NDArray[np.float64]:
        """Sum of outgoing weights per row, float64 (n_nodes,), added in storage order."""
        if self.weights is None:
            return self.out_degree().astype(np.float64)
        sums = np.zeros(self.n_nodes)
        filled = np.flatnonzero(self.out_degree())
        if filled.size:
            sums[filled] = np.add.reduceat(self.weights.astype(np.float64), np.asarray(self.indptr)[filled])
        return sums

    @classmethod
    def from_edges(
        cls,
        src: npt.ArrayLike,
        dst: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        *,
        n_nodes: int | None = None,
        node_ids: Ids | None = None,
        directed: bool = True,
        duplicates: Duplicates = "sum",
        self_loops: SelfLoops = "keep",
    ) -> CSRGraph:
        """Build from integer rows.

        Parameters
        ----------
        src, dst
            Rows in [0, n_nodes); ``n_nodes`` defaults to the largest row + 1, or to ``len(node_ids)``.
        weights
            One finite, non-negative number per arc; None means 1 each. Zero weights are dropped and counted.
        directed
            False also stores the reverse of every arc that is not a self-loop; ``u v`` and ``v u`` are then
            duplicates of one another.
        duplicates
            "sum" their weights (the default), keep the "first" or the "max", "keep" parallel arcs, or "error".
        self_loops
            "keep", "drop" or "error".

        Raises
        ------
        InvalidInput
            On a row out of range, a weight that is NaN, infinite or negative, or what a policy forbids.
        """
        _check_choice("duplicates", duplicates, get_args(Duplicates))
        _check_choice("self_loops", self_loops, get_args(SelfLoops))
        source = np.ascontiguousarray(src, dtype=np.int64)
        target = np.ascontiguousarray(dst, dtype=np.int64)
        values = None if weights is None else np.ascontiguousarray(weights, dtype=np.float32)
        n = _check_arcs(source, target, values, n_nodes, node_ids)
        n_lines = source.size

        n_zero = 0
        if values is not None and values.size and (zero := values == 0).any():
            n_zero = int(zero.sum())
            source, target, values = source[~zero], target[~zero], values[~zero]
        loop = source == target
        n_loops = int(loop.sum())
        if n_loops and self_loops == "error":
            raise _invalid(
                f"{n_loops} self-loops, the first at node {int(source[loop][0])}", "set self_loops = drop or keep"
            )
        if n_loops and self_loops == "drop":
            source, target = source[~loop], target[~loop]
            values = None if values is None else values[~loop]
        if not directed:
            source, target = np.minimum(source, target), np.maximum(source, target)

        indptr, order = _sorted_rows(source, target, n)
        target = target[order]
        values = None if values is None else values[order]
        source, target, values, n_duplicates = _merge(source[order], target, values, duplicates)
        if not directed:
            once = source != target
            source, target = np.concatenate((source, target[once])), np.concatenate((target, source[once]))
            values = None if values is None else np.concatenate((values, values[once]))
            _, order = _sorted_rows(source, target, n)
            source, target = source[order], target[order]
            values = None if values is None else values[order]
        indptr = np.zeros(n + 1, dtype=np.int64)
        count_rows(source, indptr)
        return cls(
            indptr=indptr,
            indices=target.astype(np.int32 if n <= INT32_NODES else np.int64),
            weights=values,
            node_ids=node_ids if node_ids is not None else IntegerIds(n),
            directed=directed,
            report=GraphReport(n_lines=n_lines, n_duplicates=n_duplicates, n_self_loops=n_loops, n_zero_weight=n_zero),
        )

    @classmethod
    def from_scipy(cls, matrix: scipy.sparse.sparray | scipy.sparse.spmatrix, *, directed: bool = True) -> CSRGraph:
        """From a square sparse matrix: entry (u, v) is the weight of the arc u → v.

        ``directed=False`` states that the matrix is symmetric, which is checked; nothing is doubled.
        """
        import scipy.sparse

        coo = scipy.sparse.coo_array(matrix)
        if coo.shape[0] != coo.shape[1]:
            raise _invalid(f"the matrix has shape {coo.shape}", "an adjacency matrix is square")
        if not directed and abs(coo - coo.T).nnz:
            raise _invalid("the matrix is not symmetric", "pass directed=True, or symmetrise it first")
        built = cls.from_edges(coo.coords[0], coo.coords[1], coo.data, n_nodes=coo.shape[0])
        weights = built.weights if built.weights is not None and np.any(built.weights != 1) else None
        return cls(indptr=built.indptr, indices=built.indices, weights=weights, directed=directed, report=built.report)

    @classmethod
    def from_networkx(cls, graph: nx.Graph[Any], *, weight: str | None = "weight") -> CSRGraph:
        """From any NetworkX graph; ids are its nodes, sorted, all strings or all integers (else their ``str``).

        ``weight`` names the edge attribute (absent: 1); None ignores weights. Parallel edges are summed.
        """
        from graph.ids import rows_of_ids

        ids, row_of = rows_of_ids(list(graph.nodes))
        arcs = (
            list(graph.edges(data=weight, default=1.0))
            if weight is not None
            else [(u, v, 1.0) for u, v in graph.edges()]
        )
        src = np.fromiter((row_of[u] for u, _, _ in arcs), dtype=np.int64, count=len(arcs))
        dst = np.fromiter((row_of[v] for _, v, _ in arcs), dtype=np.int64, count=len(arcs))
        values = np.fromiter((w for _, _, w in arcs), dtype=np.float32, count=len(arcs))
        plain = bool(np.all(values == 1)) and not graph.is_multigraph()
        return cls.from_edges(
            src, dst, None if plain else values, n_nodes=len(ids), node_ids=ids, directed=graph.is_directed()
        )

    def to_scipy(self) -> scipy.sparse.csr_array:
        """``scipy.sparse.csr_array`` sharing the arrays (ones are made where there are no weights)."""
        import scipy.sparse

        data = self.weights if self.weights is not None else np.ones(self.n_edges, dtype=np.float32)
        return scipy.sparse.csr_array((data, self.indices, self.indptr), shape=(self.n_nodes, self.n_nodes))

    def to_networkx(self) -> nx.Graph[Any]:
        """``nx.DiGraph`` or ``nx.Graph`` over the node ids, with "weight" where the graph has weights."""
        import networkx as nx

        out: nx.Graph[Any] = nx.DiGraph() if self.directed else nx.Graph()
        ids = self.node_ids.take(range(self.n_nodes))
        out.add_nodes_from(ids)
        src = np.repeat(np.arange(self.n_nodes), self.out_degree())
        if self.weights is None:
            out.add_edges_from((ids[u], ids[v]) for u, v in zip(src, self.indices, strict=True))
        else:
            arcs = zip(src, self.indices, self.weights, strict=True)
            out.add_weighted_edges_from((ids[u], ids[v], float(w)) for u, v, w in arcs)
        return out

    def transposed(self) -> CSRGraph:
        """The same nodes with every arc reversed; an undirected graph returns itself."""
        if not self.directed:
            return self
        src = np.repeat(np.arange(self.n_nodes, dtype=np.int64), self.out_degree())
        indptr = np.zeros(self.n_nodes + 1, dtype=np.int64)
        target = self.indices.astype(np.int64)
        count_rows(target, indptr)
        order = np.empty(self.n_edges, dtype=np.int64)
        place_arcs(target, indptr, np.empty(self.n_nodes, dtype=np.int64), order)
        return CSRGraph(
            indptr=indptr,
            indices=src[order].astype(self.indices.dtype),
            weights=None if self.weights is None else self.weights[order],
            node_ids=self.node_ids,
            directed=True,
            report=self.report,
        )


def _invalid(what: str, fix: str = "check the arrays passed in") -> InvalidInput:
    return InvalidInput(source="graph", what=what, fix=fix)


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidParams(name=name, value=value, allowed=", ".join(allowed))


def _check_arcs(
    src: npt.NDArray[np.int64],
    dst: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float32] | None,
    n_nodes: int | None,
    node_ids: Ids | None,
) -> int:
    """Number of nodes, after every value has been seen to be usable."""
    if src.ndim != 1 or src.shape != dst.shape:
        raise _invalid(f"src has shape {src.shape}, dst {dst.shape}", "pass two one-dimensional arrays of one length")
    largest = int(max(src.max(), dst.max())) if src.size else -1
    smallest = int(min(src.min(), dst.min())) if src.size else 0
    n = n_nodes if n_nodes is not None else (len(node_ids) if node_ids is not None else largest + 1)
    if smallest < 0 or largest >= n:
        bad = smallest if smallest < 0 else largest
        raise _invalid(f"node row {bad} lies outside [0, {n})", "number nodes from 0, or pass n_nodes")
    if weights is not None:
        if weights.shape != src.shape:
            raise _invalid(f"{weights.size} weights for {src.size} arcs", "pass one weight per arc")
        unusable = ~(np.isfinite(weights) & (weights >= 0))
        if unusable.any():
            arc = int(np.argmax(unusable))
            raise _invalid(f"weight {weights[arc]} of arc {arc}", "weights are finite and not negative")
    return n


def _sorted_rows(
    src: npt.NDArray[np.int64], dst: npt.NDArray[np.int64], n: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row pointer, and the stable order of arcs by (src, dst): two counting sorts, least significant first."""
    scratch = np.empty(n, dtype=np.int64)
    by_dst, by_src = np.empty(src.size, dtype=np.int64), np.empty(src.size, dtype=np.int64)
    indptr = np.zeros(n + 1, dtype=np.int64)
    count_rows(dst, indptr)
    place_arcs(dst, indptr, scratch, by_dst)
    indptr[:] = 0
    count_rows(src, indptr)
    place_arcs(src[by_dst], indptr, scratch, by_src)
    return indptr, by_dst[by_src]


def _merge(
    src: npt.NDArray[np.int64],
    dst: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float32] | None,
    duplicates: Duplicates,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32] | None, int]:
    """Apply the policy to sorted arcs; the last value is how many arcs repeated an earlier one."""
    if src.size == 0:
        return src, dst, weights, 0
    first = np.concatenate(([True], (src[1:] != src[:-1]) | (dst[1:] != dst[:-1])))
    n_duplicates = int(src.size - first.sum())
    if n_duplicates == 0 or duplicates == "keep":
        return src, dst, weights, n_duplicates
    if duplicates == "error":
        arc = int(np.argmin(first))
        raise _invalid(
            f"{n_duplicates} duplicate arcs, the first {int(src[arc])} → {int(dst[arc])}",
            "set duplicates = sum, first, max or keep",
        )
    starts = np.flatnonzero(first)
    if duplicates == "first":
        merged = None if weights is None else weights[starts]
    elif duplicates == "max":
        merged = None if weights is None else np.maximum.reduceat(weights, starts)
    else:
        values = np.ones(src.size) if weights is None else weights.astype(np.float64)
        merged = np.add.reduceat(values, starts).astype(np.float32)
    return src[starts], dst[starts], merged, n_duplicates
