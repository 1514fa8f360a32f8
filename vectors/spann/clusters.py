"""Hierarchical balanced clustering: k-means in few ways at a time, where a large cluster is a little farther away.

Source: Chen et al., "SPANN: Highly-efficient billion-scale approximate nearest neighbor search", NeurIPS 2021,
arXiv:2111.08566, section 3.1. Deviation: the penalty of a cluster's size is a share of the mean distance, so that it
suits every scale, and follows the sizes the cluster had in the steps before.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from foundation.seeds import stream
from vectors.kernels.spann_clusters import label_members, move_centres
from vectors.metrics import Float32s, Int64s

WAYS: Final = 16
_STEPS: Final = 8
_TRAINED: Final = 256  # members per centre that place the centres; all are then labelled
_BALANCE: Final = 0.1  # of the mean distance is added to that of a cluster twice the mean size
_DAMPED: Final = 0.5  # of the step before is kept: a penalty that follows sizes at once makes them swing


def balanced_clusters(points: Float32s, n_clusters: int, seed: int, purpose: str) -> list[Int64s]:
    """Rows of ``points`` in ``n_clusters`` clusters, each ascending and none empty; equal on every run.

    The largest is split until there are so many, or one for every row: those that came of one lie side by side.
    ``points`` is float32 (n, width), width a multiple of 16. Random numbers are those of ``(seed, purpose)``.
    """
    if not points.shape[0]:
        return []
    whole = np.arange(points.shape[0], dtype=np.int64)
    mean_size = whole.size / max(1, n_clusters)
    tree: dict[int, Int64s | range] = {0: whole}  # a cluster's members, or the numbers of its parts
    largest = [(-whole.size, 0)]
    n_leaves = 1
    for n_split in itertools.count():
        size, number = largest[0]
        n_ways = min(WAYS, n_clusters - n_leaves + 1, max(2, round(-size / mean_size)), -size)
        if n_ways < 2:
            break
        heapq.heappop(largest)
        members = tree[number]
        assert not isinstance(members, range)
        children = _split(points, members, n_ways, stream(seed, purpose, n_split))
        tree[number] = range(len(tree), len(tree) + len(children))
        for child in children:
            heapq.heappush(largest, (-child.size, len(tree)))
            tree[len(tree)] = child
        n_leaves += len(children) - 1
    return list(_leaves(tree))


def _leaves(tree: Mapping[int, Int64s | range]) -> Iterator[Int64s]:
    waiting = [0]
    while waiting:
        found = tree[waiting.pop()]
        if isinstance(found, range):
            waiting.extend(reversed(found))
        else:
            yield found


def _split(points: Float32s, members: Int64s, n_ways: int, draw: np.random.Generator) -> list[Int64s]:
    """Members in up to ``n_ways`` parts, at least two."""
    trained = np.ascontiguousarray(members[:: max(1, members.size // (_TRAINED * n_ways))])
    centres = points[np.sort(draw.choice(trained, size=n_ways, replace=False))]
    labels, counts = np.empty(trained.size, dtype=np.int32), np.zeros(n_ways, dtype=np.int64)
    penalties = np.zeros(n_ways, dtype=np.float32)
    for _ in range(_STEPS):
        total = label_members(points, trained, centres, penalties, labels)
        move_centres(points, trained, labels, centres, counts)
        excess = counts * (n_ways / trained.size) - 1.0
        wanted = _BALANCE * total / trained.size * excess
        penalties = (_DAMPED * penalties + (1 - _DAMPED) * wanted).astype(np.float32)
    labels = np.empty(members.size, dtype=np.int32)
    label_members(points, members, centres, penalties, labels)
    children = [members[labels == way] for way in range(n_ways)]
    children = [child for child in children if child.size]
    # All in one, as equal points are: cut them in order.
    return children if len(children) > 1 else np.array_split(members, n_ways)
