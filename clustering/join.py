"""All pairs above a similarity: a join of a family of sets with itself, streamed.

Every node asks the bucket tables for the nodes after it, and what it meets is compared by signature or by set. Nothing
of the size of the result is held: pairs come in blocks, by the first node, then by the second, the same for any number
of threads. A pair of similarity s is met with probability S(s) (`clustering.banding.collision_probability`);
`measured_recall` counts how many were.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.kernels.overlap import overlaps
from clustering.kernels.search import join
from clustering.lsh import LSHIndex
from clustering.sets import Sets, canonical, frozen
from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import stream
from foundation.threads import even_ranges, in_order

NODES_AT_ONCE = 1024
_ROOM = 1 << 14  # pairs a range of nodes has room for before it asks for more


class Pairs(NamedTuple):
    """A block of the join.

    left, right : int32, left < right; ascending by left, then by right
    similarity : float64, estimated, or exact where sets were given
    n_compared : pairs that shared a bucket and were looked at
    n_cut : members of large buckets passed over (``bucket_cap`` of the tables)
    """

    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    similarity: npt.NDArray[np.float64]
    n_compared: int
    n_cut: int


class Recall(NamedTuple):
    """Of the pairs of some sampled nodes above the threshold: how many there are, and how many the tables meet."""

    n_true: int
    n_found: int

    @property
    def share(self) -> float:
        """Found of true ones, 1 when there are none."""
        return self.n_found / self.n_true if self.n_true else 1.0


def similarity_join(
    index: LSHIndex,
    threshold: float,
    *,
    sets: Sets | None = None,
    start: int = 0,
    stop: int | None = None,
    n_threads: int = 1,
) -> Iterator[Pairs]:
    """Pairs of nodes that share a bucket and are at least ``threshold`` similar, block by block.

    Parameters
    ----------
    threshold
        In [0, 1]; 0 gives all pairs that share a bucket, 1 those that agree in all slots.
    sets
        The sets behind the index: similarities are then exact, so that no pair below the threshold is returned and
        none above it is lost to the error of an estimate.
    start, stop
        Pairs whose first node is in this range; those of ranges that follow one another are those of all nodes.
    n_threads
        Blocks made at a time; at most one more waits to be taken.

    Raises
    ------
    InvalidParams
        On a threshold outside [0, 1].
    InvalidInput
        When there are not as many sets as nodes, or no such range of them.
    """
    _check_threshold(threshold)
    indptr, indices = _sets_of(index, sets)
    stop = index.n_nodes if stop is None else stop
    if not 0 <= start <= stop <= index.n_nodes:
        raise InvalidInput(source="range", what=f"nodes {start} … {stop} of {index.n_nodes}", fix="stay inside them")

    def block(nodes: tuple[int, int]) -> Pairs:
        return _joined(index, threshold, indptr, indices, start + nodes[0], start + nodes[1])

    return in_order(block, even_ranges(stop - start, NODES_AT_ONCE), n_threads)


def measured_recall(index: LSHIndex, sets: Sets, threshold: float, *, n_nodes: int = 1000, seed: int = 0) -> Recall:
    """Exact pairs above ``threshold`` of at most ``n_nodes`` sampled nodes, and how many of them share a bucket.

    The exact ones are found by counting through lists of who has an element: no pair is missed. Costs the squares of
    those lists' lengths, summed over the elements of the sampled sets.
    """
    _check_threshold(threshold)
    indptr, indices = _sets_of(index, sets)
    values, compact = np.unique(np.asarray(indices), return_inverse=True)
    owners = np.repeat(np.arange(index.n_nodes, dtype=np.int32), np.diff(indptr))
    order = np.argsort(compact, kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(compact, minlength=values.size)))).astype(np.int64)
    listed, sizes = owners[order], np.diff(indptr)
    common = np.zeros(index.n_nodes, dtype=np.int64)
    filled = np.flatnonzero(sizes)
    sample = stream(seed, "clustering.recall").permutation(filled)[:n_nodes]
    n_true = n_found = 0
    for node in np.sort(sample).tolist():
        mine = compact[indptr[node] : indptr[node + 1]]
        met = np.empty(int((starts[mine + 1] - starts[mine]).sum()), dtype=np.int32)
        n_met = overlaps(mine, starts, listed, common, met)
        others = met[:n_met]
        shared = common[others]
        common[others] = 0
        similar = others[(shared >= threshold * (sizes[node] + sizes[others] - shared)) & (others != node)]
        n_true += similar.size
        n_found += int(np.isin(similar, index.candidates(node)).sum())
    return Recall(n_true, n_found)


def _joined(
    index: LSHIndex, threshold: float, indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any], start: int, stop: int
) -> Pairs:
    """The pairs whose first node is in [start, stop)."""
    tables = (index.keys, index.nodes, index.n_rows, index.cap, index.signatures, indptr, indices, threshold)
    parts: list[tuple[npt.NDArray[Any], ...]] = []
    n_compared = n_cut = 0
    room = _ROOM
    while start < stop:
        left, right = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
        scores = np.empty(room, dtype=np.float64)
        n, reached, compared, cut = join(*tables, start, stop, left, right, scores)
        parts.append((left[:n].copy(), right[:n].copy(), scores[:n].copy()))
        n_compared, n_cut = n_compared + compared, n_cut + cut
        room = room * 2 if reached == start else room
        start = reached
    left, right, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Pairs(left, right, scores, n_compared, n_cut)


def _sets_of(index: LSHIndex, sets: Sets | None) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Pointers and elements, ascending; no pointers where there are no sets."""
    if sets is None:
        return frozen(np.empty(0, dtype=np.int64)), frozen(np.empty(0, dtype=np.int64))
    if sets.indptr.size - 1 != index.n_nodes:
        raise InvalidInput(
            source="sets", what=f"{sets.indptr.size - 1} for {index.n_nodes} nodes", fix="pass those that were sketched"
        )
    ordered = canonical(sets)
    return frozen(ordered.indptr), frozen(ordered.indices)


def _check_threshold(threshold: float) -> None:
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise InvalidParams(name="threshold", value=threshold, allowed="a number from 0 to 1")
