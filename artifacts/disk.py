"""Writing so that a crash leaves the old or the new, and errors that say what the disk said."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from foundation.errors import StoreUnavailable

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


class _Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


class HashingFile:
    """A binary file being written that knows the SHA-256 and size of what went in."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash: _Hash = hashlib.sha256()
        self.n_bytes = 0

    def write(self, data: bytes | memoryview) -> int:
        self._file.write(data)
        self._hash.update(data)
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        self.n_bytes += size
        return size

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the disk's refusals (full, read-only, forbidden) into `StoreUnavailable`."""
    try:
        yield
    except StoreUnavailable:
        raise
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise StoreUnavailable(
                path=str(path),
                what="larger than a file may be here",
                fix="raise the limit of this process (ulimit -f) or choose another --store",
            ) from error
        if error.errno in _FULL:
            raise StoreUnavailable(
                path=str(path),
                what=f"no space left ({_free_mib(path)} MiB free)",
                fix="free some disk and run again: finished partitions are kept (purlieu gc frees them too)",
            ) from error
        if error.errno in _DENIED:
            raise StoreUnavailable(
                path=str(path), what="not writable", fix="change its permissions or choose another --store"
            ) from error
        if error.errno in {errno.ENOTDIR, errno.EEXIST} and not isinstance(error, FileNotFoundError):
            raise StoreUnavailable(
                path=str(path), what="a file stands where a directory is needed", fix="choose another --store"
            ) from error
        raise


def _free_mib(path: Path) -> int:
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free >> 20


def sync_directory(directory: Path) -> None:
    """Make renames and new names in ``directory`` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_file(path: Path, data: bytes) -> None:
    """Write and flush a new file."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step: a reader sees the old bytes or the new ones."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_file(aside, data)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
