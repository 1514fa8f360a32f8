"""The store: artifacts addressed by digest, and indexes whose versions name them.

store/                                  a directory, or a prefix in a bucket (`place.py`)
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from artifacts.directory import Directory
from artifacts.disk import explained
from artifacts.manifest import MANIFEST, Manifest, missing_artifact, parse_manifest
from artifacts.place import Place
from foundation.errors import ArtifactCorrupt, ArtifactMissing, ArtifactVersion, InvalidParams, StoreUnavailable

FORMAT_VERSION = 1
READABLE = (1,)
DEFAULT_CACHE = "~/.cache/purlieu"
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
    """A store; `open` checks that this program can read it, `create` also makes it."""

    place: Place

    @classmethod
    def at(cls, address: Path | str, *, cache: Path | str | None = None, cache_limit: int | None = None) -> Store:
        """The store at a directory or URL, unchecked.

        Parameters
        ----------
        cache : where what comes from a URL is kept on this machine (default ``~/.cache/purlieu``)
        cache_limit : bytes; None means half of what the disk has left
        """
        if "://" not in str(address):
            return cls(Directory(Path(address).absolute()))
        protocol, _, path = str(address).partition("://")
        if protocol == "file":
            return cls(Directory(Path("/" + path.lstrip("/"))))
        if protocol not in ("s3", "s3a") or not path.strip("/"):
            raise InvalidParams(name="store", value=str(address), allowed="a directory, or s3://bucket/prefix")
        from artifacts.bucket import Bucket

        return cls(Bucket(f"s3://{path}", Path(cache or DEFAULT_CACHE).expanduser(), cache_limit))

    @classmethod
    def create(cls, address: Path | str, *, cache: Path | str | None = None, cache_limit: int | None = None) -> Store:
        """Open the store at ``address``, making it if there is none."""
        store = cls.at(address, cache=cache, cache_limit=cache_limit)
        with explained(store.root):
            store.root.mkdir(parents=True, exist_ok=True)
        if store.place.stamp("store.json") is None:
            store.place.write("store.json", json.dumps({"format_version": FORMAT_VERSION}).encode())
        return store.checked()

    @classmethod
    def open(cls, address: Path | str, *, cache: Path | str | None = None, cache_limit: int | None = None) -> Store:
        """Open an existing store.

        Raises
        ------
        ArtifactMissing, ArtifactVersion, ArtifactCorrupt, StoreUnavailable
        """
        return cls.at(address, cache=cache, cache_limit=cache_limit).checked()

    def checked(self) -> Store:
        """This store, after a look at its format version."""
        try:
            found = json.loads(self.place.read("store.json"))["format_version"]
        except (FileNotFoundError, NotADirectoryError):
            raise ArtifactMissing(
                path=self.address,
                what="no store here",
                fix="build one with: purlieu build CONFIG.toml, or pass --store",
            ) from None
        except PermissionError:
            raise StoreUnavailable(path=self.address, what="not readable", fix="change its permissions") from None
        except (ValueError, KeyError, TypeError):
            raise ArtifactCorrupt(
                path=f"{self.address}/store.json",
                what="not the mark of a store",
                fix="restore the file, or build into a new --store",
            ) from None
        if found not in READABLE:
            raise ArtifactVersion(path=f"{self.address}/store.json", found=found, readable=READABLE)
        return self

    @property
    def address(self) -> str:
        """Directory or URL: what another process needs to open the same store."""
        return self.place.address

    @property
    def root(self) -> Path:
        """The directory on this machine where artifacts are when they were brought here."""
        return self.place.root

    @property
    def objects(self) -> Path:
        return self.root / "objects"

    def index_names(self) -> list[str]:
        """Names of all indexes with at least one release."""
        return [name for name in self.place.names("indexes") if "versions" in self.place.names(f"indexes/{name}")]

    def work_dir(self, digest: str) -> Path:
        return self.root / work_name(digest)

    def find(self, kind: str, digest: str) -> str | None:
        """Name of the artifact with this digest (its latest forced rebuild), or None."""
        found = self.place.whole("objects", f"{kind}-{digest}.", MANIFEST)
        numbered = [(_generation(name), name) for name in found if _generation(name) >= 0]
        return max(numbered)[1] if numbered else None

    def next_name(self, kind: str, digest: str) -> str:
        """Name of a new artifact with this digest."""
        latest = self.find(kind, digest)
        return f"{kind}-{digest}.{0 if latest is None else _generation(latest) + 1}"

    def manifest(self, name: str) -> Manifest:
        """The manifest of an artifact, wherever its arrays are.

        Raises
        ------
        ArtifactMissing, ArtifactCorrupt, ArtifactVersion
        """
        path = f"{self.address}/{object_name(name)}"
        try:
            return parse_manifest(self.place.read(f"{object_name(name)}/{MANIFEST}"), f"{path}/{MANIFEST}")
        except FileNotFoundError:
            raise missing_artifact(path) from None

    def bring(self, name: str) -> Path:
        """The directory of an artifact on this machine, fetched if need be."""
        try:
            return self.place.bring(object_name(name), MANIFEST)
        except ArtifactMissing as error:
            raise missing_artifact(error.path) from None

    def building(
        self, name: str, *, wait: float = 0.0, on_wait: Callable[[str], None] | None = None
    ) -> contextlib.AbstractContextManager[Callable[[], None]]:
        """Hold the right to build index ``name``; other indexes may be built at the same time, gc may not run."""
        check_name(name)
        return self._building(name, wait, on_wait)

    @contextlib.contextmanager
    def _building(self, name: str, wait: float, on_wait: Callable[[str], None] | None) -> Iterator[Callable[[], None]]:
        with (
            self.place.lock("gc", "build", shared=True, wait=max(wait, GC_SECONDS), on_wait=on_wait),
            self.place.lock(f"index-{name}", f"building {name}", shared=False, wait=wait, on_wait=on_wait) as check,
        ):
            yield check

    def making(self, digest: str) -> contextlib.AbstractContextManager[Callable[[], None]]:
        """Hold the right to make one artifact; builds of two indexes that share it take turns."""
        return self.place.lock(f"object-{digest}", f"making {digest}", shared=False, wait=float("inf"), on_wait=None)

    def collecting(self) -> contextlib.AbstractContextManager[Callable[[], None]]:
        """Hold the store alone, for gc."""
        return self.place.lock("gc", "gc", shared=False, wait=0.0, on_wait=None)

    def close(self) -> None:
        """Let go of what was brought here from far away; what is mapped stays readable."""
        self.place.close()

    def discard(self, name: str) -> int:
        """Remove an artifact, so that no half of it can be opened; the bytes freed."""
        return self.place.remove(object_name(name))


def object_name(name: str) -> str:
    """Where an artifact is below the store."""
    return f"objects/{name}"


def work_name(digest: str) -> str:
    """Where the work on an artifact is below the store."""
    return f"work/{digest}"


def index_name(name: str) -> str:
    """Where an index's releases are below the store."""
    check_name(name)
    return f"indexes/{name}"


def _generation(name: str) -> int:
    suffix = name.rpartition(".")[2]
    return int(suffix) if suffix.isdigit() else -1
