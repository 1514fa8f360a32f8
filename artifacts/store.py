"""The store: a directory of artifacts addressed by digest, and of indexes whose versions name them.

store/
├── store.json                          the format version of this layout
├── objects/<kind>-<digest>.<n>/        artifacts; <n> counts forced rebuilds, the highest is the one used
├── work/<digest>/                      a build in progress: finished partitions wait here for the rest
├── locks/                              one file per index, per digest being built, and one for gc
└── indexes/<name>/versions/<v>.json    releases, and beside them CURRENT, the one pointer (`publish.py`)

Nothing under ``objects`` is ever written in place, so whatever a release names stays as it was.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from artifacts.disk import explained, replace_file
from artifacts.locks import locked
from artifacts.manifest import MANIFEST
from foundation.errors import ArtifactCorrupt, ArtifactMissing, ArtifactVersion, InvalidParams, StoreUnavailable

FORMAT_VERSION = 1
READABLE = (1,)
GC_SECONDS = 60.0  # a build waits so long for gc: after another build retention holds that lock for a moment
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_name(name: str) -> None:
    """An index name is a file name: letters, digits, dot, dash, underscore."""
    if not _NAME.fullmatch(name):
        raise InvalidParams(
            name="name", value=name, allowed="1 to 100 letters, digits, '.', '_', '-', not starting with a sign"
        )


@final
@dataclass(frozen=True, slots=True)
class Store:
    """A store at ``root``; `open` checks that this program can read it, `create` also makes it."""

    root: Path

    @classmethod
    def create(cls, root: Path | str) -> Store:
        """Open the store at ``root``, making it if there is none."""
        path = _local(root)
        marker = path / "store.json"
        with explained(path):
            path.mkdir(parents=True, exist_ok=True)
            if not marker.exists():
                replace_file(marker, json.dumps({"format_version": FORMAT_VERSION}).encode())
        return cls.open(path)

    @classmethod
    def open(cls, root: Path | str) -> Store:
        """Open an existing store.

        Raises
        ------
        ArtifactMissing, ArtifactVersion, ArtifactCorrupt
        """
        path = _local(root)
        marker = path / "store.json"
        try:
            found = json.loads(marker.read_bytes())["format_version"]
        except (FileNotFoundError, NotADirectoryError):
            raise ArtifactMissing(
                path=str(path), what="no store here", fix="build one with: purlieu build CONFIG.toml, or pass --store"
            ) from None
        except PermissionError:
            raise StoreUnavailable(path=str(path), what="not readable", fix="change its permissions") from None
        except (ValueError, KeyError, TypeError):
            raise ArtifactCorrupt(
                path=str(marker), what="not the mark of a store", fix="restore the file, or build into a new --store"
            ) from None
        if found not in READABLE:
            raise ArtifactVersion(path=str(marker), found=found, readable=READABLE)
        return cls(path)

    @property
    def objects(self) -> Path:
        return self.root / "objects"

    def index_dir(self, name: str) -> Path:
        check_name(name)
        return self.root / "indexes" / name

    def index_names(self) -> list[str]:
        """Names of all indexes with at least one release."""
        parent = self.root / "indexes"
        return (
            sorted(entry.name for entry in parent.iterdir() if (entry / "versions").is_dir()) if parent.is_dir() else []
        )

    def work_dir(self, digest: str) -> Path:
        return self.root / "work" / digest

    def find(self, kind: str, digest: str) -> Path | None:
        """The artifact with this digest (its latest forced rebuild), or None."""
        found = [
            (generation, path)
            for path in self.objects.glob(f"{kind}-{digest}.*")
            if (generation := _generation(path)) >= 0
        ]
        return max(found)[1] if found else None

    def next_path(self, kind: str, digest: str) -> Path:
        """Where a new artifact with this digest goes."""
        latest = self.find(kind, digest)
        return self.objects / f"{kind}-{digest}.{0 if latest is None else _generation(latest) + 1}"

    @contextlib.contextmanager
    def building(self, name: str, *, wait: float = 0.0, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
        """Hold the right to build index ``name``; other indexes may be built at the same time, gc may not run."""
        check_name(name)
        locks = self.root / "locks"
        with (
            locked(locks / "gc", "build", shared=True, wait=max(wait, GC_SECONDS), on_wait=on_wait),
            locked(locks / f"index-{name}", f"building {name}", wait=wait, on_wait=on_wait),
        ):
            yield

    @contextlib.contextmanager
    def making(self, digest: str) -> Iterator[None]:
        """Hold the right to make one artifact; builds of two indexes that share it take turns."""
        with locked(self.root / "locks" / f"object-{digest}", f"making {digest}", wait=float("inf")):
            yield

    @contextlib.contextmanager
    def collecting(self) -> Iterator[None]:
        """Hold the store alone, for gc."""
        with locked(self.root / "locks" / "gc", "gc"):
            yield

    def discard(self, path: Path) -> None:
        """Remove an artifact or a work directory: renamed away first, so that no half of it can be opened."""
        trash = self.root / "trash"
        with explained(trash):
            trash.mkdir(exist_ok=True)
            grave = trash / path.name
            if grave.exists():
                shutil.rmtree(grave)
            path.rename(grave)
            shutil.rmtree(grave)


def _generation(path: Path) -> int:
    suffix = path.name.rpartition(".")[2]
    return int(suffix) if suffix.isdigit() and (path / MANIFEST).is_file() else -1


def _local(root: Path | str) -> Path:
    if "://" in str(root):
        raise InvalidParams(name="store", value=str(root), allowed="a local directory")
    return Path(root).absolute()
