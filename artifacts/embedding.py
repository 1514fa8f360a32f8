"""Codec of an embedding: one float32 row per node."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import Artifact, ArtifactWriter

KIND = "embedding"
VERSION = 1
READABLE = (1,)


def write_embedding(
    writer: ArtifactWriter, rows: Iterable[npt.NDArray[np.float32]], n_nodes: int, dim: int
) -> dict[str, Any]:
    """Write blocks of rows in order; the counts to put in the manifest are returned."""
    n_zero = 0

    def counted() -> Iterable[npt.NDArray[np.float32]]:
        nonlocal n_zero
        for block in rows:
            n_zero += int(np.count_nonzero(~block.any(axis=1)))
            yield block

    writer.pieces("embedding", counted(), np.float32, (n_nodes, dim))
    return {"n_nodes": n_nodes, "dim": dim, "n_zero_rows": n_zero}


def open_embedding(path: Path) -> npt.NDArray[np.float32]:
    """float32 (n_nodes, dim), memory-mapped."""
    return Artifact.open(path, KIND, READABLE).array("embedding")
