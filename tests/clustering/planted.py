"""Random graphs with planted communities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse


def planted(leaf: npt.NDArray[np.int64], chances: npt.NDArray[np.float64], seed: int) -> scipy.sparse.csr_array:
    """Symmetric 0/1 matrix: nodes u and v are linked with probability ``chances[leaf[u], leaf[v]]``."""
    rng = np.random.default_rng(seed)
    drawn = np.triu(rng.random((leaf.size, leaf.size)) < chances[np.ix_(leaf, leaf)], k=1)
    return scipy.sparse.csr_array((drawn | drawn.T).astype(np.float64))


def planted_tree(
    n_per_leaf: int, chances: tuple[float, ...], seed: int
) -> tuple[scipy.sparse.csr_array, npt.NDArray[np.int64]]:
    """A binary tree of communities: the chance of a link depends on how deep the two leaves part."""
    depth = len(chances) - 1
    codes = np.arange(2**depth)
    parts = np.array([[depth - int(a ^ b).bit_length() for b in codes] for a in codes])
    leaf = np.repeat(codes, n_per_leaf)
    return planted(leaf, np.array(chances)[parts], seed), leaf
