"""Codec of PowerWalk fingerprints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from artifacts.artifact import Artifact
from graph.csr import CSRGraph
from graph.powerwalk import Fingerprints, PowerWalkIndex, PowerWalkParams

KIND = "fingerprints"
VERSION = 1
READABLE = (1,)


def open_powerwalk(path: Path, graph: CSRGraph) -> PowerWalkIndex:
    """The index over the graph it was built from, memory-mapped."""
    artifact = Artifact.open(path, KIND, READABLE)
    params: dict[str, Any] = dict(artifact.manifest.params["index"])
    return PowerWalkIndex(graph, PowerWalkParams(**params), Fingerprints(**artifact.arrays()))
