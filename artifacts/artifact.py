"""An artifact opened for reading, and one being written."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy.typing as npt

from artifacts.arrays import Array, check_size, open_array, write_array, write_pieces
from artifacts.disk import explained, hash_file, sync_directory, write_file
from artifacts.manifest import MANIFEST, VERSION, FileEntry, Manifest, manifest_text, read_manifest
from artifacts.place import Place
from foundation.errors import ArtifactCorrupt, ArtifactVersion
from foundation.pieces import Pieces


@final
@dataclass(frozen=True, slots=True)
class Artifact:
    """A directory and its manifest; arrays are mapped when asked for."""

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path, kind: str, readable: tuple[int, ...]) -> Artifact:
        """Open ``path`` and check that it is a ``kind`` of a readable version."""
        manifest = read_manifest(path)
        if manifest.kind != kind:
            raise ArtifactCorrupt(path=str(path), what=f"is a {manifest.kind!r} artifact where {kind!r} is needed")
        if manifest.kind_version not in readable:
            raise ArtifactVersion(path=str(path), found=manifest.kind_version, readable=readable)
        return cls(path, manifest)

    def array(self, name: str) -> Array:
        """The array ``name``, memory-mapped."""
        return open_array(self.path, name, self.manifest.files)

    def has(self, name: str) -> bool:
        """Whether the array ``name`` is part of the artifact."""
        return f"{name}.npy" in self.manifest.files

    def arrays(self, prefix: str = "") -> dict[str, Array]:
        """All arrays whose name starts with ``prefix``, keyed by the rest of the name."""
        names = [name.removesuffix(".npy") for name in self.manifest.files if name.endswith(".npy")]
        return {name.removeprefix(prefix): self.array(name) for name in sorted(names) if name.startswith(prefix)}

    def file(self, name: str) -> Path:
        """Path of a file that is no array, its size checked."""
        entry = self.manifest.files.get(name)
        if entry is None:
            raise ArtifactCorrupt(path=str(self.path), what=f"the manifest names no {name}")
        check_size(self.path / name, entry)
        return self.path / name

    def damage(self) -> list[str]:
        """Every file whose size or SHA-256 differs from the manifest, each with what is wrong."""
        bad: list[str] = []
        for name, entry in sorted(self.manifest.files.items()):
            path = self.path / name
            if not path.is_file():
                bad.append(f"{path}: missing")
            elif path.stat().st_size != entry.bytes:
                bad.append(f"{path}: {path.stat().st_size} bytes, the manifest says {entry.bytes}")
            elif hash_file(path) != entry.sha256:
                bad.append(f"{path}: its SHA-256 is not the manifest's")
        return bad


@final
class ArtifactWriter:
    """Collects files in a directory aside; `publish` writes the manifest and renames the whole into place."""

    def __init__(self, aside: Path) -> None:
        if aside.exists():
            shutil.rmtree(aside)
        with explained(aside):
            aside.mkdir(parents=True)
        self._aside = aside
        self._files: dict[str, FileEntry] = {}

    def array(self, name: str, array: Array | Pieces) -> None:
        """Write one array, or the pieces of one."""
        self._files[f"{name}.npy"] = write_array(self._aside, name, array)

    def arrays(self, arrays: Mapping[str, Array], prefix: str = "") -> None:
        """Write several."""
        for name, array in arrays.items():
            self.array(prefix + name, array)

    def pieces(self, name: str, pieces: Iterable[Array], dtype: npt.DTypeLike, shape: tuple[int, ...]) -> None:
        """Write one array from pieces along its first axis."""
        self._files[f"{name}.npy"] = write_pieces(self._aside, name, pieces, dtype, shape)

    def written(self, name: str) -> Array:
        """An array written before, memory-mapped."""
        return open_array(self._aside, name, self._files)

    def file(self, name: str, data: bytes | memoryview) -> None:
        """Write a file that is no array."""
        path = self._aside / name
        with explained(path):
            write_file(path, bytes(data))
        self._files[name] = FileEntry(bytes=len(data), sha256=hash_file(path))

    def adopt(self, write: Callable[[Path], None]) -> None:
        """Let ``write`` put files of its own into the directory, and take them in."""
        with explained(self._aside):
            write(self._aside)
        for path in sorted(self._aside.iterdir()):
            if path.name not in self._files:
                self._files[path.name] = FileEntry(bytes=path.stat().st_size, sha256=hash_file(path))

    def publish(
        self,
        place: Place,
        name: str,
        *,
        kind: str,
        kind_version: int,
        stage: str,
        code_version: int,
        digest: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
        stats: Mapping[str, Any],
        measured: Mapping[str, Any],
    ) -> Manifest:
        """Write the manifest and let the directory appear at ``place`` as ``name``, which must not exist."""
        manifest = Manifest(
            kind=kind,
            kind_version=kind_version,
            format_version=VERSION,
            stage=stage,
            code_version=code_version,
            digest=digest,
            params=dict(params),
            inputs=dict(inputs),
            files=dict(sorted(self._files.items())),
            stats=dict(stats),
            measured=dict(measured),
        )
        with explained(self._aside):
            write_file(self._aside / MANIFEST, manifest_text(manifest).encode())
            sync_directory(self._aside)
        place.deliver(self._aside, name, MANIFEST)
        return manifest
