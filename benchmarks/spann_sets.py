"""Data for SPANN: Gaussian clusters and noise at a chosen spectrum, and what was built of them, kept between runs.

Kept under ``PURLIEU_BENCH_CACHE`` (default: a folder of the temporary directory); remove it to build again.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt

from vectors.ann.exact import exact_top_k

Float32s = npt.NDArray[np.float32]

K, N_QUERIES = 10, 1000
SPECTRA = {"realistic": 0.9, "flat": 0.35}  # the variance of axis i is i to the power of minus this


def synthetic(n: int, dim: int, decay: float, seed: int = 0, out: Float32s | None = None) -> Float32s:
    """Gaussian clusters of 50 rows on average, sizes falling as rank^-0.7, and a fifth of noise around all of them.

    They are written to ``out``, float32 (n, dim), which may be mapped to a file.
    """
    draw = np.random.default_rng(seed)
    axes = (np.arange(1, dim + 1) ** (-decay / 2)).astype(np.float32)
    n_clusters = max(1, n // 50)
    share = np.arange(1, n_clusters + 1) ** -0.7
    of = draw.choice(n_clusters, n, p=share / share.sum())
    centres = draw.standard_normal((n_clusters, dim), dtype=np.float32)
    vectors: Float32s = np.empty((n, dim), dtype=np.float32) if out is None else out
    draw.standard_normal(dtype=np.float32, out=vectors)
    vectors *= np.float32(0.5)
    is_noise = draw.random(n) < 0.2
    for start in range(0, n, 1 << 16):
        stop = min(n, start + (1 << 16))
        rows = vectors[start:stop]
        inside = ~is_noise[start:stop]
        rows[inside] += centres[of[start:stop][inside]]
        rows[~inside] *= np.float32(2.0)
        rows *= axes
    return vectors


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """Rows, queries that are no rows but of the same law, the distance of each one's tenth row, and a folder."""

    name: str
    vectors: Float32s
    queries: Float32s
    true_kth: Float32s
    folder: Path


def case(name: str, n: int, dim: int) -> Case:
    """Made once and then memory-mapped."""
    base = os.environ.get("PURLIEU_BENCH_CACHE", str(Path(tempfile.gettempdir()) / "purlieu-bench"))
    folder = Path(base) / f"spann-{name}-{n}x{dim}"
    folder.mkdir(parents=True, exist_ok=True)
    rows, truth = folder / "rows.npy", folder / "truth.npz"
    if not truth.exists():
        both = synthetic(n + N_QUERIES, dim, SPECTRA[name])
        np.save(rows, both[:n])
        queries = both[n:]
        true_kth = exact_top_k(both[:n], queries, K, metric="l2", n_threads=2)[1][:, K - 1]
        np.savez(truth, queries=queries, true_kth=true_kth)
    known = np.load(truth)
    vectors = np.load(rows, mmap_mode="r")
    return Case(name=name, vectors=vectors, queries=known["queries"], true_kth=known["true_kth"], folder=folder)
