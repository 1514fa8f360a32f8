"""The graph: immutable CSR arrays, checked once, opened memory-mapped or in memory.

Rows are sorted: within a row ``indices`` ascend, and parallel arcs (kept only on request) stand side
by side in input order. An undirected graph stores both arcs of every edge.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.ids import Ids, IntegerIds
from graph.assembly import INT32_NODES as INT32_NODES
from graph.assembly import NO_WEIGHTS, assemble, invalid
from graph.assembly import Duplicates as Duplicates
from graph.assembly import SelfLoops as SelfLoops
from graph.interchange import arcs_of_networkx, networkx_of, square
from graph.kernels.counting import count_rows, first_bad_row, sum_runs, transpose
from graph.report import GraphReport as GraphReport

if TYPE_CHECKING:
    import networkx as nx
    import scipy.sparse


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CSRGraph:
    """A directed graph, or an undirected one stored as both arcs.

    Attributes
    ----------
    indptr : int64, shape (n_nodes + 1,)
    indices : int32 (int64 above 2**31 - 1 nodes), shape (n_edges,)
    weights : float32, shape (n_edges,), finite and not negative, or None when every arc weighs 1
    node_ids : the caller's id of every row, sorted
    directed : False when every arc is stored with its reverse
    report : counts of what reading dropped or merged

    ``check=False`` leaves out the pass over the arrays (about 2 ns an arc, 10 when undirected), for arrays that are
    known to keep the rules: an artifact whose checksums hold, opened memory-mapped.

    Raises
    ------
    InvalidInput
        When the arrays break a rule above.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[Any]
    weights: npt.NDArray[np.float32] | None = None
    node_ids: Ids = field(default_factory=lambda: IntegerIds(0))
    directed: bool = True
    report: GraphReport = field(default_factory=GraphReport)
    check: InitVar[bool] = True

    def __post_init__(self, check: bool) -> None:
        if self.indptr.ndim != 1 or self.indptr.size < 1 or self.indptr.dtype != np.int64:
            raise invalid("indptr must be a one-dimensional int64 array of n_nodes + 1")
        if self.indices.ndim != 1 or self.indices.dtype not in (np.int32, np.int64):
            raise invalid(f"indices are {self.indices.dtype} of shape {self.indices.shape}, not int32 in one dimension")
        if self.indptr[0] != 0 or int(self.indptr[-1]) != self.indices.size:
            raise invalid(f"indptr runs from {self.indptr[0]} to {self.indptr[-1]}, indices hold {self.indices.size}")
        if self.weights is not None and (self.weights.shape != self.indices.shape or self.weights.dtype != np.float32):
            raise invalid("weights must be float32 and as long as indices")
        if len(self.node_ids) == 0 and self.n_nodes > 0:
            object.__setattr__(self, "node_ids", IntegerIds(self.n_nodes))
        if len(self.node_ids) != self.n_nodes:
            raise invalid(f"{len(self.node_ids)} node ids for {self.n_nodes} nodes")
        if check:
            self._check_arrays()

    def _check_arrays(self) -> None:
        if (row := first_bad_row(self.indptr, self.indices)) >= 0:
            raise invalid(f"row {row} is out of bounds, or its indices do not ascend", "use CSRGraph.from_edges")
        if self.weights is not None and not ((self.weights >= 0) & (self.weights < np.inf)).all():
            raise invalid("a weight is NaN, infinite or negative", "weights are finite and not negative")
        if not self.directed:
            back = self._reversed()
            same = np.array_equal(back.indptr, self.indptr) and np.array_equal(back.indices, self.indices)
            if not same or (self.weights is not None and not np.array_equal(back.weights, self.weights)):  # type: ignore[arg-type]  # both have weights
                raise invalid("an arc has no reverse of its weight", "pass directed=True, or use CSRGraph.from_edges")

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
        sums = np.empty(self.n_nodes)
        sum_runs(self.indptr, self.weights, sums)
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
            Integer rows in [0, n_nodes); ``n_nodes`` defaults to the largest row + 1, or to ``len(node_ids)``.
        weights
            One finite, non-negative number per arc, rounded to float32; None means 1 each. Arcs that weigh zero
            (or too little for float32) are dropped and counted; their nodes stay.
        directed
            False also stores the reverse of every arc that is not a self-loop; ``u v`` and ``v u`` are then
            duplicates of one another.
        duplicates
            "sum" their weights (the default; in float64, smallest first, so that the order of the arcs does not
            matter), keep the "first" or the "max", "keep" parallel arcs, or "error".
        self_loops
            "keep", "drop" or "error".

        Raises
        ------
        InvalidInput
            On a row out of range, a weight that is NaN, infinite or negative, a sum beyond float32, or what a
            policy forbids.
        InvalidParams
            For a word that is no policy.
        """
        indptr, indices, values, report = assemble(
            src, dst, weights, n_nodes, node_ids, directed=directed, duplicates=duplicates, self_loops=self_loops
        )
        ids = node_ids if node_ids is not None else IntegerIds(indptr.size - 1)
        return cls(
            indptr=indptr,
            indices=indices,
            weights=values,
            node_ids=ids,
            directed=directed,
            report=report,
            check=False,
        )

    @classmethod
    def from_scipy(
        cls,
        matrix: scipy.sparse.sparray | scipy.sparse.spmatrix,
        *,
        directed: bool = True,
        duplicates: Duplicates = "sum",
        self_loops: SelfLoops = "keep",
    ) -> CSRGraph:
        """From a square sparse matrix: entry (u, v) is the weight of the arc u → v.

        ``directed=False`` states that the matrix is symmetric, which is checked; nothing is doubled.
        A matrix of ones gives a graph without weights.

        Raises
        ------
        InvalidInput
            When the matrix is not square, or not symmetric where it should be, or holds an unusable weight.
        """
        coo = square(matrix)
        src, dst = coo.coords
        weights = None if np.all(coo.data == 1) else coo.data
        built = cls.from_edges(src, dst, weights, n_nodes=coo.shape[0], duplicates=duplicates, self_loops=self_loops)
        try:
            return replace(built, directed=directed, check=not directed)
        except InvalidInput as error:
            raise invalid("the matrix is not symmetric", "pass directed=True, or symmetrise it first") from error

    @classmethod
    def from_networkx(
        cls,
        graph: nx.Graph[Any],
        *,
        weight: str | None = "weight",
        directed: bool | None = None,
        duplicates: Duplicates = "sum",
        self_loops: SelfLoops = "keep",
    ) -> CSRGraph:
        """From any NetworkX graph; ids are its nodes, sorted, all strings or all integers (else their ``str``).

        ``weight`` names the edge attribute (absent: 1); None ignores weights. ``directed`` defaults to the graph's
        own kind. Parallel edges and self-loops are treated as in `from_edges`.

        Raises
        ------
        InvalidInput
            When two nodes have one text (``1`` and ``"1"``), or an edge's weight is not a usable number.
        """
        ids, src, dst, values = arcs_of_networkx(graph, weight)
        return cls.from_edges(
            src,
            dst,
            values,
            node_ids=ids,
            directed=graph.is_directed() if directed is None else directed,
            duplicates=duplicates,
            self_loops=self_loops,
        )

    def to_scipy(self) -> scipy.sparse.csr_array:
        """``scipy.sparse.csr_array`` sharing the arrays (ones are made where there are no weights)."""
        import scipy.sparse

        data = self.weights if self.weights is not None else np.ones(self.n_edges, dtype=np.float32)
        return scipy.sparse.csr_array((data, self.indices, self.indptr), shape=(self.n_nodes, self.n_nodes))

    def to_networkx(self) -> nx.Graph[Any]:
        """``nx.DiGraph`` or ``nx.Graph`` over the node ids, with "weight" where the graph has weights.

        Parallel arcs, kept on request, make it an ``nx.MultiDiGraph`` or ``nx.MultiGraph``.
        """
        return networkx_of(self)

    def transposed(self) -> CSRGraph:
        """The same nodes with every arc reversed; an undirected graph returns itself."""
        return self._reversed() if self.directed else self

    def _reversed(self) -> CSRGraph:
        indptr = np.zeros(self.n_nodes + 1, dtype=np.int64)
        count_rows(self.indices, indptr)
        given = NO_WEIGHTS if self.weights is None else self.weights
        indices, weights = np.empty_like(self.indices), np.empty_like(given)
        transpose(self.indptr, self.indices, given, indptr[:-1].copy(), indices, weights)
        return CSRGraph(
            indptr=indptr,
            indices=indices,
            weights=None if self.weights is None else weights,
            node_ids=self.node_ids,
            report=self.report,
            check=False,
        )
