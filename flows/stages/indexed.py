"""The vectors that an index of nearest neighbours is built over: of nodes or of documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from artifacts.embedding import KIND as EMBEDDING
from artifacts.embedding import open_embedding
from artifacts.fde import open_fde
from artifacts.manifest import read_manifest


def is_of_nodes(path: Path) -> bool:
    """Whether rows are nodes, not documents."""
    return read_manifest(path).kind == EMBEDDING


def open_vectors(path: Path) -> npt.NDArray[Any]:
    """Rows, memory-mapped."""
    return open_embedding(path) if is_of_nodes(path) else open_fde(path)
