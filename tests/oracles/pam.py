"""PAM from its definition: every swap is tried by adding up all distances anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[Any]


def loss(matrix: Matrix, medoids: Sequence[int]) -> float:
    """What all objects pay; row m of the matrix is what they pay to m."""
    return float(matrix[list(medoids)].min(axis=0).sum(dtype=np.float64))


def change(matrix: Matrix, medoids: Sequence[int], slot: int, candidate: int) -> float:
    """Of the loss, when the candidate takes the slot."""
    swapped = [*medoids[:slot], candidate, *medoids[slot + 1 :]]
    return loss(matrix, swapped) - loss(matrix, medoids)


def pam(matrix: Matrix, medoids: Sequence[int]) -> list[list[int]]:
    """Medoids before the first and after every swap; of equal swaps that of the lowest candidate, then slot."""
    path = [list(medoids)]
    while True:
        now = path[-1]
        swaps = [
            (change(matrix, now, slot, candidate), candidate, slot)
            for candidate in range(len(matrix))
            if candidate not in now
            for slot in range(len(now))
        ]
        best, candidate, slot = min(swaps, default=(0.0, -1, -1))
        if best >= 0:
            return path
        path.append([*now[:slot], candidate, *now[slot + 1 :]])


def build(matrix: Matrix, k: int) -> list[int]:
    """BUILD, looking at every object in every step; the lowest of equals."""
    chosen: list[int] = []
    while len(chosen) < k:
        losses = [(loss(matrix, [*chosen, o]), o) for o in range(len(matrix)) if o not in chosen]
        chosen.append(min(losses)[1])
    return chosen
