"""Codec of an index of nearest neighbours: the files of `vectors.ann.index.ANNIndex.save`, or of codes alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import Artifact, ArtifactWriter
from artifacts.manifest import read_manifest
from artifacts.spann import KIND as SPANN
from artifacts.spann import open_spann
from vectors.ann.index import ANNIndex
from vectors.ann.tuning import described
from vectors.coded.choice import Candidates
from vectors.coded.files import CODES, open_codes, save_codes
from vectors.coded.index import CodedIndex
from vectors.spann.index import SpannIndex

KIND = "ann"
VERSION = 1
CODED_VERSION = 2  # may hold codes alone, and what exact MaxSim gave held-out queries
READABLE = (1, 2)
TRUTH = "true_kth"


def write_ann(writer: ArtifactWriter, index: ANNIndex) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write the index; the counts and the measured qualities to put in the manifest are returned."""
    writer.adopt(index.save)
    measured = {} if index.measured is None else described(index.measured)
    return {"n_rows": index.n_rows, "dim": index.dim, "n_shards": len(index.shards)}, measured


def write_candidates(writer: ArtifactWriter, index: Candidates) -> dict[str, Any]:
    """Write an index of encodings, whole or coded; the counts to put in the manifest are returned."""
    if isinstance(index, ANNIndex):
        return write_ann(writer, index)[0]
    assert isinstance(index, CodedIndex)  # lists on disk are written by a stage of their own
    writer.adopt(lambda directory: save_codes(index, directory))
    return {"n_rows": index.n_rows, "dim": index.dim}


def open_ann(path: Path) -> ANNIndex:
    """The index, memory-mapped; sizes are checked here, checksums by ``purlieu verify``."""
    artifact = Artifact.open(path, KIND, READABLE)
    _check_sizes(artifact)
    return ANNIndex.open(path, verify=False)


def open_neighbours(path: Path) -> ANNIndex | SpannIndex:
    """An index of vectors, in memory or with its lists on disk."""
    return open_spann(path) if read_manifest(path).kind == SPANN else open_ann(path)


def open_candidates(path: Path) -> Candidates:
    """An index of encodings, whole or coded, or with its lists on disk."""
    if read_manifest(path).kind == SPANN:
        return open_spann(path)
    artifact = Artifact.open(path, KIND, READABLE)
    if CODES not in artifact.manifest.files:
        return open_ann(path)
    _check_sizes(artifact)
    return open_codes(path, verify=False)


def open_truth(path: Path) -> npt.NDArray[np.float32] | None:
    """Score of each held-out query's tenth document by exact MaxSim, float32 (n_queries,), where it was found."""
    if read_manifest(path).kind == SPANN:
        return None
    artifact = Artifact.open(path, KIND, READABLE)
    return artifact.array(TRUTH) if artifact.has(TRUTH) else None


def _check_sizes(artifact: Artifact) -> None:
    for name in artifact.manifest.files:
        artifact.file(name)
