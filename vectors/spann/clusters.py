"""Hierarchical balanced clustering: k-means in few ways at a time, where a large cluster is a little farther away.

Source: Chen et al., "SPANN: Highly-efficient billion-scale approximate nearest neighbor search", NeurIPS 2021,
arXiv:2111.08566, section 3.1. Deviation: the penalty of a cluster's size is a share of the mean distance, so that it
suits every scale, and follows the size the cluster had in the step before.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from foundation.seeds import stream
from vectors.kernels.spann_clusters import label_members, move_centres
from vectors.metrics import Float32s, Int64s

WAYS: Final = 16
_STEPS: Final = 8
_TRAINED: Final = 256  # members per centre that place the centres; all are then labelled
_BALANCE: Final = 0.25  # of the mean distance is added to that of a cluster twice the mean size


def balanced_clusters(points: Float32s, n_clusters: int, seed: int, purpose: str) -> list[Int64s]:
    """Rows of ``points`` in about ``n_clusters`` clusters, each ascending and none empty; equal on every run.

    ``points`` is float32 (n, width), width a multiple of 16. Random numbers are those of ``(seed, purpose)``.
    """
    leaves: list[Int64s] = []
    waiting = [(np.arange(points.shape[0], dtype=np.int64), n_clusters)] if points.shape[0] else []
    n_split = 0
    while waiting:
        members, wanted = waiting.pop()
        if wanted <= 1 or members.size == 1:
            leaves.append(members)
            continue
        draw = stream(seed, purpose, n_split)
        n_split += 1
        children = _split(points, members, min(WAYS, wanted, members.size), draw)
        waiting.extend((child, max(1, round(wanted * child.size / members.size))) for child in reversed(children))
    return leaves


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
        penalties = (_BALANCE * total / trained.size * excess).astype(np.float32)
    labels = np.empty(members.size, dtype=np.int32)
    label_members(points, members, centres, penalties, labels)
    children = [members[labels == way] for way in range(n_ways)]
    children = [child for child in children if child.size]
    # All in one, as equal points are: cut them in order.
    return children if len(children) > 1 else np.array_split(members, n_ways)
