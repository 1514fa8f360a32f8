"""Sketches transcribed with Python numbers, and exact similarities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tests.oracles.minhash import jaccard


def rotation_densified(row: Sequence[int | None]) -> list[tuple[int, int]]:
    """One-permutation slots where an empty bin copies the next filled one and how far it is: Shrivastava & Li, 2014."""
    n = len(row)
    filled = []
    for i in range(n):
        distance = next(d for d in range(n) if row[(i + d) % n] is not None)
        value = row[(i + distance) % n]
        assert value is not None
        filled.append((distance, value))
    return filled


def generalised_jaccard(left: Mapping[int, float], right: Mapping[int, float]) -> float:
    """Σ min / Σ max over all elements; 0 where nothing has weight."""
    either = set(left) | set(right)
    most = sum(max(left.get(x, 0), right.get(x, 0)) for x in either)
    return sum(min(left.get(x, 0), right.get(x, 0)) for x in either) / most if most else 0.0


def all_jaccard(sets: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
    """Of all pairs."""
    return np.array([[jaccard(a, b) for b in sets] for a in sets]).reshape(len(sets), len(sets))


def containment(query: Sequence[int], members: Sequence[int]) -> float:
    """Share of the query's elements that are members; 0 for an empty query."""
    asked = set(query)
    return len(asked & set(members)) / len(asked) if asked else 0.0
