"""Vectors to index: Gaussian clusters of unequal size and spread, and noise between them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

Float32s = npt.NDArray[np.float32]


def mixture(n: int, dim: int, n_clusters: int, seed: int = 0) -> Float32s:
    """A fifth is noise; variances fall with the axis."""
    draw = np.random.default_rng(seed)
    axes = np.arange(1, dim + 1) ** -0.4
    centres = draw.standard_normal((n_clusters, dim)) * axes
    share = np.arange(1, n_clusters + 1) ** -0.7
    of = draw.choice(n_clusters, n, p=share / share.sum())
    vectors = centres[of] + 0.4 * axes * draw.standard_normal((n, dim))
    noise = draw.random(n) < 0.2
    vectors[noise] = draw.standard_normal((noise.sum(), dim)) * axes
    return vectors.astype(np.float32)


def digests(directory: Path) -> dict[str, str]:
    """SHA-256 of every file."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())}
