"""Codec of token vectors: plain rows, or codes into a table of the distinct ones."""

from __future__ import annotations

from pathlib import Path

from artifacts.artifact import Artifact
from vectors.multivector import MultiVectors

KIND = "multivector"
VERSION = 1
READABLE = (1,)


def open_multivectors(path: Path) -> MultiVectors:
    """The token vectors, memory-mapped."""
    artifact = Artifact.open(path, KIND, READABLE)
    return MultiVectors(
        vectors=artifact.array("vectors"),
        offsets=artifact.array("offsets"),
        codes=artifact.array("codes") if artifact.has("codes") else None,
    )
