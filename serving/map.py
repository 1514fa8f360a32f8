"""The map of an index: a point for every node, or for a sample of them, as one file in the safetensors format.

Any program reads it: ``safetensors.numpy.load``, or a few lines of JavaScript as on the page.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from artifacts.node_map import MAX_POINTS, mapped_rows
from clustering.labels import LabelIndex
from foundation.ids import Ids
from vectors.plane import principal_plane

_DTYPES = {"<f4": "F32", "<u4": "U32", "|u1": "U8"}


def map_file(
    index: str,
    version: str,
    embedding: npt.NDArray[np.float32],
    ids: Ids,
    labels: LabelIndex | None,
    placed: npt.NDArray[np.float32] | None = None,
) -> bytes:
    """The bytes of the map: of the points ``placed`` at the build, else of the principal components.

    ``points`` float32 (n, 2); ``label`` uint32 (n,), the community of each where communities were built; and the ids:
    ``ids`` uint8, UTF-8, of which the one of point i starts at ``id_starts[i]``, uint32 (n + 1,). Beyond
    ``MAX_POINTS`` nodes, as many are taken at even steps in the order of ids. The metadata, strings all, name
    ``index``, ``version``, ``n_nodes``, ``method`` ("pca" or "pacmap"), and for "pca" ``explained`` (shares of the
    variance, two numbers).
    """
    n_nodes = len(embedding)
    n_points = min(n_nodes, MAX_POINTS) if placed is None else len(placed)
    rows = mapped_rows(n_nodes, n_points)
    about = {"index": index, "version": version, "n_nodes": str(n_nodes)}
    if placed is None:
        plane = principal_plane(embedding if n_points == n_nodes else embedding[rows])
        points = plane.points
        about |= {"method": "pca", "explained": " ".join(f"{share:.6f}" for share in plane.explained)}
    else:
        points = placed
        about |= {"method": "pacmap"}
    names = [str(id).encode("utf-8", "surrogatepass") for id in ids.take(rows)]
    starts = np.zeros(n_points + 1, dtype=np.uint32)
    starts[1:] = np.cumsum([len(name) for name in names], dtype=np.int64)
    tensors: dict[str, npt.NDArray[Any]] = {
        "points": points,
        "id_starts": starts,
    }
    if labels is not None:
        tensors["label"] = labels.of(rows).astype(np.uint32)
    tensors["ids"] = np.frombuffer(b"".join(names), dtype=np.uint8)  # last, so that all others begin at their width
    return _file(tensors, about)


def _file(tensors: dict[str, npt.NDArray[Any]], about: dict[str, str]) -> bytes:
    """The safetensors file; its own library writes the metadata in any order, a new one in each process."""
    head: dict[str, Any] = {"__metadata__": about}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        head[name] = {"dtype": _DTYPES[tensor.dtype.str], "shape": tensor.shape, "data_offsets": (start, end)}
    text = orjson.dumps(head)
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *(tensor.tobytes() for tensor in tensors.values())])
