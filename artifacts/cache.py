"""Directories fetched from far away, kept on this machine up to a limit; several processes may share one cache.

An entry arrives by rename, so one that is there is whole. Whoever uses it holds a shared lock on it; the one used
longest ago goes first when room is needed, and one in use never goes. What is mapped stays readable even then.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import final

from artifacts.disk import explained
from foundation.errors import StoreUnavailable

SHARE_OF_FREE = 0.5  # of the disk, when no limit is given


@final
class Cache:
    """The cache in ``root``, at most ``limit`` bytes of entries; None means half of what the disk has left."""

    def __init__(self, root: Path, limit: int | None) -> None:
        self.root = root
        self._limit = limit
        self._held: dict[str, int] = {}
        self._lock = threading.RLock()

    def get(self, name: str, last: str, n_bytes: int, fetch: Callable[[Path], None]) -> Path:
        """The entry ``name``, held until `release`; ``fetch(aside)`` fills a directory when it is not there.

        Raises
        ------
        StoreUnavailable
            ``n_bytes`` do not fit.
        """
        entry = self.root / name
        with self._lock:
            descriptor = self._hold(name)
            while not (entry / last).is_file():
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # one process fetches, the others wait here
                if not (entry / last).is_file():
                    self._make_room(n_bytes)
                    self._fetch(entry, fetch)
                fcntl.flock(descriptor, fcntl.LOCK_SH)  # may let go in between: hence the loop
            os.utime(self._lock_file(name))
        return entry

    def adopt(self, aside: Path, name: str) -> None:
        """Take in a directory that was made here."""
        entry = self.root / name
        with self._lock:
            self._hold(name)
            with explained(entry):
                entry.parent.mkdir(parents=True, exist_ok=True)
                if entry.is_dir():
                    shutil.rmtree(aside)
                else:
                    aside.rename(entry)

    def drop(self, name: str) -> None:
        """Forget an entry, or all below a name."""
        below = self._lock_file(name).name
        with self._lock:
            for held in [held for held in self._held if held == name or held.startswith(f"{name}/")]:
                os.close(self._held.pop(held))
            shutil.rmtree(self.root / name, ignore_errors=True)
            for lock in (self.root / ".in_use").glob(f"{below}*"):
                if lock.name == below or lock.name.startswith(f"{below}+"):
                    lock.unlink(missing_ok=True)

    def release(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            for descriptor in self._held.values():
                os.close(descriptor)
            self._held.clear()

    def _hold(self, name: str) -> int:
        if name not in self._held:
            path = self._lock_file(name)
            with explained(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            self._held[name] = descriptor
        return self._held[name]

    def _lock_file(self, name: str) -> Path:
        return self.root / ".in_use" / name.replace("/", "+")

    def _fetch(self, entry: Path, fetch: Callable[[Path], None]) -> None:
        aside = entry.with_name(f".{entry.name}.{os.getpid()}")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(entry, ignore_errors=True)
        with explained(aside):
            aside.mkdir(parents=True)
            try:
                fetch(aside)
                aside.rename(entry)
            finally:
                shutil.rmtree(aside, ignore_errors=True)

    def _make_room(self, n_bytes: int) -> None:
        entries = self._entries()
        used = sum(size for _, size, _ in entries)
        limit = self._limit
        if limit is None:
            limit = int((used + shutil.disk_usage(self.root).free) * SHARE_OF_FREE)
        for _, size, name in sorted(entries):
            if used + n_bytes <= limit:
                return
            if self._evict(name):
                used -= size
        if used + n_bytes > limit:
            raise StoreUnavailable(
                path=str(self.root),
                what=f"the cache holds {used >> 20} MiB in use, its limit is {limit >> 20} MiB "
                f"and {n_bytes >> 20} MiB more are needed",
                fix="raise cache_limit",
            )

    def _entries(self) -> list[tuple[float, int, str]]:
        """(last use, bytes, name) of what was fetched."""
        found = []
        for lock in (self.root / ".in_use").iterdir():
            name = lock.name.replace("+", "/")
            if (self.root / name).is_dir():
                size = sum(file.stat().st_size for file in (self.root / name).iterdir())
                found.append((lock.stat().st_mtime, size, name))
        return found

    def _evict(self, name: str) -> bool:
        descriptor = os.open(self._lock_file(name), os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(self.root / name, ignore_errors=True)
            return True
        except BlockingIOError:
            return False
        finally:
            with contextlib.suppress(OSError):
                os.close(descriptor)
