"""Random graphs in which a tree of communities is planted (hierarchical stochastic block models)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse

from foundation.seeds import stream

Int64s = npt.NDArray[np.int64]


class PlantedTree(NamedTuple):
    """``strengths[d]``: two nodes whose leaves part at depth d are linked with probability strengths[d] · ln n / n."""

    name: str
    branches: int
    n_per_leaf: int
    strengths: tuple[float, ...]

    @property
    def depth(self) -> int:
        return len(self.strengths) - 1

    @property
    def n_leaves(self) -> int:
        return self.branches**self.depth

    def leaf_of_nodes(self) -> Int64s:
        return np.repeat(np.arange(self.n_leaves), self.n_per_leaf)

    def parting(self) -> Int64s:
        """Depth at which every two leaves part, (n_leaves, n_leaves)."""
        leaves = np.arange(self.n_leaves)
        above = [leaves // self.branches ** (self.depth - d) for d in range(self.depth + 1)]
        return np.sum([a[:, None] == a for a in above], axis=0) - 1

    def draw(self, seed: int) -> scipy.sparse.csr_array:
        """A graph, symmetric 0/1."""
        leaf, n = self.leaf_of_nodes(), self.n_leaves * self.n_per_leaf
        chance = np.array(self.strengths) * np.log(n) / n
        drawn = np.triu(stream(seed, "benchmarks.planted").random((n, n)) < chance[self.parting()[np.ix_(leaf, leaf)]], 1)
        half = scipy.sparse.csr_array(drawn, dtype=np.float64)
        return (half + half.T).tocsr()

    def above_threshold(self, level: int) -> float:
        """Chernoff–Hellinger divergence of the nearest communities of this level: above 1 they can be found exactly."""
        strength = np.array(self.strengths)[self.parting()]
        of = np.arange(self.n_leaves) // self.branches ** (self.depth - level)
        roots = np.sqrt(strength)
        apart = ((roots[:, None, :] - roots[None, :, :]) ** 2).sum(axis=2) / (2 * self.n_leaves)
        return float(apart[of[:, None] != of].min())


# Settings of the authors (3 levels, 200 nodes a leaf), their ternary tree with fewer nodes, and one easier tree.
TREES = (
    PlantedTree("binary, the authors'", 2, 200, (40, 50, 60, 100)),
    PlantedTree("binary, leaves above threshold", 2, 200, (10, 30, 60, 160)),
    PlantedTree("binary, weak on top", 2, 200, (45, 50, 60, 160)),
    PlantedTree("ternary, the authors'", 3, 100, (10, 50, 60, 130)),
)
