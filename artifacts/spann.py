"""Codec of an index whose lists stay on disk: the files of `vectors.spann.index.SpannIndex.build`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from artifacts.artifact import Artifact, ArtifactWriter
from vectors.spann.index import SpannIndex
from vectors.spann.measured import Measured, described

KIND = "spann"
VERSION = 2
READABLE = (1, 2)  # the files say their own format (`vectors.spann.files`): 1 has formats 1 and 2, 2 has format 3


def write_spann(writer: ArtifactWriter, write: Callable[[Path], Measured]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let ``write`` make the index; the counts and the measured qualities to put in the manifest are returned."""
    measured: list[Measured] = []
    writer.adopt(lambda directory: measured.append(write(directory)))
    (found,) = measured
    counts = {"n_rows": found.n_rows, "dim": found.dim, "n_heads": found.n_heads, "n_entries": found.n_entries}
    return counts, described(found)


def open_spann(path: Path) -> SpannIndex:
    """The index, lists and vectors memory-mapped; sizes are checked here, checksums by ``purlieu verify``."""
    artifact = Artifact.open(path, KIND, READABLE)
    for name in artifact.manifest.files:
        artifact.file(name)
    return SpannIndex.open(path, verify=False)
