"""Fingerprints of what a build reads from outside the store."""

from __future__ import annotations

import hashlib
from pathlib import Path

from foundation.errors import InvalidInput

_CHUNK = 1 << 20


def fingerprint(source: str) -> str:
    """SHA-256 of the bytes at a path or fsspec URL, as they are stored (compressed or not).

    Raises
    ------
    InvalidInput
        When there is no such file or it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        if "://" in source:
            import fsspec

            with fsspec.open(source, "rb") as stream:
                while block := stream.read(_CHUNK):
                    digest.update(block)
        else:
            with Path(source).open("rb") as stream:
                while block := stream.read(_CHUNK):
                    digest.update(block)
    except FileNotFoundError:
        raise InvalidInput(source=source, what="no such file", fix="check the path in the config") from None
    except IsADirectoryError:
        raise InvalidInput(source=source, what="is a directory", fix="name a file") from None
    except (OSError, ValueError, ImportError) as error:
        raise InvalidInput(
            source=source,
            what=f"cannot be read ({getattr(error, 'strerror', None) or error})",
            fix="check the source in the config",
        ) from None
    return digest.hexdigest()
