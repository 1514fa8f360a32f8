"""Five ways to rank a pool of nodes around seeds.

`initial_avgs`, `minrank` and `page_rank` are the procedures of Chamberlain et al., arXiv:1601.03958, as their
code runs them; `ppr` is what the last of them aims at, personalised PageRank restarted at the seeds and run until it
stands. `blend` adds the heat that reaches a node over the graph's links, which finds more of the known communities
on most labelled graphs (docs/communities.md has the figures, and the exceptions).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.kernels.expansion import count_all_equal, take_most_similar, times
from clustering.minhash import Signatures, estimate_jaccard
from clustering.ordering import best_first
from clustering.sets import frozen

Method = Literal["blend", "initial_avgs", "minrank", "page_rank", "ppr"]
Scores = npt.NDArray[np.float64]

# Sum of what `ppr` leaves of its equations; over ``restart``, the most that all ranks together are off.
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """The nodes in question, among them the seeds.

    Attributes
    ----------
    nodes : int64, shape (n_pool,), ascending
    signatures : uint32, shape (n_pool, num_perm)
    is_seed : bool, shape (n_pool,), true at least once
    """

    nodes: npt.NDArray[np.int64]
    signatures: Signatures
    is_seed: npt.NDArray[np.bool_]

    def mean_similarity(self) -> Scores:
        """Estimated Jaccard similarity to the seeds, mean over the seeds, float64 (n_pool,)."""
        return np.asarray(estimate_jaccard(self.signatures, self.signatures[self.is_seed]).mean(axis=1))

    def equal_slots(self) -> npt.NDArray[np.float32]:
        """How many slots every two signatures share, float32 (n_pool, n_pool); 0 on the diagonal."""
        equal = np.empty((self.nodes.size, self.nodes.size), dtype=np.float32)
        count_all_equal(frozen(self.signatures), equal)
        return equal


class Ranking(NamedTuple):
    """Positions in the pool, best first and without the seeds, and a score for every position of the pool."""

    order: npt.NDArray[np.int64]
    scores: Scores


def initial_avgs(pool: Pool) -> Ranking:
    """Mean similarity to the seeds."""
    return _by_score(pool, pool.mean_similarity())


def minrank(pool: Pool, mean: Scores, n_members: int) -> Iterator[tuple[int, float]]:
    """Grow one by one: take the node with the largest mean similarity to the community as it now stands.

    ``mean``, float64 (n_pool,), is that to the ``n_members`` members so far; it is kept up to date in place. Yields a
    position and its mean at the moment it is taken, and goes on until the pool has no more.
    """
    signatures, outside = frozen(pool.signatures), ~pool.is_seed
    for n_taken in range(int(outside.sum())):
        yield take_most_similar(signatures, mean, outside, n_members + n_taken)


def page_rank(pool: Pool, n_steps: int = 3, damping: float = 0.9) -> Ranking:
    """PageRank on the similarities: from all ones, three damped steps, lost mass given back to the seeds.

    Starting from the uniform vector and stopping so early, it is personalised only weakly; it is kept as the
    authors run it. Needs 8 bytes per pair of the pool.
    """
    equal = pool.equal_slots()
    np.fill_diagonal(equal, pool.signatures.shape[1])
    sums, rank, arrived = equal.sum(axis=0, dtype=np.float64), np.ones(pool.nodes.size), np.empty(pool.nodes.size)
    for _ in range(n_steps):
        times(equal, damping * rank / sums, arrived)
        rank[:] = arrived
        rank[pool.is_seed] += (rank.size - rank.sum()) / pool.is_seed.sum()
    return _by_score(pool, rank)


def ppr(pool: Pool, restart: float = 0.5) -> Ranking:
    """Personalised PageRank on the squared similarities: with probability ``restart`` a step goes back to a seed.

    A node is as similar to itself as can be, so that a visitor of one that nobody is like mostly stays. The score is
    the share of visits over the root of the node's summed weights, half-way between favouring nodes that are like
    many and favouring those that are like few. Squares keep the many small similarities, most of which are errors of
    estimation, from adding up. Needs 4 bytes per pair of the pool.
    """
    similarity = pool.equal_slots() / np.float32(pool.signatures.shape[1])
    np.fill_diagonal(similarity, 1.0)
    weights = np.square(similarity, out=similarity)
    sums = weights.sum(axis=0, dtype=np.float64)
    rank = _restarted(weights, sums, pool.is_seed / np.count_nonzero(pool.is_seed), restart)
    return _by_score(pool, rank / np.sqrt(sums))


def _restarted(weights: npt.NDArray[np.float32], sums: Scores, start: Scores, restart: float) -> Scores:
    """The solution of rank = restart · start + (1 - restart) · W D⁻¹ rank, D being the ``sums``, above 0.

    Shares of equal slots are a positive semidefinite matrix, and so are their squares. Hence the eigenvalues of the
    system lie in [restart, 1], and Chebyshev's iteration (Saad, Iterative Methods, algorithm 12.1) brings the
    residual down 5.8-fold a step at restart = 0.5, where following the walk would halve it.
    """
    damping = 1 - restart
    residual = restart * start
    rank, spread = np.zeros(start.size), np.empty(start.size)
    centre, radius = 1 - damping / 2, max(damping / 2, np.finfo(np.float64).tiny)
    shrink, step = radius / centre, residual / centre
    while np.abs(residual).sum() > _TOLERANCE:
        rank += step
        times(weights, step / sums, spread)
        residual = residual - step + damping * spread
        following = 1 / (2 * centre / radius - shrink)
        step = following * shrink * step + 2 * following / radius * residual
        shrink = following
    return rank


class Scale(NamedTuple):
    """What `blend` measures with: heat per link of the hottest node, and the spreads of similarity and of warmth."""

    hottest: float
    similarity: float
    warmth: float


def blend(pool: Pool, heat: Scores, n_nodes: int, scale: Scale | None = None) -> tuple[Ranking, Scale]:
    """Mean similarity to the seeds and the root of the heat per link, each in units of its spread over all nodes.

    ``heat`` is float64 (n_pool,). All ``n_nodes`` of the graph count in the spread, those outside the pool
    with 0, so that the ranking hardly depends on the pool's size. The score is the weighted mean of two numbers
    in [0, 1], similarity and the root of heat relative to the hottest node. A second pool around the same seeds is
    measured by the ``scale`` of the first.
    """
    similarity = pool.mean_similarity()
    hottest = float(heat.max()) if scale is None else scale.hottest
    warmth = np.sqrt(heat / max(hottest, np.finfo(np.float64).tiny))
    if scale is None:
        scale = Scale(hottest, _spread(similarity, n_nodes), _spread(warmth, n_nodes))
    if scale.similarity == 0:
        return _by_score(pool, warmth), scale
    score = (similarity * scale.warmth + warmth * scale.similarity) / (scale.warmth + scale.similarity)
    return _by_score(pool, score), scale


def _by_score(pool: Pool, scores: Scores) -> Ranking:
    """Best first, ties by node."""
    order = best_first(scores, pool.nodes)
    return Ranking(order[~pool.is_seed[order]], scores)


def _spread(values: Scores, n_nodes: int) -> float:
    """Standard deviation over all nodes, those without a value having 0."""
    mean = float(values.sum()) / n_nodes
    return math.sqrt(max(float(np.square(values).sum()) / n_nodes - mean * mean, 0.0))
