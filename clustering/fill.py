"""How many candidates nodes have: whether the split of signatures lets enough through."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from clustering.lsh import LSHIndex
from clustering.minhash import is_empty
from foundation.seeds import stream

N_SAMPLED = 256


class Fill(NamedTuple):
    """Of sampled nodes with a set: share of those who make up ``size`` with their candidates, and the median number of
    candidates. Both 0 where no node has a set."""

    share_filled: float
    median_candidates: int


def sampled_fill(index: LSHIndex, size: int) -> Fill:
    """Of at most `N_SAMPLED` nodes, always the same ones, each asked for alone and with the index's bucket cap."""
    n_drawn = min(4 * N_SAMPLED, index.n_nodes)
    drawn = stream(0, "communities.fill").choice(index.n_nodes, n_drawn, replace=False)
    nodes = drawn[~is_empty(index.signatures[drawn])][:N_SAMPLED]
    if not nodes.size:
        return Fill(0.0, 0)
    counts = np.array([index.candidates(int(node)).size for node in nodes])
    return Fill(float(np.mean(counts + 1 >= size)), int(np.median(counts)))
