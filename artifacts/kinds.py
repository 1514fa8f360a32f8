"""Every kind of artifact and the versions of it that this program reads."""

from __future__ import annotations

from pathlib import Path

from artifacts import ann, communities, corpus, embedding, fde, fingerprints, graph, link, multivector, retriever
from artifacts.manifest import Manifest
from foundation.errors import ArtifactCorrupt, ArtifactVersion

READABLE = {
    codec.KIND: codec.READABLE
    for codec in (ann, corpus, embedding, fde, fingerprints, graph, link, multivector, retriever)
} | {communities.SIGNATURES: communities.READABLE, communities.TABLES: communities.READABLE}


def check_readable(path: Path, manifest: Manifest) -> None:
    """Raise what opening the artifact would raise for its kind and version."""
    if manifest.kind not in READABLE:
        raise ArtifactCorrupt(path=str(path), what=f"is of the unknown kind {manifest.kind!r}")
    if manifest.kind_version not in READABLE[manifest.kind]:
        raise ArtifactVersion(path=str(path), found=manifest.kind_version, readable=READABLE[manifest.kind])
