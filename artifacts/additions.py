"""Codec of the documents added and removed since the sources were read: the next build lays them over its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from artifacts.artifact import Artifact, ArtifactWriter
from vectors.corpus.changes import Changes, read_changes
from vectors.corpus.types import CorpusParams

KIND = "additions"
VERSION = 1
READABLE = (1,)

STAGE = "additions"
FILE = "changes.jsonl"


def write_additions(writer: ArtifactWriter, changes: Changes) -> dict[str, Any]:
    """Write the changes; the counts to put in the manifest are returned."""
    writer.file(FILE, changes.to_bytes())
    return {"n_added": len(changes.added), "n_removed": len(changes.removed)}


def additions_file(path: Path) -> Path:
    """The file that holds them, its size checked."""
    return Artifact.open(path, KIND, READABLE).file(FILE)


def open_additions(path: Path, params: CorpusParams) -> Changes:
    """The changes, read into memory."""
    return read_changes(additions_file(path), params)
