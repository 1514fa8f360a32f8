"""Codec of node features: one float32 row per node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import Artifact, ArtifactWriter
from graph.features import NodeFeatures

KIND = "features"
VERSION = 1
READABLE = (1,)


def write_features(writer: ArtifactWriter, features: NodeFeatures) -> dict[str, Any]:
    """Write the rows; names and counts to put in the manifest are returned."""
    writer.array("features", features.values)
    n_nodes, n_features = features.values.shape
    return {
        "n_nodes": n_nodes,
        "n_features": n_features,
        "columns": list(features.columns),
        "columns_left_out": list(features.left_out),
        "n_rows": features.n_rows,
        "n_nodes_without_row": features.n_missing,
        "n_rows_without_node": features.n_unmatched,
    }


def open_features(path: Path) -> npt.NDArray[np.float32]:
    """float32 (n_nodes, n_features), memory-mapped."""
    return Artifact.open(path, KIND, READABLE).array("features")
