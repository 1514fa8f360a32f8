"""In which order a community gets its members, worked out only as far as it is asked for.

First the seeds; then candidates, in rounds of ``max_candidates``: those met in most bands, and for "blend" as many of
the warmest nodes with them; then the next so many. At last, for the other methods, the nodes that are only close by.
The order does not depend on how many members are wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.expansion import Method, Pool, Scale, blend, initial_avgs, minrank, page_rank, ppr
from clustering.heat import Heat, heat_from
from clustering.lsh import Candidates
from clustering.minhash import Signatures, estimate_jaccard
from clustering.neighbourhoods import Sets
from clustering.ordering import best_first

Rows = npt.NDArray[np.int64]

# Candidates of a round where all pairs of them are compared, at most: 64 MB at 4 bytes a pair.
_PAIRED = 4096
_BY_SCORE = {"initial_avgs": initial_avgs, "page_rank": page_rank, "ppr": ppr}


class Block(NamedTuple):
    """The next members, and their scores."""

    nodes: Rows
    scores: npt.NDArray[np.float64]


NOTHING = Block(np.empty(0, dtype=np.int64), np.empty(0))


class Start(NamedTuple):
    """What a community grows from.

    seeds : int64, each once; isolated : those without links
    met : who shares a bucket with them, without themselves
    links, signatures : of all nodes
    """

    seeds: Rows
    isolated: Rows
    met: Candidates
    links: Sets
    signatures: Signatures


@dataclass(slots=True, kw_only=True, eq=False)
class Rounds:
    """The rounds of one community, and what they have come to so far.

    Attributes
    ----------
    max_candidates, heat_time, heat_tolerance : of `clustering.communities.CommunityParams`
    n_ranked : candidates that were ranked
    heat : once it was needed
    """

    start: Start
    method: Method
    max_candidates: int
    heat_time: float
    heat_tolerance: float
    n_ranked: int = 0
    heat: Heat | None = None

    def ranked(self) -> Iterator[Block]:
        """Seeds and candidates, best first within a round, ties by node."""
        return self._one_by_one() if self.method == "minrank" else self._by_score()

    def close_by(self, members: Rows) -> Block:
        """Every other node that heat from the seeds reaches, the warmest first; they score 0."""
        heat = self._spread()
        others = heat.nodes[~np.isin(heat.nodes, members)]
        nodes = others[best_first(heat.at(others), others)]
        return Block(nodes, np.zeros(nodes.size))

    def _by_score(self) -> Iterator[Block]:
        scale: Scale | None = None
        for number, pool in enumerate(self._pools()):
            if self.method == "blend":
                heat = self._spread()
                ranking, scale = blend(pool, heat.at(pool.nodes), heat.place.size, scale)
            else:
                ranking = _BY_SCORE[self.method](pool)
            if number == 0:
                yield self._seeds(pool, ranking.scores)
            yield Block(pool.nodes[ranking.order], ranking.scores[ranking.order])

    def _one_by_one(self) -> Iterator[Block]:
        members = self.start.seeds.tolist()
        for number, pool in enumerate(self._pools()):
            mean = np.asarray(estimate_jaccard(pool.signatures, self.start.signatures[members]).mean(axis=1))
            if number == 0:
                yield self._seeds(pool, mean)
            for position, score in minrank(pool, mean, len(members)):
                members.append(int(pool.nodes[position]))
                yield Block(pool.nodes[position : position + 1], np.array([score]))

    def _pools(self) -> Iterator[Pool]:
        """The seeds with the candidates of a round, none of whom was in one before."""
        seeds, met, stop = self.start.seeds, self.start.met, 0
        size = min(self.max_candidates, _PAIRED) if self.method in ("page_rank", "ppr") else self.max_candidates
        seen = seeds
        while stop == 0 or stop < max(met.nodes.size, self._n_warm()):
            start, stop = stop, stop + size
            self.n_ranked = min(stop, met.nodes.size)
            fresh = [met.nodes[best_first(met.n_met, met.nodes, stop)[start:]].astype(np.int64)]
            if self.method == "blend":
                heat = self._spread()
                fresh.append(heat.nodes[best_first(heat.per_link, heat.nodes, stop)[start:]])
            nodes = np.unique(np.concatenate(fresh))
            nodes = np.sort(np.concatenate((seeds, nodes[~np.isin(nodes, seen)])))
            seen = np.concatenate((seen, nodes))
            yield Pool(nodes=nodes, signatures=self.start.signatures[nodes], is_seed=np.isin(nodes, seeds))

    def _n_warm(self) -> int:
        return self._spread().nodes.size if self.method == "blend" else 0

    def _seeds(self, pool: Pool, scores: npt.NDArray[np.float64]) -> Block:
        return Block(self.start.seeds, scores[np.searchsorted(pool.nodes, self.start.seeds)])

    def _spread(self) -> Heat:
        if self.heat is None:
            self.heat = heat_from(self.start.links, self.start.seeds, self.heat_time, self.heat_tolerance)
        return self.heat
