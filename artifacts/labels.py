"""Codec of the communities of a whole graph and their hierarchy: the arrays of `clustering.labels.LabelIndex`."""

from __future__ import annotations

from pathlib import Path

from artifacts.artifact import Artifact
from clustering.labels import LabelIndex

KIND = "labels"
VERSION = 1
READABLE = (1,)

LINKAGE = "linkage"  # SciPy's linkage matrix beside them, for who wants to draw it


def open_labels(path: Path) -> LabelIndex:
    """Memory-mapped."""
    arrays = Artifact.open(path, KIND, READABLE).arrays()
    return LabelIndex(**{name: array for name, array in arrays.items() if name != LINKAGE})
