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
    sizes: tuple[int, ...]  # nodes of the leaves, over and over
    strengths: tuple[float, ...]

    @property
    def depth(self) -> int:
        return len(self.strengths) - 1

    @property
    def n_leaves(self) -> int:
        return self.branches**self.depth

    def leaf_of_nodes(self) -> Int64s:
        return np.repeat(np.arange(self.n_leaves), np.resize(self.sizes, self.n_leaves))

    def pieces_of_nodes(self, seed: int) -> Int64s:
        """Every leaf cut into ten pieces at random, the i-th of size in proportion to 1 / i on average."""
        leaf, share = self.leaf_of_nodes(), 1 / np.arange(1, 11)
        piece = stream(seed, "benchmarks.pieces").choice(10, leaf.size, p=share / share.sum())
        return np.unique(10 * leaf + piece, return_inverse=True)[1]

    def parting(self) -> Int64s:
        """Depth at which every two leaves part, (n_leaves, n_leaves)."""
        leaves = np.arange(self.n_leaves)
        above = [leaves // self.branches ** (self.depth - d) for d in range(self.depth + 1)]
        return np.sum([a[:, None] == a for a in above], axis=0) - 1

    def draw(self, seed: int) -> scipy.sparse.csr_array:
        """A graph, symmetric 0/1."""
        leaf = self.leaf_of_nodes()
        n = leaf.size
        chance = np.array(self.strengths) * np.log(n) / n
        drawn = np.triu(
            stream(seed, "benchmarks.planted").random((n, n)) < chance[self.parting()[np.ix_(leaf, leaf)]], 1
        )
        half = scipy.sparse.csr_array(drawn, dtype=np.float64)
        return (half + half.T).tocsr()

    def above_threshold(self, level: int) -> float:
        """Chernoff–Hellinger divergence of the nearest communities of this level: above 1 they can be found exactly."""
        strength = np.array(self.strengths)[self.parting()]
        of = np.arange(self.n_leaves) // self.branches ** (self.depth - level)
        roots = np.sqrt(strength)
        share = np.bincount(self.leaf_of_nodes()) / self.leaf_of_nodes().size
        apart = (share * (roots[:, None, :] - roots[None, :, :]) ** 2).sum(axis=2) / 2
        return float(apart[of[:, None] != of].min())


# The authors' settings (their ternary tree with half the nodes), and two that leave less to see.
TREES = (
    PlantedTree("binary, the authors'", 2, (200,), (40, 50, 60, 100)),
    PlantedTree("binary, sparser", 2, (200,), (10, 16, 20, 40)),
    PlantedTree("binary, uneven leaves", 2, (60, 340, 200), (10, 16, 26, 60)),
    PlantedTree("ternary, the authors'", 3, (100,), (10, 50, 60, 130)),
)
