"""A community that gets more members on request, without starting over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from clustering.cohesion import cohesion
from clustering.rounds import NOTHING, Block, Rounds, Rows
from foundation.errors import InvalidQuery


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


@dataclass(slots=True, eq=False)
class Growth:
    """A community, grown as far as was asked; what it takes to go on is kept.

    Candidates, heat, the pool in hand and, for "minrank", the means stay as they are between two calls. Made by
    `clustering.communities.CommunityIndex.grow`; for one caller at a time.
    """

    rounds: Rounds
    first_notes: tuple[str, ...]
    _parts: list[Rows] = field(init=False, default_factory=list)  # members, in order
    _waiting: Block = field(init=False)
    _ranked: Iterator[Block] = field(init=False)
    _n_asked: int = field(init=False, default=0)
    _n_close: int = field(init=False, default=0)
    _is_complete: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._waiting = NOTHING
        self._ranked = self.rounds.ranked()

    @property
    def members(self) -> Rows:
        """All that were given out, int64."""
        self._parts = [np.concatenate((NOTHING.nodes, *self._parts))]
        return self._parts[0]

    def more(self, n: int) -> CommunityResult:
        """The next ``n`` members, the seeds being the first; fewer when nothing more is within reach.

        ``nodes`` and ``scores`` are those added; everything else is of the whole community so far. Whatever the steps,
        the members are those, and the last answer says what, a query for all of them gives.

        Raises
        ------
        InvalidQuery
            On ``n`` below 1.
        """
        if n < 1:
            raise InvalidQuery(what=f"{n} more members", fix="ask for 1 or more")
        self._n_asked += n
        blocks = [NOTHING]
        missing = n
        while missing and self._has_more():
            nodes, scores = self._waiting
            blocks.append(Block(nodes[:missing], scores[:missing]))
            self._waiting = Block(nodes[missing:], scores[missing:])
            missing -= blocks[-1].nodes.size
            self._parts.append(blocks[-1].nodes)
        nodes, scores = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        conductance, density = cohesion(self.rounds.start.links, self.members)
        return CommunityResult(
            nodes=nodes,
            scores=scores.astype(np.float32),
            n_candidates=self.rounds.start.met.nodes.size,
            conductance=conductance,
            density=density,
            heat_lost=0.0 if self.rounds.heat is None else self.rounds.heat.lost,
            isolated_seeds=self.rounds.start.isolated,
            notes=(*self.first_notes, *self._notes()),
        )

    def _has_more(self) -> bool:
        """Whether anybody waits, after the next block was fetched where nobody did."""
        while not self._waiting.nodes.size and not self._is_complete:
            following = next(self._ranked, None)
            if following is None:
                following = self.rounds.close_by(self.members)
                self._n_close, self._is_complete = following.nodes.size, True
            self._waiting = following
        return self._waiting.nodes.size > 0

    def _notes(self) -> Iterator[str]:
        n_met, n_close = self.rounds.start.met.nodes.size, 0
        if self._is_complete:
            n_close = self._n_close - self._waiting.nodes.size
        if self.rounds.n_ranked < n_met:
            yield f"{self.rounds.n_ranked} of {n_met} candidates were ranked (max_candidates)"
        if n_close:
            yield f"the last {n_close} members share no bucket with a seed, only links; they score 0"
        if self.members.size < self._n_asked:
            yield f"found {self.members.size} of {self._n_asked} members: nothing else is within reach of the seeds"
