"""Vectors seen from where they spread most: their two principal components. Source: Pearson 1901; Hotelling 1933."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_BLOCK = 8192  # rows at a time: 16 MB at 256 numbers each
_SAMPLE = 16_384  # rows that decide the axes: enough for two of them, whatever the number of rows


class Plane(NamedTuple):
    """``points`` float32 (n, 2), and the shares of the variance that the two axes explain."""

    points: npt.NDArray[np.float32]
    explained: tuple[float, float]


def principal_plane(vectors: npt.NDArray[np.float32]) -> Plane:
    """Project the directions of ``vectors`` (float32 (n, dim), finite) on the plane in which they vary most.

    Every row is divided by its length first, so that near means near by cosine; a zero row stays zero. Axes, mean and
    shares are those of all rows, or of 16,384 at even steps when there are more. An axis points to where its direction
    has its largest number, which makes the plane the same for equal vectors.

    Cost: a pass over the vectors, 16,384 dim² multiplications, and dim³ for the axes.
    """
    n, dim = vectors.shape
    sampled = min(n, _SAMPLE)
    steps = np.arange(sampled, dtype=np.int64) * n // max(sampled, 1)
    some = vectors[steps].astype(np.float64)
    some /= _lengths(some)
    mean = some.mean(axis=0) if sampled else np.zeros(dim)
    some -= mean
    values, axes = np.linalg.eigh(some.T @ some)
    values, axes = np.maximum(values[::-1], 0.0), axes[:, :-3:-1]  # rounding leaves tiny negative ones
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[largest, np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    points = np.zeros((n, 2), dtype=np.float32)
    for start in range(0, n, _BLOCK):
        rows = vectors[start : start + _BLOCK].astype(np.float64)
        points[start : start + _BLOCK, : axes.shape[1]] = rows @ axes / _lengths(rows) - mean @ axes
    total = float(values.sum())
    shares = values[:2] / total if total > 0 else np.zeros(2)
    return Plane(points, (float(shares[0]), float(shares[1]) if shares.size > 1 else 0.0))


def _lengths(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of each row, as a column; 1 for a zero row."""
    lengths: npt.NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    lengths[lengths == 0] = 1.0
    return lengths[:, np.newaxis]
