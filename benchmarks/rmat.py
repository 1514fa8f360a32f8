"""R-MAT graphs (Chakrabarti, Zhan, Faloutsos, SDM 2004): the skewed random graphs of Graph500, seeded."""

from __future__ import annotations

import numpy as np

from foundation.seeds import stream
from graph.csr import CSRGraph


def rmat(
    scale: int, *, edge_factor: int = 16, a: float = 0.57, b: float = 0.19, c: float = 0.19, seed: int = 0
) -> CSRGraph:
    """Undirected graph of ``2**scale`` nodes from ``edge_factor * 2**scale`` drawn edges.

    Duplicates and self-loops are dropped, so fewer edges remain; many nodes stay isolated. ``a``, ``b`` and ``c`` are
    the chances of the quadrants (top left, top right, bottom left). Ids are not shuffled: hubs have small ids.
    """
    n_drawn = edge_factor << scale
    src, dst = np.zeros(n_drawn, dtype=np.int64), np.zeros(n_drawn, dtype=np.int64)
    for level in range(scale):
        draw = stream(seed, "benchmarks.rmat", level).random(n_drawn)
        src = 2 * src + (draw >= a + b)
        dst = 2 * dst + (((draw >= a) & (draw < a + b)) | (draw >= a + b + c))
    return CSRGraph.from_edges(src, dst, n_nodes=1 << scale, directed=False, duplicates="first", self_loops="drop")
