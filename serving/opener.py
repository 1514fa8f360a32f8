"""What the service asks of an engine, and how it opens one: whole and warm, or not at all."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy.typing as npt

from artifacts.manifest import Manifest
from artifacts.publish import Release, current_version
from artifacts.store import Store
from foundation.errors import ArtifactCorrupt, ArtifactMissing, ArtifactVersion, EngineError, StoreUnavailable

Answer = dict[str, Any]

_LAST_ANSWERS = 10.0  # seconds


class EngineLike(Protocol):
    """One opened version; `serving.engine.Engine` says what the methods do."""

    @property
    def index(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def questions(self) -> tuple[str, ...]: ...
    @property
    def release(self) -> Release: ...
    def warm(self) -> None: ...
    def similar(
        self,
        ids: Sequence[str | int] | None = None,
        *,
        vectors: npt.ArrayLike | None = None,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        near: Mapping[Any, float] | None = None,
    ) -> Answer: ...
    def ppr(
        self,
        queries: Sequence[Mapping[Any, float]],
        *,
        k: int = 10,
        exact: bool = False,
        rmax: float | None = None,
    ) -> Answer: ...
    def community(
        self, seeds: Sequence[str | int], *, size: int | None = None, after: int = 0, method: str | None = None
    ) -> Answer: ...
    def labels(self, ids: Sequence[str | int], *, communities: int | None = None) -> Answer: ...
    def members(self, label: int, *, k: int = 10) -> Answer: ...
    def search(
        self,
        texts: Sequence[str] | None = None,
        *,
        vectors: Sequence[npt.ArrayLike] | None = None,
        k: int = 10,
        rerank: bool = True,
        ranking: str | None = None,
        where: Mapping[str, Any] | None = None,
        within: Mapping[str, Any] | None = None,
        explain: bool = False,
    ) -> Answer: ...
    def related(
        self,
        seeds: Sequence[str | int],
        *,
        text: str | None = None,
        k: int = 10,
        weights: Mapping[str, float] | None = None,
    ) -> Answer: ...
    def explain(self, a: str | int, b: str | int, *, k: int = 10) -> Answer: ...
    def nodes(self, prefix: str = "", *, limit: int = 20) -> list[dict[str, Any]]: ...
    def neighbourhood(self, seeds: Mapping[Any, float], *, k: int = 50) -> Answer: ...
    def map_file(self) -> bytes: ...


Opener = Callable[[Store, str, str], EngineLike]


@final
@dataclass(frozen=True, slots=True)
class Served:
    """A version that was opened and warmed, and the manifests of its stages."""

    engine: EngineLike
    manifests: Mapping[str, Manifest]


@final
@dataclass(frozen=True, slots=True)
class Refused:
    """A published version that could not be opened: ``error`` for who asks, ``cause`` in full for the log."""

    version: str
    error: EngineError
    cause: str


def open_engine(store: Store, index: str, version: str) -> EngineLike:
    """The engine of one version of an index; the first call imports all that engines need, which takes a while."""
    from serving.engine import Engine

    return Engine.open(store, index, version)


def open_version(store: Store, index: str, opener: Opener) -> Served | Refused:
    """Follow the pointer of ``index``; whatever goes wrong is a refusal, because the version before must go on."""
    version = ""
    store = Store(store.place.again())
    try:
        version = current_version(store, index) or ""
        engine = opener(store, index, version)
        engine.warm()
        stages = engine.release.stages
        return Served(engine, {stage: store.manifest(stages[stage]) for stage in stages})
    except (ArtifactMissing, ArtifactCorrupt, ArtifactVersion, StoreUnavailable) as error:
        # A copy from its fields: the traceback would keep what was opened so far in memory.
        return Refused(version, copy.copy(error), str(error))
    except Exception as error:
        name = type(error).__name__
        unopened = ArtifactCorrupt(
            path=f"index {index}",
            what=f"version {version} cannot be opened ({name})",
            fix="read in the server's log why, or rollback to another version",
        )
        return Refused(version, unopened, f"{name}: {error}")
    finally:
        store.close()  # what is mapped stays so; the cache of a far store may drop it when room is needed


def check_there(store: Store) -> None:
    """Look whether a store that was opened once is still there.

    Raises
    ------
    StoreUnavailable
    """
    try:
        store.checked()
    except (ArtifactMissing, ArtifactCorrupt, StoreUnavailable) as error:
        what = error.what
    except (EngineError, OSError) as error:
        what = str(error)
    else:
        return
    raise StoreUnavailable(path=store.address, what=what, fix="bring it back; no restart is needed")


def give_back(engine: weakref.ref[EngineLike]) -> None:
    """Wait until ``engine`` has answered its last question and is gone, and return what it took to the system.

    The C library keeps an arena for every few threads. A version that is let go leaves them half empty, and the next
    one does not fit into the holes.
    """
    deadline = time.monotonic() + _LAST_ANSWERS
    while engine() is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    with contextlib.suppress(OSError, AttributeError):  # where there is no glibc there is nothing to do
        ctypes.CDLL(None).malloc_trim(0)
