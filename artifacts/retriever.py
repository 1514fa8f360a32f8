"""Codec of a calibrated retriever: how candidates are reranked, over three artifacts that do the work."""

from __future__ import annotations

from pathlib import Path

from artifacts.ann import open_candidates
from artifacts.artifact import Artifact
from artifacts.fde import open_fde_params
from artifacts.manifest import read_manifest
from artifacts.multivector import open_multivectors, open_unnormalised
from foundation.errors import ArtifactCorrupt
from vectors.filtered import Curve, curve_of
from vectors.retriever import Retriever

KIND = "retriever"
VERSION = 3  # 2 adds ``in_two_passes``, 3 ``filtered``
READABLE = (1, 2, 3)


def open_retriever(path: Path, tokens: Path, fde: Path, ann: Path) -> Retriever:
    """Search over the artifacts it was calibrated on, memory-mapped.

    Raises
    ------
    ArtifactCorrupt
        When one of them is another than it was calibrated on, as told by the digest of its configuration and inputs.
    """
    artifact = Artifact.open(path, KIND, READABLE)
    for role, place in (("tokens", tokens), ("fde", fde), ("ann", ann)):
        wanted, found = artifact.manifest.inputs[role], read_manifest(place).digest
        if wanted != found:
            what = f"has the digest {found}, search was calibrated with {wanted}: another configuration or input"
            raise ArtifactCorrupt(path=str(place), what=what, fix="name artifacts of one build, or build again")
    return Retriever(
        open_multivectors(tokens),
        open_fde_params(fde),
        open_candidates(ann),
        int(artifact.array("n_candidates")[0]),
        carve=artifact.manifest.params["retriever"].get("carve"),
        lengths=open_unnormalised(tokens),
        in_two_passes=artifact.has("in_two_passes") and bool(artifact.array("in_two_passes")[0]),
        filtered=_filtered(artifact),
    )


def open_segment(path: Path, tokens: Path, fde: Path, ann: Path) -> Retriever:
    """Search over documents that were added later, as ``path`` says of those it was calibrated on."""
    artifact = Artifact.open(path, KIND, READABLE)
    return Retriever(
        open_multivectors(tokens),
        open_fde_params(fde),
        open_candidates(ann),
        int(artifact.array("n_candidates")[0]),
        carve=artifact.manifest.params["retriever"].get("carve"),
        lengths=open_unnormalised(tokens),
        filtered=_filtered(artifact),
    )


def _filtered(artifact: Artifact) -> Curve:
    """By share, so that it holds for a segment too; nothing in what was made before filters were measured."""
    return curve_of(artifact.array("filtered")) if artifact.has("filtered") else ()
