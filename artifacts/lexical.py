"""Codec of an index of words: the arrays of `vectors.lexical.index.LexicalIndex`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from artifacts.artifact import Artifact
from vectors.lexical.index import LexicalIndex
from vectors.lexical.params import LexicalParams

KIND = "lexical"
VERSION = 1
READABLE = (1,)


def lexical_params(params: Any) -> LexicalParams:
    """What a manifest, which knows lists and no tuples, says of the params."""
    return LexicalParams(**{**params, "stop_words": tuple(params["stop_words"])})


def open_lexical(path: Path) -> LexicalIndex:
    """Memory-mapped."""
    artifact = Artifact.open(path, KIND, READABLE)
    return LexicalIndex.from_arrays(artifact.arrays(), lexical_params(artifact.manifest.params))
