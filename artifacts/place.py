"""Where a store keeps its bytes: a directory, or a bucket of an object store with a cache on this machine.

Names are relative and use ``/``. Small files (the pointer, releases) are read and written whole. Directories
(artifacts, finished partitions) appear whole: one file of theirs, ``last``, is written last, and a directory without
it is not there.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from pathlib import Path

from artifacts.manifest import Manifest


class Place(ABC):
    """One store's bytes. Safe to share between threads."""

    @property
    @abstractmethod
    def address(self) -> str:
        """The directory's path or the bucket's URL: what another process needs to open the same place."""

    @property
    @abstractmethod
    def root(self) -> Path:
        """The directory on this machine under which `bring` puts things; work in progress lives there too."""

    @property
    @abstractmethod
    def near(self) -> bool:
        """Whether a question costs microseconds; far away it costs a request, and may have to wait."""

    @property
    @abstractmethod
    def look_seconds(self) -> float:
        """How often it is reasonable to ask whether a small file changed."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """A small file.

        Raises
        ------
        FileNotFoundError, StoreUnavailable
        """

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Replace a small file in one step: a reader sees the old bytes or the new ones."""

    @abstractmethod
    def stamp(self, name: str) -> Hashable | None:
        """Something that differs after every `write` of ``name``; None when there is no such file."""

    @abstractmethod
    def names(self, directory: str) -> list[str]:
        """What is directly in ``directory``, sorted; nothing when it is not there."""

    @abstractmethod
    def whole(self, directory: str, prefix: str, last: str) -> list[str]:
        """Names of the whole directories in ``directory`` that start with ``prefix``."""

    @abstractmethod
    def bring(self, directory: str, last: str) -> Path:
        """A whole directory as files of this machine; what had to be fetched is as ``last`` records it.

        Raises
        ------
        ArtifactMissing, ArtifactCorrupt, StoreUnavailable
        """

    @abstractmethod
    def deliver(self, aside: Path, directory: str, last: str) -> None:
        """Make the local directory ``aside`` appear as ``directory``, whole and in one step; ``aside`` is gone after.

        Raises
        ------
        FileExistsError
            Something whole is there already; ``aside`` is left alone.
        """

    @abstractmethod
    def remove(self, name: str) -> int:
        """Remove a file or directory so that no half of it can be opened; the bytes freed."""

    @abstractmethod
    def damage(self, directory: str, manifest: Manifest, *, deep: bool) -> list[str]:
        """Every file of an artifact that is not as its manifest says; ``deep`` reads every byte wherever it is."""

    @abstractmethod
    def lock(
        self, name: str, purpose: str, *, shared: bool, wait: float, on_wait: Callable[[str], None] | None
    ) -> contextlib.AbstractContextManager[Callable[[], None]]:
        """Hold ``name`` against other processes, on whatever machine; yields a check that it is still held.

        Raises
        ------
        StoreLocked
            It is still taken after ``wait`` seconds; from the check, when it was lost.
        """

    @abstractmethod
    def again(self) -> Place:
        """The same place, to be closed by itself."""

    @abstractmethod
    def close(self) -> None:
        """What was brought may be dropped from this machine, except where it is mapped already."""
