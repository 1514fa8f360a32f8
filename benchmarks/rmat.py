"""R-MAT graphs (Chakrabarti, Zhan, Faloutsos, SDM 2004): the skewed random graphs of Graph500, seeded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from foundation.seeds import stream
from graph.csr import CSRGraph

Rows = npt.NDArray[np.int64]


def rmat_edges(
    scale: int, *, edge_factor: int = 16, a: float = 0.57, b: float = 0.19, c: float = 0.19, seed: int = 0
) -> tuple[Rows, Rows]:
    """Ends of ``edge_factor * 2**scale`` drawn edges among ``2**scale`` nodes, repeats and self-loops among them.

    ``a``, ``b`` and ``c`` are the chances of the quadrants (top left, top right, bottom left). Ids are not shuffled:
    hubs have small ids.
    """
    n_drawn = edge_factor << scale
    src, dst = np.zeros(n_drawn, dtype=np.int64), np.zeros(n_drawn, dtype=np.int64)
    for level in range(scale):
        draw = stream(seed, "benchmarks.rmat", level).random(n_drawn)
        src = 2 * src + (draw >= a + b)
        dst = 2 * dst + (((draw >= a) & (draw < a + b)) | (draw >= a + b + c))
    return src, dst


def rmat(scale: int, **options: Any) -> CSRGraph:
    """Undirected graph of `rmat_edges`: repeats and self-loops are dropped, and many nodes stay isolated."""
    src, dst = rmat_edges(scale, **options)
    return CSRGraph.from_edges(src, dst, n_nodes=1 << scale, directed=False, duplicates="first", self_loops="drop")


def rmat_file(folder: Path, scale: int) -> Path:
    """`rmat_edges` as a Parquet file in ``folder``, written unless it is there."""
    path = folder / f"rmat-{scale}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".part")
        src, dst = rmat_edges(scale)
        pl.DataFrame({"src": src, "dst": dst}).write_parquet(aside)
        aside.rename(path)
    return path
