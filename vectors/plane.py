"""Vectors seen from where they spread most: their two principal components. Source: Pearson 1901; Hotelling 1933."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_BLOCK = 8192  # rows at a time: 8 MB at 256 numbers each


class Plane(NamedTuple):
    """``points`` float32 (n, 2), and the shares of the variance that the two axes explain."""

    points: npt.NDArray[np.float32]
    explained: tuple[float, float]


def principal_plane(vectors: npt.NDArray[np.float32]) -> Plane:
    """Project the directions of ``vectors`` (float32 (n, dim), finite) on the plane in which they vary most.

    Every row is divided by its length first, so that near means near by cosine; a zero row stays zero. An axis points
    to where its direction has its largest number, which makes the plane the same for equal vectors.

    Cost: two passes over the vectors, n dim² multiplications, and dim³ for the axes.
    """
    n, dim = vectors.shape
    mean, square = np.zeros(dim), np.zeros((dim, dim))
    for start in range(0, n, _BLOCK):
        rows = _directions(vectors[start : start + _BLOCK])
        mean += rows.sum(axis=0, dtype=np.float64)
        square += rows.T @ rows
    mean /= max(n, 1)
    values, axes = np.linalg.eigh(square / max(n, 1) - np.outer(mean, mean))
    values = np.maximum(values, 0.0)  # rounding leaves tiny negative ones
    chosen = axes[:, ::-1][:, :2]
    largest = np.abs(chosen).argmax(axis=0)
    chosen = (chosen * np.where(chosen[largest, np.arange(chosen.shape[1])] < 0, -1.0, 1.0)).astype(np.float32)
    points = np.zeros((n, 2), dtype=np.float32)
    for start in range(0, n, _BLOCK):
        rows = _directions(vectors[start : start + _BLOCK]) - mean.astype(np.float32)
        points[start : start + _BLOCK, : chosen.shape[1]] = rows @ chosen
    total = float(values.sum())
    shares = [float(value / total) if total > 0 else 0.0 for value in values[::-1][:2]]
    first, second = (*shares, 0.0, 0.0)[:2]
    return Plane(points, (first, second))


def _directions(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    divided: npt.NDArray[np.float32] = np.divide(
        rows, lengths, out=np.zeros(rows.shape, dtype=np.float64), where=lengths > 0
    ).astype(np.float32)
    return divided
