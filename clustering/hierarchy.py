"""Hierarchies of communities, bottom-up by edge density.

The two clusters with the most links per pair of their nodes are merged, again and again. The density of a merged
cluster to a third is the mean of its parts' densities weighted by their nodes, hence never above that of the merge:
merges come in descending density, without inversions.

Source: Dreveton, Kuroda, Grossglauser, Thiran, "When does bottom-up beat top-down in hierarchical community
detection?", arXiv:2306.00833.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from clustering.kernels.community_weights import community_weights
from clustering.kernels.linkage import merge_densest
from clustering.kernels.tree import add_up, label_below, link_parents
from clustering.sets import Sets, check_sets
from foundation.errors import InvalidInput, InvalidQuery

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
_NONE: Float64s = np.empty(0)
_ROUNDING = 1e-12  # a density this share above the one before it is no inversion


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hierarchy:
    """A binary tree over ``n_communities`` initial communities.

    Clusters are numbered as in SciPy: an initial community by its label, what merge i made as ``n_communities + i``.

    Attributes
    ----------
    linkage : float64, shape (n_communities - 1, 4)
        SciPy's linkage matrix: the clusters merged (the smaller number first), height, initial communities below. The
        height is log(highest density / density), never less than in the row before; merges without a link stand 1
        above the highest other one.
    density : float64, shape (n_communities - 1,)
        Weight of the links between the merged clusters per pair of their nodes; 0 where nothing links them.
    sizes : int64, shape (2 * n_communities - 1,)
        Nodes of every cluster.
    n_inversions : int
        Merges at a density above that of the merge before, by more than rounding.
    """

    linkage: Float64s
    density: Float64s
    sizes: Int64s
    n_inversions: int

    @property
    def n_communities(self) -> int:
        return self.density.size + 1

    def cut(self, *, n_communities: int | None = None, density: float | None = None) -> Int32s:
        """Which merged community every initial one belongs to.

        Parameters
        ----------
        n_communities
            How many are left, from 1 to all.
        density
            Merges at this density or more are made. Give one of the two.

        Returns
        -------
        int32, shape (n_communities,)
            Numbered by smallest initial community. ``hierarchy.cut(...)[labels]`` labels nodes.
        """
        if (n_communities is None) == (density is None):
            raise InvalidQuery(what="a cut needs n_communities or density, one of them", fix="give one")
        if n_communities is not None:
            if not 1 <= n_communities <= self.n_communities:
                what = f"n_communities = {n_communities} of {self.n_communities}"
                raise InvalidQuery(what=what, fix=f"ask for 1 to {self.n_communities}")
            n_merges = self.n_communities - n_communities
        else:
            if density is None or not density >= 0:
                raise InvalidQuery(what=f"density = {density}", fix="ask for 0 or more")
            n_merges = int(np.searchsorted(-np.minimum.accumulate(self.density), -density, side="right"))
        labels = np.empty(self.n_communities, dtype=np.int32)
        label_below(self._merged(), n_merges, labels)
        return labels

    def ancestors(self, community: int) -> Int64s:
        """The clusters that hold an initial community, from itself up to the root.

        ``sizes`` of them are the communities' nodes; ``density`` and ``linkage`` of cluster c stand in row
        c - ``n_communities``.
        """
        if not 0 <= community < self.n_communities:
            what = f"community {community} of {self.n_communities}"
            raise InvalidQuery(what=what, fix=f"ask for 0 to {self.n_communities - 1}")
        parents = np.empty(self.sizes.size, dtype=np.int64)
        link_parents(self._merged(), parents)
        path = [community]
        while parents[path[-1]] >= 0:
            path.append(int(parents[path[-1]]))
        return np.array(path, dtype=np.int64)

    def _merged(self) -> Int64s:
        return self.linkage[:, :2].astype(np.int64)


def hierarchy(weights: scipy.sparse.csr_array | Sets, labels: npt.NDArray[np.integer]) -> Hierarchy:
    """Merge communities until one is left, the densest linked pair first.

    Parameters
    ----------
    weights
        The links of an undirected graph, every one in both directions; weights finite and not negative. An arc without
        its reverse counts half. `Sets` are links of weight 1.
    labels : integers, shape (n_nodes,)
        The initial communities, numbered 0 … n_communities - 1, each with at least one node.

    Equal densities are ordered by the smallest initial community of the two clusters, then by that of the other one.

    Raises
    ------
    InvalidInput
        When there are no nodes, the labels do not fit, or a weight cannot be used.
    """
    links, values = _links(weights)
    community, sizes = _communities(labels, links.indptr.size - 1)
    n = sizes.size
    between = _between(links, values, community, sizes)
    n_pairs = between.nnz
    ends, total = np.empty((2 * n_pairs, 2), dtype=np.int64), np.empty(2 * n_pairs)
    ends[:n_pairs, 0], ends[:n_pairs, 1] = between.coords
    total[:n_pairs] = between.data
    merged, density = np.zeros((n - 1, 2), dtype=np.int64), np.zeros(n - 1)
    merge_densest(ends, total, sizes.copy(), merged, density)
    below, nodes = np.ones(2 * n - 1, dtype=np.int64), np.concatenate((sizes, np.zeros(n - 1, dtype=np.int64)))
    add_up(merged, below)
    add_up(merged, nodes)
    linkage = np.column_stack((merged, _heights(density), below[n:])).astype(np.float64)
    n_inversions = int(np.count_nonzero(density[1:] > density[:-1] * (1 + _ROUNDING)))
    return Hierarchy(linkage=linkage, density=density, sizes=nodes, n_inversions=n_inversions)


def _links(weights: scipy.sparse.csr_array | Sets) -> tuple[Sets, Float64s]:
    """Links, checked, and their weights; none when all are 1."""
    if isinstance(weights, Sets):
        n_nodes = weights.indptr.size - 1
        check_sets(weights.indptr, weights.indices, 0, max(n_nodes, 0))
        links, values = weights, _NONE
    else:
        if not scipy.sparse.issparse(weights) or weights.ndim != 2 or weights.shape[0] != weights.shape[1]:
            raise _invalid("weights", f"shape {np.shape(weights)}", "pass a square sparse matrix, or Sets")
        matrix = scipy.sparse.csr_array(weights)
        n_nodes = matrix.shape[0]
        links, values = Sets(matrix.indptr.astype(np.int64), matrix.indices), matrix.data.astype(np.float64)
        if not ((values >= 0) & (values < np.inf)).all():
            raise _invalid("weights", "a weight is NaN, infinite or negative", "weights are finite and not negative")
    if n_nodes < 1:
        raise _invalid("weights", "a graph without nodes", "pass one with at least one node")
    if links.indices.size and not 0 <= links.indices.min() <= links.indices.max() < n_nodes:
        raise _invalid("weights", f"a link leaves the {n_nodes} nodes", "pass rows of nodes, 0 … n_nodes - 1")
    return links, values


def _communities(labels: npt.NDArray[np.integer], n_nodes: int) -> tuple[Int64s, Int64s]:
    """Labels as int64, checked, and how many nodes have each."""
    given = np.asarray(labels)
    if given.shape != (n_nodes,) or given.dtype.kind not in "iu":
        what = f"{given.dtype} of shape {given.shape} for {n_nodes} nodes"
        raise _invalid("labels", what, f"pass one integer per node, shape ({n_nodes},)")
    if given.min() < 0 or given.max() >= n_nodes:
        what = f"labels from {given.min()} to {given.max()}"
        raise _invalid("labels", what, "number communities 0, 1, 2, … (numpy.unique(labels, return_inverse=True))")
    community = given.astype(np.int64)
    sizes = np.bincount(community)
    if (empty := np.flatnonzero(sizes == 0)).size:
        what = f"no node has label {empty[0]}, the highest is {sizes.size - 1}"
        raise _invalid("labels", what, "number communities without gaps (numpy.unique(labels, return_inverse=True))")
    return community, sizes


def _between(links: Sets, values: Float64s, community: Int64s, sizes: Int64s) -> scipy.sparse.coo_array:
    """Mean weight of both directions between communities that are linked, each pair once, the smaller first."""
    n = sizes.size
    members = np.argsort(community, kind="stable")
    starts = np.concatenate(([0], np.cumsum(sizes)))
    indptr, columns, sums = np.empty(n + 1, dtype=np.int64), np.empty(0, dtype=np.int64), _NONE
    arrays = links.indptr, links.indices, values, community, members, starts
    community_weights(*arrays, indptr, columns, sums)
    columns, sums = np.empty(indptr[-1], dtype=np.int64), np.empty(indptr[-1])
    community_weights(*arrays, indptr, columns, sums)
    directed = scipy.sparse.csr_array((sums, columns, indptr), shape=(n, n))
    return scipy.sparse.triu((directed + directed.T) / 2, k=1, format="coo")


def _heights(density: Float64s) -> Float64s:
    """log(highest / density), rounded up to the height before; merges without a link are 1 above all others."""
    linked = density > 0
    heights = np.zeros(density.size)
    if linked.any():
        heights[linked] = np.log(density[0] / density[linked])
    np.maximum.accumulate(heights, out=heights)
    heights[~linked] = heights.max(initial=0.0) + 1
    return heights


def _invalid(source: str, what: str, fix: str) -> InvalidInput:
    return InvalidInput(source=source, what=what, fix=fix)
