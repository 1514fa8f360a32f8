"""Nearest neighbours the slow way: every pair in float64, sorted by value rounded to float32, then by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def pair_table(vectors: npt.NDArray[Any], queries: npt.NDArray[Any], metric: str) -> npt.NDArray[np.float64]:
    """(n_queries, n) Euclidean distances, dot products or cosines (0 for zero vectors)."""
    x, q = vectors.astype(np.float64), queries.astype(np.float64)
    if metric == "l2":
        return np.stack([np.sqrt(((x - query) ** 2).sum(axis=1)) for query in q]) if len(q) else np.zeros((0, len(x)))
    if metric == "cosine":
        x, q = (a / np.where((n := np.linalg.norm(a, axis=1, keepdims=True)) == 0, 1.0, n) for a in (x, q))
    return np.stack([(x * query).sum(axis=1) for query in q]) if len(q) else np.zeros((0, len(x)))


def nearest(
    vectors: npt.NDArray[Any], queries: npt.NDArray[Any], k: int, metric: str, exclude: list[list[int]] | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Rows and float32 values as the engine pads and orders them."""
    table = pair_table(vectors, queries, metric).astype(np.float32)
    sign = 1 if metric == "l2" else -1
    rows = np.full((len(queries), k), -1, dtype=np.int64)
    values = np.full((len(queries), k), sign * np.inf, dtype=np.float32)
    for query in range(len(queries)):
        left_out = set(exclude[query]) if exclude else set()
        order = sorted(
            (row for row in range(len(vectors)) if row not in left_out),
            key=lambda row: (sign * table[query, row], row),
        )[:k]
        rows[query, : len(order)] = order
        values[query, : len(order)] = table[query, order]
    return rows, values
