"""Four ways to rank a pool of nodes around seeds.

`initial_avgs`, `minrank` and `page_rank` are the procedures of Chamberlain et al., arXiv:1601.03958, as their
code runs them; `blend` adds the heat that reaches a node over the graph's links, which finds more of the known
communities on most labelled graphs (docs/communities.md has the figures, and the exceptions).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.heat import Heat
from clustering.minhash import Signatures, estimate_jaccard
from clustering.ordering import best_first

Method = Literal["blend", "initial_avgs", "minrank", "page_rank"]
Scores = npt.NDArray[np.float64]


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


class Ranking(NamedTuple):
    """Positions in the pool, best first and without the seeds, and a score for every position of the pool."""

    order: npt.NDArray[np.int64]
    scores: Scores


def published(method: Method, pool: Pool, n_wanted: int) -> Ranking:
    """One of the three published procedures."""
    if method == "minrank":
        return minrank(pool, n_wanted)
    return page_rank(pool) if method == "page_rank" else initial_avgs(pool)


def initial_avgs(pool: Pool) -> Ranking:
    """Mean similarity to the seeds."""
    return _by_score(pool, pool.mean_similarity())


def minrank(pool: Pool, n_wanted: int) -> Ranking:
    """Grow one by one: take the node with the largest mean similarity to the community as it now stands.

    A node's score is that mean at the moment it is taken; those not among the first ``n_wanted`` score 0.
    """
    mean = pool.mean_similarity()
    scores = np.where(pool.is_seed, mean, 0.0)
    outside = ~pool.is_seed
    n_members = int(pool.is_seed.sum())
    order: list[int] = []
    for _ in range(min(n_wanted, int(outside.sum()))):
        taken = int(np.argmax(np.where(outside, mean, -1.0)))
        scores[taken], outside[taken] = mean[taken], False
        order.append(taken)
        similarity = estimate_jaccard(pool.signatures, pool.signatures[taken : taken + 1])[:, 0]
        mean = (n_members * mean + similarity) / (n_members + 1)
        n_members += 1
    return Ranking(np.array(order, dtype=np.int64), scores)


def page_rank(pool: Pool, n_steps: int = 3, damping: float = 0.9) -> Ranking:
    """PageRank on the similarities: from all ones, three damped steps, lost mass given back to the seeds.

    Starting from the uniform vector and stopping so early, it is personalised only weakly; it is kept as the
    authors run it. Needs 8 bytes per pair of the pool.
    """
    similarity = estimate_jaccard(pool.signatures, pool.signatures)
    np.fill_diagonal(similarity, 1.0)
    step = damping * similarity / similarity.sum(axis=0)
    rank = np.ones(pool.nodes.size)
    for _ in range(n_steps):
        rank = np.einsum("ij,j->i", step, rank)
        rank[pool.is_seed] += (rank.size - rank.sum()) / pool.is_seed.sum()
    return _by_score(pool, rank)


def blend(pool: Pool, heat: Scores, n_nodes: int) -> Ranking:
    """Mean similarity to the seeds and the root of the heat per link, each in units of its spread over all nodes.

    ``heat`` is float64 (n_pool,). All ``n_nodes`` of the graph count in the spread, those outside the pool
    with 0, so that the ranking hardly depends on the pool's size. The score is the weighted mean of two numbers
    in [0, 1], similarity and the root of heat relative to the hottest node.
    """
    similarity = pool.mean_similarity()
    warmth = np.sqrt(heat / max(float(heat.max()), np.finfo(np.float64).tiny))
    similarity_spread, warmth_spread = _spread(similarity, n_nodes), _spread(warmth, n_nodes)
    if similarity_spread == 0:
        return _by_score(pool, warmth)
    score = (similarity * warmth_spread + warmth * similarity_spread) / (warmth_spread + similarity_spread)
    return _by_score(pool, score)


def widened(nodes: npt.NDArray[np.int64], heat: Heat, size: int, notes: list[str]) -> npt.NDArray[np.int64]:
    """Followed by the warmest nodes that are not among them, up to ``size``."""
    others = heat.nodes[~np.isin(heat.nodes, nodes)]
    nearby = others[best_first(heat.per_link[others], others, size - nodes.size)]
    if nearby.size:
        notes.append(f"the last {nearby.size} members share no bucket with a seed, only links; they score 0")
    if nodes.size + nearby.size < size:
        notes.append(f"found {nodes.size + nearby.size} of {size} members: nothing else is within reach of the seeds")
    return np.concatenate((nodes, nearby))


def _by_score(pool: Pool, scores: Scores) -> Ranking:
    """Best first, ties by node."""
    order = best_first(scores, pool.nodes)
    return Ranking(order[~pool.is_seed[order]], scores)


def _spread(values: Scores, n_nodes: int) -> float:
    """Standard deviation over all nodes, those without a value having 0."""
    mean = float(values.sum()) / n_nodes
    return math.sqrt(max(float(np.square(values).sum()) / n_nodes - mean * mean, 0.0))
