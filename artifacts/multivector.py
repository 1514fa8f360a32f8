"""Codec of token vectors, plain, coded by a table or packed, and the encoder of queries that goes with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from artifacts.artifact import Artifact
from foundation.errors import ArtifactCorrupt, InvalidInput, InvalidQuery
from vectors.encoders.encoded import Encoded
from vectors.encoders.encoder import Encoder, EncoderParams, open_encoder
from vectors.tokens.lengths import Unnormalised
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import PackedTokens, Storage, TokenSets
from vectors.tokens.storage import TokenStorageParams, codebook_of

KIND = "multivector"
VERSION = 3  # 2 adds ``left_out``: how many tokens of each document have no vector; 3 may hold packed tokens
READABLE = (1, 2, 3)


def open_multivectors(path: Path) -> TokenSets:
    """The token vectors, memory-mapped."""
    artifact = Artifact.open(path, KIND, READABLE)
    if artifact.has("rows"):
        return _packed(artifact)
    return _floats(artifact)


def open_unnormalised(path: Path) -> Unnormalised:
    """What is done to token vectors whose length is not 1."""
    artifact = Artifact.open(path, KIND, READABLE)
    return TokenStorageParams(**artifact.manifest.params.get("tokens", {})).unnormalised


def _packed(artifact: Artifact) -> PackedTokens:
    """Rows of 8 or 16 bits, and what they mean."""
    params = TokenStorageParams(**artifact.manifest.params["tokens"])
    book = None
    if artifact.has("centroids"):
        book = codebook_of(artifact.array("centroids"), artifact.array("widths"), params.bits)
    rows = artifact.array("rows")
    try:
        return PackedTokens(
            storage=cast("Storage", params.storage),
            dim=int(artifact.manifest.stats["dim"]),
            offsets=artifact.array("offsets"),
            rows=rows,
            scales=artifact.array("scales") if artifact.has("scales") else None,
            chosen=artifact.array("chosen") if artifact.has("chosen") else None,
            codebook=book,
        )
    except InvalidInput as error:
        raise ArtifactCorrupt(path=str(artifact.path), what=error.what) from None


def _floats(artifact: Artifact) -> MultiVectors:
    return MultiVectors(
        vectors=artifact.array("vectors"),
        offsets=artifact.array("offsets"),
        codes=artifact.array("codes") if artifact.has("codes") else None,
    )


def open_encoded(path: Path) -> tuple[Encoded, int]:
    """What was encoded and not packed, and how many rows of it are a table shared by all documents (0 when plain)."""
    artifact = Artifact.open(path, KIND, (VERSION,))
    n_shared = artifact.array("idf").size if artifact.has("idf") else 0
    return Encoded(vectors=_floats(artifact), left_out=artifact.array("left_out")), n_shared


def open_query_encoder(path: Path, idf: npt.NDArray[np.float32] | None = None) -> Encoder:
    """The encoder that made the documents' vectors, ready for queries; ``idf`` takes the place of what lies with them.

    Raises
    ------
    InvalidQuery
        When the documents' vectors were given, so that there is no encoder.
    ArtifactCorrupt
        When its files are not those the documents were encoded with.
    """
    artifact = Artifact.open(path, KIND, READABLE)
    params: dict[str, Any] = dict(artifact.manifest.params["encoder"])
    if params["kind"] == "precomputed":
        raise InvalidQuery(
            what="the documents came with vectors of their own, and no encoder of text", fix="pass vectors"
        )
    if idf is None and artifact.has("idf"):
        idf = artifact.array("idf")
    encoder = open_encoder(EncoderParams(**params), idf=idf)
    if _checksums(encoder.identity) != _checksums(artifact.manifest.params["identity"]):
        raise ArtifactCorrupt(
            path=str(path),
            what="the encoder's files are not those the documents were encoded with",
            fix="restore them, or build again",
        )
    return encoder


def _checksums(identity: dict[str, Any]) -> dict[str, Any]:
    """What must not have changed since the build; a newer version of a library may read the same files."""
    return {name: value for name, value in identity.items() if name.endswith("sha256")}
