"""How many candidates nodes have: whether the split of signatures lets enough through."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.lsh import LSHIndex
from clustering.minhash import is_empty
from foundation.seeds import stream

N_SAMPLED = 256


class Fill(NamedTuple):
    """Of sampled nodes: the share of those who make up ``size`` with their candidates, and the median number of
    candidates. Both 0 where nobody could be asked."""

    share_filled: float
    median_candidates: int


def sampled_fill(index: LSHIndex, size: int, indptr: npt.NDArray[np.int64] | None = None) -> Fill:
    """Of at most `N_SAMPLED` nodes with a set, always the same ones, asked alone and with the index's bucket cap.

    With ``indptr``, int64 (n_nodes + 1,), the offsets of all links, nodes without links are not asked: their set may
    be themselves, which nobody shares.
    """
    n_drawn = min(4 * N_SAMPLED, index.n_nodes)
    drawn = stream(0, "communities.fill").choice(index.n_nodes, n_drawn, replace=False)
    asked = ~is_empty(index.signatures[drawn])
    if indptr is not None:
        asked &= indptr[drawn + 1] > indptr[drawn]
    nodes = drawn[asked][:N_SAMPLED]
    if not nodes.size:
        return Fill(0.0, 0)
    counts = np.array([index.candidates(int(node)).size for node in nodes])
    return Fill(float(np.mean(counts + 1 >= size)), int(np.median(counts)))
