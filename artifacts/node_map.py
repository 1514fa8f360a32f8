"""Codec of a map: a point in the plane for every node, or for as many as a map shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import Artifact, ArtifactWriter

KIND = "map"
VERSION = 1
READABLE = (1,)
MAX_POINTS = 100_000


def mapped_rows(n_nodes: int, n_points: int) -> npt.NDArray[np.int64]:
    """The nodes a map of ``n_points`` shows: all, or so many at even steps in the order of ids."""
    return np.arange(n_points, dtype=np.int64) * n_nodes // max(n_points, 1)


def write_map(writer: ArtifactWriter, points: npt.NDArray[np.float32], n_nodes: int) -> dict[str, Any]:
    """Write the points of `mapped_rows`, float32 (n_points, 2); the counts to put in the manifest are returned."""
    writer.array("points", points)
    return {"n_nodes": n_nodes, "n_points": len(points)}


def open_map(path: Path) -> npt.NDArray[np.float32]:
    """float32 (n_points, 2), memory-mapped."""
    return Artifact.open(path, KIND, READABLE).array("points")
