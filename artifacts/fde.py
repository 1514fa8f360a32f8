"""Codec of document encodings: float16 rows, half the disk at a relative error of 2**-11."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from artifacts.artifact import Artifact
from vectors.fde.params import FDEParams

KIND = "fde"
VERSION = 1
READABLE = (1,)
DTYPE = np.float16


def open_fde(path: Path) -> npt.NDArray[np.float16]:
    """float16 (n_docs, fde_dim), memory-mapped."""
    return Artifact.open(path, KIND, READABLE).array("fde")


def open_fde_params(path: Path) -> FDEParams:
    """What the encodings were made with; those that do not say their mode are older than the others."""
    return FDEParams(**{"mode": "reference", **Artifact.open(path, KIND, READABLE).manifest.params})
