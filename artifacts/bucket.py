"""A store in an S3-compatible object store.

An object is written by one request that is seen as a whole or not at all; a directory is there when its last file is.
What is read is fetched to a cache on this machine and checked against its recorded checksums, so that a truncated or
damaged answer is never mapped; every request is repeated a few times before it counts as refused.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast, final

import fsspec.asyn

from artifacts.cache import Cache
from artifacts.disk import hash_file
from artifacts.leases import Leasable, leased
from artifacts.manifest import MANIFEST, Manifest
from artifacts.patience import patiently
from artifacts.place import Place
from foundation.errors import ArtifactCorrupt, ArtifactMissing, MissingExtra, StoreUnavailable

LOOK_SECONDS = 5.0
_CHUNK = 1 << 22
_FETCHES = 3  # of a file that does not arrive as it was sent


@final
class Bucket(Place, Leasable):
    """The store at ``url`` (``s3://bucket/prefix``); credentials and endpoint come from the AWS_* environment."""

    def __init__(self, url: str, cache: Path, cache_limit: int | None) -> None:
        self._url = url.rstrip("/")
        self._base = self._url.partition("://")[2]
        self._fs = _file_system(self._url)
        self._cached = (cache, cache_limit)
        self._cache = Cache(cache / hashlib.sha256(self._url.encode()).hexdigest()[:16], cache_limit)

    @property
    def address(self) -> str:
        return self._url

    @property
    def root(self) -> Path:
        return self._cache.root

    @property
    def near(self) -> bool:
        return False

    @property
    def look_seconds(self) -> float:
        return LOOK_SECONDS

    def read(self, name: str) -> bytes:
        return bytes(self._ask(name, partial(self._read, self._key(name))))

    def write(self, name: str, data: bytes) -> None:
        self._ask(name, partial(self._fs.pipe_file, self._key(name), data))

    def stamp(self, name: str) -> Hashable | None:
        try:
            found = self._ask(name, partial(self._fs.info, self._key(name)))
        except FileNotFoundError:
            return None
        return str(found["ETag"]), str(found["LastModified"])

    def names(self, directory: str) -> list[str]:
        base = self._key(directory)
        try:
            found = self._ask(directory, partial(self._fs.ls, base, detail=False))
        except FileNotFoundError:
            return []
        return sorted(name for path in found if (name := path.removeprefix(base).strip("/")))

    def whole(self, directory: str, prefix: str, last: str) -> list[str]:
        found = self._below(f"{directory}/", prefix)
        return sorted(name.removesuffix(f"/{last}") for name in found if name.endswith(f"/{last}"))

    def bring(self, directory: str, last: str) -> Path:
        here = self.root / directory
        if (here / last).is_file():
            return self._cache.get(directory, last, 0, lambda aside: self._fetch(directory, last, aside))
        sizes = self._below(f"{directory}/")
        if last not in sizes:
            raise ArtifactMissing(
                path=f"{self._url}/{directory}",
                what="it is not there",
                fix="build the index again, or verify the store",
            )
        return self._cache.get(directory, last, sum(sizes.values()), lambda aside: self._fetch(directory, last, aside))

    def deliver(self, aside: Path, directory: str, last: str) -> None:
        if last in self._below(f"{directory}/"):
            raise FileExistsError(f"{self._url}/{directory}")
        for file in sorted(aside.iterdir(), key=lambda file: file.name == last):
            self._send(file, f"{directory}/{file.name}")
        self._cache.adopt(aside, directory)

    def remove(self, name: str) -> int:
        found = self._below(f"{name}/") or {"": 0}
        # What makes it whole goes first, so that no half of it can be opened.
        for file in sorted(found, key=lambda file: file not in (MANIFEST, "part.json")):
            key = f"{name}/{file}" if file else name
            self.forget(key)
        self._cache.drop(name)
        return sum(found.values())

    def damage(self, directory: str, manifest: Manifest, *, deep: bool) -> list[str]:
        sizes = self._below(f"{directory}/")
        bad = []
        for name, entry in sorted(manifest.files.items()):
            where = f"{self._url}/{directory}/{name}"
            if name not in sizes:
                bad.append(f"{where}: missing")
            elif sizes[name] != entry.bytes:
                bad.append(f"{where}: {sizes[name]} bytes, the manifest says {entry.bytes}")
            elif deep and self._hash(f"{directory}/{name}") != entry.sha256:
                bad.append(f"{where}: its SHA-256 is not the manifest's")
        return bad

    @contextlib.contextmanager
    def lock(
        self, name: str, purpose: str, *, shared: bool, wait: float, on_wait: Callable[[str], None] | None
    ) -> Iterator[Callable[[], None]]:
        with leased(self, f"locks/{name}", purpose, shared=shared, wait=wait, on_wait=on_wait) as check:
            yield check

    def again(self) -> Place:
        return Bucket(self._url, *self._cached)

    def close(self) -> None:
        self._cache.release()

    def look(self, name: str) -> tuple[str, bytes] | None:
        try:
            tag = str(self._ask(name, partial(self._fs.info, self._key(name)))["ETag"])
            return tag, self.read(name)
        except FileNotFoundError:
            return None

    def put(self, name: str, data: bytes, tag: str | None) -> str | None:
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        bucket, _, key = self._key(name).partition("/")

        def write() -> str | None:
            try:
                answer = self._fs.call_s3("put_object", Bucket=bucket, Key=key, Body=data, **condition)
            except OSError as error:
                if "pre-condition" in str(error).lower() or "precondition" in str(error).lower():
                    return None
                if tag is not None and isinstance(error, FileNotFoundError):
                    return None
                raise
            return str(answer["ETag"])

        found = self._ask(name, write)
        return None if found is None else str(found)

    def forget(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._ask(name, partial(self._fs.rm_file, self._key(name)))

    def children(self, prefix: str) -> list[str]:
        return [prefix + name for name in self._below(prefix)]

    def _key(self, name: str) -> str:
        return f"{self._base}/{name}"

    def _below(self, directory: str, prefix: str = "") -> dict[str, int]:
        """Sizes of the objects whose names start with ``directory`` + ``prefix``, by the rest after ``directory``."""
        base = self._key(directory)
        try:
            found = self._ask(directory, partial(self._fs.find, base, prefix=prefix, detail=True))
        except FileNotFoundError:
            return {}
        below = {name: entry for name, entry in found.items() if name.startswith(base) and name != base}
        return {name.removeprefix(base): int(entry["size"]) for name, entry in below.items()}

    def _send(self, file: Path, name: str) -> None:
        self._ask(name, partial(self._fs.put_file, str(file), self._key(name)))
        sent = int(self._ask(name, partial(self._fs.info, self._key(name)))["size"])
        if sent != file.stat().st_size:
            raise StoreUnavailable(
                path=f"{self._url}/{name}",
                what=f"{file.stat().st_size} bytes were sent, {sent} arrived",
                fix="run the same command again",
            )

    def _fetch(self, directory: str, last: str, aside: Path) -> None:
        """Fetch the record of the directory, then the files it names, each until it is as recorded."""
        record = self.read(f"{directory}/{last}")
        try:
            files = {name: str(entry["sha256"]) for name, entry in json.loads(record)["files"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ArtifactCorrupt(path=f"{self._url}/{directory}/{last}", what="not a record of files") from None
        for name, sha256 in files.items():
            for attempt in range(_FETCHES):
                try:
                    self._ask(
                        f"{directory}/{name}",
                        partial(self._fs.get_file, self._key(f"{directory}/{name}"), str(aside / name)),
                    )
                except FileNotFoundError:
                    raise ArtifactMissing(
                        path=f"{self._url}/{directory}/{name}",
                        what="a file of the artifact is not there",
                        fix="build again with --force for its stage",
                    ) from None
                if hash_file(aside / name) == sha256:
                    break
                if attempt == _FETCHES - 1:
                    raise ArtifactCorrupt(
                        path=f"{self._url}/{directory}/{name}", what="its SHA-256 is not the recorded one"
                    )
        (aside / last).write_bytes(record)

    def _hash(self, name: str) -> str:
        def read() -> str:
            digest = hashlib.sha256()
            with self._fs.open(self._key(name), "rb", block_size=_CHUNK, cache_type="readahead") as stream:
                while piece := stream.read(_CHUNK):
                    digest.update(piece)
            return digest.hexdigest()

        return str(self._ask(name, read))

    def _read(self, key: str) -> bytes:
        """A small file as it was sent; one that arrives alike twice is believed: not every store's tag is a hash."""
        bucket, _, path = key.partition("/")

        async def get() -> tuple[str, bytes]:
            answer = await self._fs._call_s3("get_object", Bucket=bucket, Key=path)
            async with answer["Body"] as body:
                return str(answer["ETag"]).strip('"'), await body.read()

        found: set[bytes] = set()
        while True:
            tag, data = cast("tuple[str, bytes]", fsspec.asyn.sync(self._fs.loop, get))
            if data in found or hashlib.md5(data, usedforsecurity=False).hexdigest() == tag:
                return data
            found.add(data)

    def _ask(self, name: str, request: Callable[[], Any]) -> Any:
        return patiently(f"{self._url}/{name}", request)


def _file_system(url: str) -> Any:
    try:
        import s3fs
    except ImportError:
        raise MissingExtra(feature=f"the store {url}", package="s3fs", extra="s3") from None
    # One client as long as the environment it reads its credentials and endpoint from stays as it is.
    return _client(s3fs.S3FileSystem, tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_"))))


@functools.lru_cache(maxsize=4)
def _client(file_system: Any, environment: tuple[tuple[str, str], ...]) -> Any:
    del environment
    return file_system(
        skip_instance_cache=True,
        use_listings_cache=False,
        config_kwargs={"connect_timeout": 4, "read_timeout": 30, "retries": {"max_attempts": 1, "mode": "standard"}},
    )
