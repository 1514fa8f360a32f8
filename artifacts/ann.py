"""Codec of an index of nearest neighbours: the files that `vectors.ann.index.ANNIndex.save` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from artifacts.artifact import Artifact, ArtifactWriter
from vectors.ann.index import ANNIndex
from vectors.ann.tuning import described

KIND = "ann"
VERSION = 1
READABLE = (1,)


def write_ann(writer: ArtifactWriter, index: ANNIndex) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write the index; the counts and the measured qualities to put in the manifest are returned."""
    writer.adopt(index.save)
    measured = {} if index.measured is None else described(index.measured)
    return {"n_rows": index.n_rows, "dim": index.dim, "n_shards": len(index.shards)}, measured


def open_ann(path: Path) -> ANNIndex:
    """The index, memory-mapped; sizes are checked here, checksums by ``purlieu verify``."""
    artifact = Artifact.open(path, KIND, READABLE)
    for name in artifact.manifest.files:
        artifact.file(name)
    return ANNIndex.open(path, verify=False)
