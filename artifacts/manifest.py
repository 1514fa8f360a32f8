"""The manifest: what an artifact is, what it was made of, and a checksum for every file.

An artifact is a directory that appears whole and never changes. ``manifest.json`` is written last; the
directory arrives by rename. It holds nothing that differs between two builds of the same thing: no time,
no host, no path, no number of workers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foundation.errors import ArtifactCorrupt, ArtifactMissing, ArtifactVersion

MANIFEST = "manifest.json"
VERSION = 2  # 1 had no seal
READABLE = (1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file: its size in bytes, its SHA-256, and for ``.npy`` files what the array is."""

    bytes: int
    sha256: str
    dtype: str | None = None
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Identity (kind, digest, params, inputs), contents (files) and findings (stats, measured).

    ``format_version`` is that of this file's own layout, ``kind_version`` that of the arrays beside it.
    """

    kind: str
    kind_version: int
    format_version: int
    stage: str
    code_version: int
    digest: str
    params: Mapping[str, Any]
    inputs: Mapping[str, str]
    files: Mapping[str, FileEntry]
    stats: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_bytes(self) -> int:
        return sum(entry.bytes for entry in self.files.values())


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values, equal text. NaN and infinities are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_of(value: object) -> str:
    """32 hexadecimal digits of the SHA-256 of a JSON-able value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:32]


def sealed(fields: Mapping[str, Any]) -> str:
    """``fields`` as the text of a JSON file that also holds their digest, since no other file does."""
    read = json.loads(canonical(fields))  # as it will be read: keys are text
    return json.dumps({**read, "seal": digest_of(read)}, sort_keys=True, indent=1, allow_nan=False) + "\n"


def unsealed(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of what `sealed` wrote.

    Raises
    ------
    ValueError
        Something was changed since.
    """
    fields = {name: value for name, value in raw.items() if name != "seal"}
    if raw["format_version"] > 1 and raw.get("seal") != digest_of(fields):
        raise ValueError("its seal does not fit")
    return fields


def manifest_text(manifest: Manifest) -> str:
    """What is written to disk."""
    return sealed(dataclasses.asdict(manifest))


def read_manifest(directory: Path) -> Manifest:
    """Parse ``directory/manifest.json``.

    Raises
    ------
    ArtifactMissing, ArtifactCorrupt, ArtifactVersion
    """
    path = directory / MANIFEST
    try:
        return parse_manifest(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise missing_artifact(str(directory)) from None


def missing_artifact(path: str) -> ArtifactMissing:
    """The error of an artifact that is named and not there."""
    return ArtifactMissing(
        path=path, what="the artifact is not there", fix="build the index again, or verify the store"
    )


def parse_manifest(data: bytes, path: str) -> Manifest:
    """A manifest from its text; unknown and missing fields are damage."""
    try:
        raw = json.loads(data)
    except (ValueError, UnicodeDecodeError) as error:
        raise ArtifactCorrupt(path=path, what=f"the manifest is not JSON ({error})") from None
    if not isinstance(raw, dict):
        raise ArtifactCorrupt(path=path, what="the manifest is not a JSON object")
    if raw.get("format_version") not in READABLE:
        raise ArtifactVersion(path=path, found=raw.get("format_version"), readable=READABLE)
    try:
        raw = unsealed(raw)
        files = {
            str(name): FileEntry(
                bytes=int(entry["bytes"]),
                sha256=str(entry["sha256"]),
                dtype=entry["dtype"],
                shape=None if entry["shape"] is None else tuple(int(size) for size in entry["shape"]),
            )
            for name, entry in raw["files"].items()
        }
        manifest = Manifest(**{**raw, "files": files})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactCorrupt(path=path, what=f"the manifest is not as it was written ({error})") from None
    mappings = (manifest.params, manifest.inputs, manifest.stats, manifest.measured)
    if not all(isinstance(mapping, dict) for mapping in mappings):
        raise ArtifactCorrupt(path=path, what="a table of the manifest is not a JSON object")
    return manifest
