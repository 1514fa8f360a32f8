"""Codec of an index of words: the arrays of `vectors.lexical.index.LexicalIndex`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from artifacts.artifact import Artifact
from foundation.errors import ArtifactCorrupt
from vectors.fusion import Fusion
from vectors.lexical.index import LexicalIndex
from vectors.lexical.params import LexicalParams

KIND = "lexical"
VERSION = 1
READABLE = (1,)

FUSING = ("fusion", "weight")  # kept beside the index's own: they decide answers, hence the version
# Static vectors see much the same words as the index of words, less sharply; scores tell by how much: docs/hybrid.md.
WEIGHTS = {"static": 3.0}


def lexical_params(params: Any) -> LexicalParams:
    """What a manifest, which knows lists and no tuples, says of the params; those of fusing are not of the index."""
    own = {name: value for name, value in params.items() if name not in FUSING}
    return LexicalParams(**{**own, "stop_words": tuple(own["stop_words"])})


def open_lexical(path: Path) -> LexicalIndex:
    """Memory-mapped."""
    artifact = Artifact.open(path, KIND, READABLE)
    return LexicalIndex.from_arrays(artifact.arrays(), lexical_params(artifact.manifest.params))


def open_fusion(path: Path) -> Fusion:
    """What the ranking by words is fused with that by tokens by: ranks, if the artifact is older than the choice.

    Raises
    ------
    ArtifactCorrupt
        When the manifest names something else.
    """
    found = Artifact.open(path, KIND, READABLE).manifest.params.get("fusion", "ranks")
    if found not in get_args(Fusion):
        raise ArtifactCorrupt(path=str(path), what=f"fuses by {found!r}", fix="build it again with --force lexical")
    return "scores" if found == "scores" else "ranks"


def fused_weight(config: Mapping[str, Any], fusion: Fusion) -> float:
    """What the ranking by words counts where it is fused with that by tokens, which counts 1.

    ``config`` is a whole one, as written: what it says, or what suits its encoder and the way of fusing.
    """
    kind = config.get("corpus", {}).get("encoder", {}).get("kind", "static")
    suits = WEIGHTS.get(kind, 1.0) if fusion == "ranks" else 1.0
    return float(config.get("lexical", {}).get("weight", suits))
