"""A store in a directory: of this machine's disk, or of one that several machines share."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from artifacts.artifact import Artifact
from artifacts.disk import explained, replace_file, sync_directory
from artifacts.locks import locked
from artifacts.manifest import Manifest
from artifacts.place import Place
from foundation.errors import ArtifactMissing

LOOK_SECONDS = 0.25


@final
@dataclass(frozen=True, slots=True)
class Directory(Place):
    """The directory ``path``: what is brought is already here, and a directory arrives by rename."""

    path: Path

    @property
    def address(self) -> str:
        return str(self.path)

    @property
    def root(self) -> Path:
        return self.path

    @property
    def near(self) -> bool:
        return True

    @property
    def look_seconds(self) -> float:
        return LOOK_SECONDS

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        target = self.path / name
        with explained(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_file(target, data)

    def stamp(self, name: str) -> Hashable | None:
        try:
            with (self.path / name).open("rb") as file:
                found = os.fstat(file.fileno())
                # Its bytes too: two replacements in one tick of the file system's clock may get the same inode.
                return found.st_mtime_ns, found.st_ino, file.read(100)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self, directory: str) -> list[str]:
        try:
            return sorted(entry.name for entry in (self.path / directory).iterdir() if not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def whole(self, directory: str, prefix: str, last: str) -> list[str]:
        found = (self.path / directory).glob(f"{prefix}*")
        return sorted(entry.name for entry in found if (entry / last).is_file())

    def bring(self, directory: str, last: str) -> Path:
        here = self.path / directory
        if not (here / last).is_file():
            raise ArtifactMissing(
                path=str(here), what="it is not there", fix="build the index again, or verify the store"
            )
        return here

    def deliver(self, aside: Path, directory: str, last: str) -> None:
        target = self.path / directory
        if target.is_dir() and not (target / last).is_file():
            self.remove(directory)  # what somebody damaged is not whole, and must not be in the way for ever
        with explained(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.rename(aside, target)  # rename, not replace: a target that exists is an error
            except OSError:
                if target.is_dir():
                    raise FileExistsError(str(target)) from None
                raise
            sync_directory(target.parent)

    def remove(self, name: str) -> int:
        target = self.path / name
        if not target.exists():
            return 0
        if target.is_file():
            freed = target.stat().st_size
            target.unlink()
            return freed
        freed = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
        trash = self.path / "trash"
        with explained(trash):
            trash.mkdir(exist_ok=True)
            grave = trash / f"{target.name}.{os.getpid()}.{time.monotonic_ns()}"
            target.rename(grave)  # away first, so that no half of it can be opened
            shutil.rmtree(grave)
        return freed

    def damage(self, directory: str, manifest: Manifest, *, deep: bool) -> list[str]:
        del deep  # what is near is always read
        return Artifact(self.path / directory, manifest).damage()

    def lock(
        self, name: str, purpose: str, *, shared: bool, wait: float, on_wait: Callable[[str], None] | None
    ) -> contextlib.AbstractContextManager[Callable[[], None]]:
        return locked(self.path / "locks" / name, purpose, shared=shared, wait=wait, on_wait=on_wait)

    def again(self) -> Place:
        return self

    def close(self) -> None:
        pass
