"""What decides an encoder's vectors, known without opening the encoder when nothing about it has changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artifacts.manifest import digest_of
from flows.sources import Sources
from foundation.errors import InvalidParams
from vectors.encoders.encoder import EncoderParams, open_encoder
from vectors.encoders.files import encoder_code, encoder_files, encoder_libraries


def outside_files(params: EncoderParams) -> tuple[str, ...]:
    """Paths and URLs that the encoder reads."""
    if params.kind == "precomputed":
        return () if params.path is None else (params.path,)
    return tuple(str(file.absolute()) for file in encoder_files(params))


def encoder_identity(params: EncoderParams, sources: Sources) -> Mapping[str, Any]:
    """Options and checksums of files, for the digest of the stage that encodes.

    The encoder is opened only when its files, options, libraries or code are not those of an earlier build.

    Raises
    ------
    EngineError
        Whatever opening it raises, and InvalidInput when a file changed meanwhile.
    """
    try:
        return _identity(params, sources)
    except InvalidParams as error:
        raise InvalidParams(name=f"corpus.encoder.{error.name}", value=error.value, allowed=error.allowed) from None


def token_dim(identity: Mapping[str, Any]) -> int | None:
    """Width of the tokens of an encoder of this identity; None where only the vectors themselves tell it."""
    if "dim" not in identity:
        return None
    return int(identity["dim"]) * (2 if identity.get("pooled_weight") else 1)


def _identity(params: EncoderParams, sources: Sources) -> Mapping[str, Any]:
    if params.kind == "precomputed":
        return {"source_sha256": None if params.path is None else sources.fingerprint(params.path)}
    files = outside_files(params)
    if not all(Path(file).is_file() for file in files):
        return open_encoder(params).identity  # which says what is missing
    facts = {
        "params": dataclasses.asdict(params),
        "files": {file: sources.fingerprint(file) for file in files},
        "libraries": encoder_libraries(params),
        "code": encoder_code(),
    }

    def opened() -> Mapping[str, Any]:
        identity = open_encoder(params).identity
        for file in files:
            sources.check(file)
        return identity

    return sources.identity(digest_of(facts), opened)
