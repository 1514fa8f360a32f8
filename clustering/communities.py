"""Communities around seed nodes, answered while the asker waits.

Nodes with similar neighbourhoods belong together. Neighbourhoods are sketched by minhash, similar ones are found
by locality sensitive hashing, and the candidates are ranked around the seeds. Source: Chamberlain, Levy-Kramer,
Humby, Deisenroth, arXiv:1601.03958; deviations are listed in docs/communities.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from clustering.banding import LSHParams
from clustering.cohesion import cohesion
from clustering.expansion import Method, Pool, blend, published, widened
from clustering.heat import heat_from
from clustering.lsh import LSHIndex
from clustering.minhash import MinHashParams, frozen, is_empty, minhash
from clustering.neighbourhoods import Direction, Sets, neighbourhoods
from clustering.ordering import best_first
from foundation.errors import InvalidInput, InvalidParams, InvalidQuery
from graph.csr import CSRGraph

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityParams:
    """Everything that decides the index, and how it is asked by default.

    Attributes
    ----------
    num_perm, seed : of `MinHashParams`
    n_bands, n_rows, threshold, bucket_cap : of `LSHParams`; nothing given means two rows and as many bands as fit
    direction, include_self : the neighbourhood a node's set is made of; see `neighbourhoods`
    method : how candidates are ranked unless a query says otherwise
    max_candidates : at most so many are ranked from each source (buckets, links); never fewer than asked for
    heat_time : mean length of the walks that carry heat
    heat_tolerance : a node passes heat on while it holds this much per link: a step follows 1 / this links at most
    """

    num_perm: int = 128
    n_bands: int | None = None
    n_rows: int | None = None
    threshold: float | None = None
    bucket_cap: int = 500
    direction: Direction = "both"
    include_self: bool = True
    method: Method = "blend"
    max_candidates: int = 1000
    heat_time: float = 5.0
    heat_tolerance: float = 1e-5
    seed: int = 0

    def __post_init__(self) -> None:
        self.lsh_params().banding(self.minhash_params().num_perm)
        for name, choice, of in (("direction", self.direction, Direction), ("method", self.method, Method)):
            if choice not in get_args(of):
                raise InvalidParams(name=name, value=choice, allowed=", ".join(get_args(of)))
        if not isinstance(self.include_self, bool):
            raise InvalidParams(name="include_self", value=self.include_self, allowed="true or false")
        if isinstance(self.max_candidates, bool) or not isinstance(self.max_candidates, int) or self.max_candidates < 1:
            raise InvalidParams(name="max_candidates", value=self.max_candidates, allowed="an integer of 1 or more")
        for name, value, highest in (("heat_time", self.heat_time, 100), ("heat_tolerance", self.heat_tolerance, 1)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= highest:
                raise InvalidParams(name=name, value=value, allowed=f"a number above 0, up to {highest}")

    def minhash_params(self) -> MinHashParams:
        """The part that decides signatures, together with ``direction`` and ``include_self``."""
        return MinHashParams(num_perm=self.num_perm, seed=self.seed)

    def lsh_params(self) -> LSHParams:
        """The part that decides bucket tables."""
        return LSHParams(n_bands=self.n_bands, n_rows=self.n_rows, threshold=self.threshold, bucket_cap=self.bucket_cap)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CommunityResult:
    """A community and what is worth knowing about it.

    Attributes
    ----------
    nodes : int64; the seeds in the order given, then the others, best first, ties by node
    scores : float32, one per node, higher is better; what it means depends on the method
    n_candidates : nodes that share a bucket with a seed, seeds not counted
    conductance : links that leave the members over the links of the smaller side, in [0, 1]; 0 when none leave
    density : linked pairs of members over pairs of members, in [0, 1]; 0 for a single member
    heat_lost : share of the heat that stopped at the tolerance; 0 where no heat was needed
    isolated_seeds : int64; seeds without neighbours, in the order given
    notes : sentences on what was left out or added, and why; they name no rows
    """

    nodes: Rows
    scores: npt.NDArray[np.float32]
    n_candidates: int
    conductance: float
    density: float
    heat_lost: float
    isolated_seeds: Rows
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CommunityIndex:
    """What a query needs, all of it arrays that may be memory-mapped.

    Attributes
    ----------
    links : every link of the graph in both directions: ``neighbourhoods(graph, "both")``
    lsh : bucket tables and signatures of the sets chosen by ``params``
    params : what the index was made with
    """

    links: Sets
    lsh: LSHIndex
    params: CommunityParams

    def __post_init__(self) -> None:
        if self.links.indptr.size - 1 != self.lsh.n_nodes:
            raise InvalidInput(
                source="community index",
                what=f"links of {self.links.indptr.size - 1} nodes, signatures of {self.lsh.n_nodes}",
                fix="make both from one graph",
            )
        object.__setattr__(self, "links", Sets(frozen(self.links.indptr), frozen(self.links.indices)))

    @classmethod
    def build(cls, graph: CSRGraph, params: CommunityParams, *, n_threads: int = 1) -> CommunityIndex:
        """Sketch every neighbourhood and sort the bucket tables; weights of the graph play no part."""
        sets = neighbourhoods(graph, params.direction, params.include_self)
        signatures = minhash(sets.indptr, sets.indices, params.minhash_params(), n_threads=n_threads)
        lsh = LSHIndex.build(signatures, params.lsh_params(), n_threads=n_threads)
        return cls(neighbourhoods(graph, "both"), lsh, params)

    @property
    def n_nodes(self) -> int:
        return self.lsh.n_nodes

    def query(self, seeds: Sequence[int] | Rows, size: int = 50, method: Method | None = None) -> CommunityResult:
        """The ``size`` nodes that belong together with ``seeds``, the seeds among them.

        Parameters
        ----------
        seeds
            Rows of nodes, at least one; repeated ones count once.
        size
            Members wanted, seeds included. There are fewer only when nothing more can be reached from the
            seeds; a note says so.
        method
            "blend" (similarity and heat), or a published procedure: "initial_avgs", "minrank", "page_rank".
            Where a published one has too few candidates, nodes close by in the graph follow, with score 0.

        Raises
        ------
        InvalidQuery
            On no seeds, an unknown seed or method, or a size below the number of seeds or above that of nodes.
        """
        method = self.params.method if method is None else method
        rows = self._check(seeds, size, method)
        notes: list[str] = []
        isolated = self._isolated(rows, notes)
        candidates, n_candidates = self._candidates(rows, size, notes)
        heat = None
        if method == "blend" or candidates.size + rows.size < size:
            heat = heat_from(self.links, rows, self.params.heat_time, self.params.heat_tolerance)
        if method == "blend" and heat is not None:
            warmest = best_first(heat.per_link[heat.nodes], heat.nodes, max(self.params.max_candidates, size))
            pool = self._pool(rows, candidates, heat.nodes[warmest])
            ranking = blend(pool, heat.per_link[pool.nodes], self.n_nodes)
        else:
            pool = self._pool(rows, candidates)
            ranking = published(method, pool, size - rows.size)

        found = ranking.order[: size - rows.size]
        nodes = np.concatenate((rows, pool.nodes[found]))
        scores = np.zeros(size, dtype=np.float32)
        scores[: rows.size] = ranking.scores[np.searchsorted(pool.nodes, rows)]
        scores[rows.size : nodes.size] = ranking.scores[found]
        if heat is not None and nodes.size < size:
            nodes = widened(nodes, heat, size, notes)
        conductance, density = cohesion(self.links, nodes)
        return CommunityResult(
            nodes=nodes,
            scores=scores[: nodes.size],
            n_candidates=n_candidates,
            conductance=conductance,
            density=density,
            heat_lost=0.0 if heat is None else heat.lost,
            isolated_seeds=isolated,
            notes=tuple(notes),
        )

    def _check(self, seeds: Sequence[int] | Rows, size: int, method: str) -> Rows:
        """The seeds in order, each once."""
        if method not in get_args(Method):
            raise InvalidQuery(what=f"method {method!r}", fix=f"ask for one of {', '.join(get_args(Method))}")
        given = np.asarray(seeds)
        if given.ndim != 1 or given.size == 0 or not np.issubdtype(given.dtype, np.integer):
            raise InvalidQuery(
                what=f"seeds of shape {given.shape} and type {given.dtype}", fix="pass a list of rows, at least one"
            )
        unknown = given[(given < 0) | (given >= self.n_nodes)]
        if unknown.size:
            raise InvalidQuery(what=f"node {unknown[0]} of {self.n_nodes}", fix="rows count from 0")
        _, first = np.unique(given, return_index=True)
        rows = given[np.sort(first)].astype(np.int64)
        if not rows.size <= size <= self.n_nodes:
            raise InvalidQuery(
                what=f"size = {size} with {rows.size} seeds and {self.n_nodes} nodes",
                fix="ask for a size from the number of seeds, which count as members, to that of nodes",
            )
        return rows

    def _isolated(self, rows: Rows, notes: list[str]) -> Rows:
        """Seeds without links; seeds with links but without a set get a note, too."""
        alone = np.asarray(self.links.indptr[rows + 1] == self.links.indptr[rows])
        unsketched = is_empty(self.lsh.signatures[rows]) & ~alone
        if alone.any():
            notes.append(f"{alone.sum()} of {rows.size} seeds without neighbours: no member comes from there")
        if unsketched.any():
            kind = f"{self.params.direction}-neighbours"
            notes.append(f"{unsketched.sum()} of {rows.size} seeds without {kind}: only their links count")
        return np.asarray(rows[alone])

    def _candidates(self, rows: Rows, size: int, notes: list[str]) -> tuple[Rows, int]:
        """Who shares a bucket with a seed, those met most often if there are too many; and how many do."""
        met = self.lsh.collide(self.lsh.signatures[rows])
        others = ~np.isin(met.nodes, rows)
        nodes, n_met = met.nodes[others].astype(np.int64), met.n_met[others]
        n_kept = max(self.params.max_candidates, size)
        if met.n_cut:
            notes.append(
                f"{met.n_cut} members of large buckets were passed over (bucket_cap = {self.params.bucket_cap})"
            )
        if nodes.size > n_kept:
            notes.append(f"{n_kept} of {nodes.size} candidates were ranked (max_candidates)")
        return nodes[best_first(n_met, nodes, n_kept)], nodes.size

    def _pool(self, rows: Rows, *more: Rows) -> Pool:
        nodes = np.unique(np.concatenate((rows, *more)))
        return Pool(nodes=nodes, signatures=self.lsh.signatures[nodes], is_seed=np.isin(nodes, rows))
