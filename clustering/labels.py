"""Communities of a whole graph and their hierarchy, ready to be asked: whose is a node, who belongs to a community.

Communities are numbered as SciPy numbers the clusters of a linkage matrix: those found first 0 … n - 1, then what
each merge makes. Nodes are stored in the order of the dendrogram, so that those of any community, found or merged,
stand side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.kernels.dendrogram import climb, lay_out, weights_inside
from clustering.ordering import best_first
from clustering.sets import frozen
from foundation.errors import InvalidInput, InvalidQuery


class Members(NamedTuple):
    """``nodes`` int64, best first, and ``inside`` float32: the weight of each one's links within the community that
    was found for it; ``size`` of the whole community."""

    nodes: npt.NDArray[np.int64]
    inside: npt.NDArray[np.float32]
    size: int


class Step(NamedTuple):
    """A community on the way from a node to the root: its number, its nodes, and the density of the merge that made
    it (links between the two parts over pairs between them); None for one that was found, not merged."""

    community: int
    size: int
    density: float | None


@dataclass(frozen=True, slots=True, eq=False)
class LabelIndex:
    """The nodes of every community.

    Attributes
    ----------
    labels : int32 (n_nodes,): the community found for each node
    members : int32 (n_nodes,): nodes in the order of the dendrogram; within a found community those first that have the
        most weight inside
    inside : float32 (n_nodes,): weight of a node's links to others of its label
    starts, parents, sizes : int64 (2 n_communities - 1,): of each community the first place in ``members``, what it
        merges into (-1 for the root), and its nodes
    density : float64 (n_communities - 1,): of each merge
    """

    labels: npt.NDArray[np.int32]
    members: npt.NDArray[np.int32]
    inside: npt.NDArray[np.float32]
    starts: npt.NDArray[np.int64]
    parents: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    density: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in self.arrays():
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @classmethod
    def build(
        cls,
        graph: Any,
        labels: npt.NDArray[np.int32],
        linkage: npt.NDArray[np.float64],
        density: npt.NDArray[np.float64],
    ) -> LabelIndex:
        """From labels of the nodes of ``graph`` (a symmetric CSR matrix) and the hierarchy over them.

        Raises
        ------
        InvalidInput
            When labels or merges do not fit the graph.
        """
        n_nodes, n_leaves = graph.shape[0], int(labels.max(initial=-1)) + 1
        if labels.shape != (n_nodes,) or (n_leaves and len(linkage) != n_leaves - 1):
            raise InvalidInput(
                source="labels",
                what=f"{labels.size} labels of {n_leaves} communities with {len(linkage)} merges for {n_nodes} nodes",
                fix="pass one label per node, and the hierarchy over those labels",
            )
        inside = np.empty(n_nodes, dtype=np.float32)
        weights_inside(graph.indptr, graph.indices, np.asarray(graph.data), labels, inside)
        sizes = np.concatenate((np.bincount(labels, minlength=n_leaves), np.zeros(len(linkage), dtype=np.int64)))
        starts, parents = np.zeros(sizes.size, dtype=np.int64), np.full(sizes.size, -1, dtype=np.int64)
        if n_leaves:
            lefts, rights = (np.ascontiguousarray(linkage[:, side], dtype=np.int64) for side in (0, 1))
            lay_out(lefts, rights, sizes, starts, parents)
        order = np.lexsort((np.arange(n_nodes), -inside, starts[labels])).astype(np.int32)
        return cls(labels, order, inside, starts, parents, sizes, np.asarray(density, dtype=np.float64))

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """By name, as `LabelIndex` takes them."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def n_communities(self) -> int:
        """Of those that were found."""
        return self.sizes.size - self.density.size

    @property
    def n_linked(self) -> int:
        """The fewest communities that links make: further merges join what nothing links."""
        return int(np.searchsorted(self.density[::-1], 0.0, side="right")) + min(1, self.n_communities)

    def of(self, nodes: npt.NDArray[np.int64], n_communities: int | None = None) -> npt.NDArray[np.int64]:
        """The community of each node, int64; of the ``n_communities`` that are left after merging, if given.

        Raises
        ------
        InvalidQuery
            On a number of communities below 1 or above that of those found.
        """
        found = self.labels[nodes].astype(np.int64)
        if n_communities is not None:
            if isinstance(n_communities, bool) or not 1 <= n_communities <= self.n_communities:
                fix = f"ask for 1 to {self.n_communities}, which were found"
                raise InvalidQuery(what=f"communities = {n_communities!r}", fix=fix)
            climb(self.parents, found, 2 * self.n_communities - n_communities)
        return found

    def path(self, community: int) -> list[Step]:
        """From a community to the last that links hold together; merges without any link between them are left out."""
        self._check(community)
        # Numbers first, then what belongs to them at once: a path may have a thousand steps.
        parent, density, n_found = self.parents.item, self.density.item, self.n_communities
        way = [community]
        while (above := parent(way[-1])) >= 0 and density(above - n_found) > 0:
            way.append(above)
        densities = self.density[np.array(way[1:], dtype=np.int64) - n_found].tolist()
        return list(map(Step, way, self.sizes[way].tolist(), [self._density(community), *densities]))

    def top(self, community: int, k: int) -> Members:
        """The ``k`` members with the most weight inside, ties by row; all when there are no more.

        Raises
        ------
        InvalidQuery
            On an unknown community or k below 1.
        """
        self._check(community)
        if isinstance(k, bool) or k < 1:
            raise InvalidQuery(what=f"k = {k!r}", fix="ask for 1 or more members")
        start, size = int(self.starts[community]), int(self.sizes[community])
        nodes = np.asarray(self.members[start : start + size], dtype=np.int64)
        inside = np.asarray(self.inside[nodes])
        chosen = slice(k) if community < self.n_communities else best_first(inside, nodes, k)
        return Members(nodes[chosen], inside[chosen], size)

    def _density(self, community: int) -> float | None:
        merge = community - self.n_communities
        return float(self.density[merge]) if merge >= 0 else None

    def _check(self, community: int) -> None:
        if isinstance(community, bool) or not 0 <= community < self.sizes.size:
            raise InvalidQuery(
                what=f"community {community!r} of {self.sizes.size}",
                fix=f"{self.n_communities} were found, numbered from 0; their merges follow",
            )
