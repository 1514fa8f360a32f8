"""Every kind of artifact and the versions of it that this program reads."""

from __future__ import annotations

from artifacts import (
    additions,
    ann,
    communities,
    corpus,
    embedding,
    fde,
    features,
    graph,
    labels,
    lexical,
    link,
    multivector,
    node_map,
    powers,
    powerwalk,
    retriever,
    segments,
    spann,
    term_counts,
)
from artifacts.manifest import Manifest
from foundation.errors import ArtifactVersion

READABLE = {
    codec.KIND: codec.READABLE
    for codec in (
        additions,
        ann,
        corpus,
        embedding,
        fde,
        features,
        graph,
        labels,
        lexical,
        link,
        node_map,
        multivector,
        powers,
        powerwalk,
        retriever,
        segments,
        spann,
        term_counts,
    )
} | {communities.SIGNATURES: communities.READABLE, communities.TABLES: communities.READABLE}


def check_readable(path: str, manifest: Manifest) -> None:
    """Raise what opening the artifact would raise for its version; a kind that nothing here opens is let be."""
    readable = READABLE.get(manifest.kind)
    if readable is not None and manifest.kind_version not in readable:
        raise ArtifactVersion(path=path, found=manifest.kind_version, readable=readable)
