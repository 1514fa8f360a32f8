"""What the tests of the graph readers share."""

from __future__ import annotations

import bz2
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import zstandard

from graph.csr import CSRGraph

Write = Callable[..., Path]
Wanted = dict[tuple[Any, Any], float]
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
    ".bz2": bz2.compress,
}


def edges_of(graph: CSRGraph) -> Wanted:
    """Weight of every stored arc, by the ids of its ends."""
    src = np.repeat(np.arange(graph.n_nodes), graph.out_degree())
    weights = np.ones(graph.n_edges) if graph.weights is None else graph.weights
    ids = graph.node_ids
    return {(ids[int(u)], ids[int(v)]): float(w) for u, v, w in zip(src, graph.indices, weights, strict=True)}


def parquet(columns: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()
