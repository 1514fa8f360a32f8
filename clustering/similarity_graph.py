"""Who is similar to whom, as a graph: links weigh the Jaccard similarity.

The pairs are those of `clustering.join`: they share a bucket of the tables and reach a threshold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse

from clustering.join import Pairs, similarity_join
from clustering.kernels.similarity import join_stars, mirror_pairs, roots, score_links
from clustering.lsh import LSHIndex
from clustering.minhash import is_empty
from clustering.sets import Sets, canonical, frozen
from foundation.errors import InvalidInput, InvalidParams
from foundation.threads import balanced_ranges, run_ranges

_ARCS_AT_ONCE = 1 << 18


class SimilarityGraph(NamedTuple):
    """A similarity graph and how it came about.

    weights : symmetric, float32 similarities in (0, 1], columns ascending, no diagonal
    n_compared : pairs that shared a bucket and were looked at
    n_cut : members of large buckets passed over, summed over nodes and bands; at 0 no pair was lost to the cap
    """

    weights: scipy.sparse.csr_array
    n_compared: int
    n_cut: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, as sentences."""
        if self.n_cut == 0:
            return ()
        return (f"{self.n_cut} members of large buckets were passed over; bucket_cap = 0 looks at all of them",)


def similarity_graph(
    index: LSHIndex, threshold: float, *, sets: Sets | None = None, n_threads: int = 1
) -> scipy.sparse.csr_array:
    """The weights of `build_similarity_graph` alone."""
    return build_similarity_graph(index, threshold, sets=sets, n_threads=n_threads).weights


def build_similarity_graph(
    index: LSHIndex, threshold: float, *, sets: Sets | None = None, n_threads: int = 1
) -> SimilarityGraph:
    """Link all pairs that share a bucket and are at least ``threshold`` similar; pairs of similarity 0 are not linked.

    Similarities are estimated from signatures, or exact where ``sets``, those behind the index, are given. Needs 12
    bytes a pair on top of the result, which takes 16; nothing is held of pairs below the threshold. The bytes do not
    depend on ``n_threads``.

    Raises
    ------
    InvalidParams
        On a threshold outside [0, 1].
    InvalidInput
        When there are not as many sets as nodes.
    """
    return graph_of_pairs(similarity_join(index, threshold, sets=sets, n_threads=n_threads), index.n_nodes)


def graph_of_pairs(blocks: Iterable[Pairs], n_nodes: int) -> SimilarityGraph:
    """The graph that links the pairs of a join, whatever blocks they come in."""
    lefts, rights, similarities = [], [], []
    n_compared = n_cut = 0
    for block in blocks:
        linked = block.similarity > 0
        lefts.append(block.left[linked])
        rights.append(block.right[linked])
        similarities.append(block.similarity[linked].astype(np.float32))
        n_compared, n_cut = n_compared + block.n_compared, n_cut + block.n_cut
    left = np.concatenate([np.empty(0, dtype=np.int32), *lefts])
    right = np.concatenate([np.empty(0, dtype=np.int32), *rights])
    similarity = np.concatenate([np.empty(0, dtype=np.float32), *similarities])
    del lefts, rights, similarities
    counts = np.bincount(left, minlength=n_nodes) + np.bincount(right, minlength=n_nodes)
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    indices, weights = np.empty(2 * left.size, dtype=np.int32), np.empty(2 * left.size, dtype=np.float32)
    mirror_pairs(left, right, similarity, indptr[:-1].copy(), indices, weights)
    return SimilarityGraph(_sorted_csr(indptr, indices, weights), n_compared, n_cut)


def similarity_components(index: LSHIndex, threshold: float = 0.0) -> npt.NDArray[np.int32]:
    """Components of the similarity graph without its pairs: int32 (n_nodes,), every node's smallest companion.

    Members of a bucket are compared with its first member only and joined to it where their estimated similarity
    reaches ``threshold``: linear in the tables, however large the buckets, without any cap. At threshold 0, where
    sharing a bucket is enough, these are the components of all pairs. Above it they are never too large, and may be
    too small: two similar members that are both unlike the first stay apart unless another band brings them together.

    Raises
    ------
    InvalidParams
        On a threshold outside [0, 1].
    """
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise InvalidParams(name="threshold", value=threshold, allowed="a number from 0 to 1")
    parents = np.arange(index.n_nodes, dtype=np.int32)
    for band in range(index.keys.shape[0]):
        join_stars(index.keys[band], index.nodes[band], index.signatures, threshold, parents)
    roots(parents)
    return parents


def link_similarities(
    links: scipy.sparse.csr_array, index: LSHIndex, *, sets: Sets | None = None, n_threads: int = 1
) -> scipy.sparse.csr_array:
    """The same links, weighing the similarity of their ends, float32, 0 where they have nothing in common.

    No table is asked: the links say which pairs to compare. Estimated, or exact with ``sets``; a node without a set is
    similar to nobody.

    Raises
    ------
    InvalidInput
        When links, index and sets are not of the same nodes.
    """
    n = index.n_nodes
    if links.shape != (n, n) or (sets is not None and sets.indptr.size - 1 != n):
        raise InvalidInput(
            source="links",
            what=f"links of shape {links.shape}, {n} signatures, {'no' if sets is None else sets.indptr.size - 1} sets",
            fix="make all of them from one graph",
        )
    links = scipy.sparse.csr_array(links)
    indptr, indices = (
        frozen(links.indptr.astype(np.int64, copy=False)),
        frozen(links.indices.astype(np.int32, copy=False)),
    )
    ordered = Sets(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)) if sets is None else canonical(sets)
    family = frozen(ordered.indptr), frozen(ordered.indices)
    empty = frozen(is_empty(index.signatures))
    weights = np.empty(indices.size, dtype=np.float32)

    def work(start: int, stop: int) -> None:
        score_links(indptr, indices, index.signatures, empty, *family, start, stop, weights)

    run_ranges(work, balanced_ranges(indptr, _ARCS_AT_ONCE), n_threads)
    return scipy.sparse.csr_array((weights, indices.copy(), indptr.copy()), shape=(n, n))


def _sorted_csr(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32], weights: npt.NDArray[np.float32]
) -> scipy.sparse.csr_array:
    n = indptr.size - 1
    matrix = scipy.sparse.csr_array((weights, indices, indptr), shape=(n, n))
    matrix.has_sorted_indices = True
    return matrix
