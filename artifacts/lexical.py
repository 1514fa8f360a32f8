"""Codec of an index of words: the arrays of `vectors.lexical.index.LexicalIndex`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artifacts.artifact import Artifact
from vectors.lexical.index import LexicalIndex
from vectors.lexical.params import LexicalParams

KIND = "lexical"
VERSION = 1
READABLE = (1,)

# Static vectors see much the same words as the index of words, less sharply: docs/hybrid.md.
WEIGHTS = {"static": 3.0}


def lexical_params(params: Any) -> LexicalParams:
    """What a manifest, which knows lists and no tuples, says of the params."""
    return LexicalParams(**{**params, "stop_words": tuple(params["stop_words"])})


def open_lexical(path: Path) -> LexicalIndex:
    """Memory-mapped."""
    artifact = Artifact.open(path, KIND, READABLE)
    return LexicalIndex.from_arrays(artifact.arrays(), lexical_params(artifact.manifest.params))


def fused_weight(config: Mapping[str, Any]) -> float:
    """What the ranking by words counts where it is fused with that by tokens, which counts 1.

    ``config`` is a whole one, as written: what it says, or what suits its encoder.
    """
    kind = config.get("corpus", {}).get("encoder", {}).get("kind", "static")
    return float(config.get("lexical", {}).get("weight", WEIGHTS.get(kind, 1.0)))
