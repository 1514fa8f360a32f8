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

from clustering.banding import LSHParams
from clustering.expansion import Method
from clustering.growth import CommunityResult as CommunityResult
from clustering.growth import Growth
from clustering.lsh import Candidates, LSHIndex
from clustering.minhash import MinHashParams, frozen, is_empty
from clustering.neighbourhoods import Direction, Sets, neighbourhood_signatures, neighbourhoods
from clustering.rounds import Rounds, Rows, Start
from clustering.sketches.sketch import Sketches, SketchParams
from foundation.errors import InvalidInput, InvalidParams, InvalidQuery
from graph.csr import CSRGraph


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityParams:
    """Everything that decides the index, and how it is asked by default.

    Attributes
    ----------
    num_perm, seed : of `MinHashParams`
    n_bands, n_rows, threshold, bucket_cap : of `LSHParams`; nothing given means two rows and as many bands as fit
    direction, include_self : the neighbourhood a node's set is made of; see `neighbourhoods`
    method : how candidates are ranked unless a query says otherwise
    size : members of an answer unless a query says otherwise; a build counts how often buckets alone can fill it
    max_candidates : so many from each source (buckets, links) are ranked at a time, the next when more are wanted
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
    size: int = 50
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
        for name, count in (("size", self.size), ("max_candidates", self.max_candidates)):
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise InvalidParams(name=name, value=count, allowed="an integer of 1 or more")
        for name, value, highest in (("heat_time", self.heat_time, 100), ("heat_tolerance", self.heat_tolerance, 1)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= highest:
                raise InvalidParams(name=name, value=value, allowed=f"a number above 0, up to {highest}")

    def minhash_params(self) -> MinHashParams:
        """The part that decides signatures, together with ``direction`` and ``include_self``."""
        return MinHashParams(num_perm=self.num_perm, seed=self.seed)

    def sketch_params(self) -> SketchParams:
        """The same, with the kind of sketch: what a query by set is sketched with."""
        return SketchParams(kind="minhash", num_perm=self.num_perm, seed=self.seed)

    def lsh_params(self) -> LSHParams:
        """The part that decides bucket tables."""
        return LSHParams(n_bands=self.n_bands, n_rows=self.n_rows, threshold=self.threshold, bucket_cap=self.bucket_cap)


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
        signatures = neighbourhood_signatures(
            graph, params.minhash_params(), params.direction, params.include_self, n_threads=n_threads
        )
        sketches = Sketches(signatures, params.sketch_params())
        lsh = LSHIndex.build(sketches, params.lsh_params(), n_threads=n_threads)
        return cls(neighbourhoods(graph, "both"), lsh, params)

    @property
    def n_nodes(self) -> int:
        return self.lsh.n_nodes

    def query(
        self, seeds: Sequence[int] | Rows, size: int | None = None, method: Method | None = None
    ) -> CommunityResult:
        """The ``size`` nodes that belong together with ``seeds``, the seeds among them.

        Parameters
        ----------
        seeds
            Rows of nodes, at least one; repeated ones count once.
        size
            Members wanted, seeds included; without it that of the params, or as many as there can be. There are fewer
            only when nothing more can be reached from the seeds; a note says so.
        method
            "blend" (similarity and heat), personalised PageRank "ppr", or a published procedure: "initial_avgs",
            "minrank", "page_rank". Where one other than "blend" has too few candidates, nodes close by in the graph
            follow, with score 0.

        Raises
        ------
        InvalidQuery
            On no seeds, an unknown seed or method, or a size below the number of seeds or above that of nodes.
        """
        growth = self.grow(seeds, method)
        n_seeds = growth.rounds.start.seeds.size
        if size is None:
            size = min(max(self.params.size, n_seeds), self.n_nodes)
        if not n_seeds <= size <= self.n_nodes:
            raise InvalidQuery(
                what=f"size = {size} with {n_seeds} seeds and {self.n_nodes} nodes",
                fix="ask for a size from the number of seeds, which count as members, to that of nodes",
            )
        return growth.more(size)

    def grow(self, seeds: Sequence[int] | Rows, method: Method | None = None) -> Growth:
        """The same community, to be asked for as many members at a time as wanted: see `Growth.more`.

        Raises
        ------
        InvalidQuery
            On no seeds, or an unknown seed or method.
        """
        method = self.params.method if method is None else method
        rows = self._check(seeds, method)
        notes: list[str] = []
        isolated = self._isolated(rows, notes)
        start = Start(rows, isolated, self._met(rows, notes), self.links, self.lsh.signatures)
        rounds = Rounds(
            start=start,
            method=method,
            max_candidates=self.params.max_candidates,
            heat_time=self.params.heat_time,
            heat_tolerance=self.params.heat_tolerance,
        )
        return Growth(rounds, tuple(notes))

    def _check(self, seeds: Sequence[int] | Rows, method: str) -> Rows:
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
        return np.asarray(given[np.sort(first)].astype(np.int64))

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

    def _met(self, rows: Rows, notes: list[str]) -> Candidates:
        """Who shares a bucket with a seed, and in how many bands."""
        met = self.lsh.collide(self.lsh.signatures[rows])
        others = ~np.isin(met.nodes, rows)
        if met.n_cut:
            notes.append(
                f"{met.n_cut} members of large buckets were passed over (bucket_cap = {self.params.bucket_cap})"
            )
        return Candidates(met.nodes[others], met.n_met[others], met.n_cut)
