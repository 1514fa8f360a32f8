"""The map of an index: a point for every node, or for a sample of them, as one file in the safetensors format.

Any program reads it: ``safetensors.numpy.load``, or a few lines of JavaScript as on the page.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from clustering.labels import LabelIndex
from foundation.ids import Ids
from vectors.plane import principal_plane

MAX_POINTS = 100_000


def map_file(
    index: str, version: str, embedding: npt.NDArray[np.float32], ids: Ids, labels: LabelIndex | None
) -> bytes:
    """The bytes of the map.

    ``points`` float32 (n, 2); ``label`` uint32 (n,), the community of each where communities were built; and the ids:
    ``ids`` uint8, UTF-8, of which the one of point i starts at ``id_starts[i]``, uint32 (n + 1,). Beyond
    ``MAX_POINTS`` nodes, as many are taken at even steps in the order of ids. The metadata, strings all, name
    ``index``, ``version``, ``n_nodes``, ``method`` and ``explained`` (shares of the variance, two numbers).
    """
    n_nodes = len(embedding)
    n_points = min(n_nodes, MAX_POINTS)
    rows = np.arange(n_points, dtype=np.int64) * n_nodes // max(n_points, 1)
    plane = principal_plane(embedding if n_points == n_nodes else embedding[rows])
    names = [str(id).encode("utf-8", "surrogatepass") for id in ids.take(rows)]
    starts = np.zeros(n_points + 1, dtype=np.uint32)
    starts[1:] = np.cumsum([len(name) for name in names], dtype=np.int64)
    tensors: dict[str, npt.NDArray[Any]] = {
        "points": plane.points,
        "id_starts": starts,
        "ids": np.frombuffer(b"".join(names), dtype=np.uint8),
    }
    if labels is not None:
        tensors["label"] = labels.of(rows).astype(np.uint32)
    about = {
        "index": index,
        "version": version,
        "n_nodes": str(n_nodes),
        "method": "pca",
        "explained": " ".join(f"{share:.6f}" for share in plane.explained),
    }
    return save(tensors, metadata=about)
