"""Codecs of minhash signatures and of the bucket tables over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from clustering.lsh import LSHIndex, LSHParams

from artifacts.artifact import Artifact

SIGNATURES = "signatures"
TABLES = "lsh"
VERSION = 1
READABLE = (1,)


def open_signatures(path: Path) -> npt.NDArray[np.uint32]:
    """uint32 (n_nodes, num_perm), memory-mapped."""
    return Artifact.open(path, SIGNATURES, READABLE).array("signatures")


def open_lsh(path: Path, signatures: npt.NDArray[np.uint32]) -> LSHIndex:
    """The bucket tables over ``signatures``, memory-mapped."""
    artifact = Artifact.open(path, TABLES, READABLE)
    params: dict[str, Any] = dict(artifact.manifest.params)
    return LSHIndex(signatures, artifact.array("keys"), artifact.array("nodes"), LSHParams(**params))
