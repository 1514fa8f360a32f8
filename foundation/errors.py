"""Every error this engine raises on purpose.

EngineError
├── InvalidParams     (ValueError)         a parameter that cannot run
├── InvalidConfig     (ValueError)         a config file, key or value that cannot be used
├── InvalidInput      (ValueError)         data that cannot be read or makes no sense: file and line
├── SourceUnavailable (ConnectionError)    a source far away that does not answer; it may later
├── InvalidQuery      (ValueError)         a question that cannot be answered as asked
├── UnknownId         (LookupError)        a node, document, index or version that is not there
├── NotBuilt          (LookupError)        a question the index has no stage for
├── NotOffered        (NotImplementedError) what our NetworkX backend leaves to NetworkX
├── MissingExtra      (ImportError)        an optional dependency that is not installed
├── ArtifactMissing   (FileNotFoundError)  something the store should hold and does not
├── ArtifactCorrupt   (OSError)            bytes that do not match their manifest
├── ArtifactVersion   (ValueError)         a format this program does not read
├── StoreUnavailable  (OSError)            a store that cannot be written: permissions, full disk
├── StoreLocked       (RuntimeError)       somebody else is building
├── ClusterUnavailable (ConnectionError)   a Dask scheduler or its workers that do not answer
├── ClusterMismatch   (RuntimeError)       a worker whose programs would give other bytes, or that cannot see the store
├── PartitionFailed   (RuntimeError)       a partition that cannot be computed: stage and range
├── StageTimeout      (TimeoutError)       a stage that took longer than it may
├── ServerUnavailable (ConnectionError)    no Prefect API answers
├── ServiceFailed     (RuntimeError)       a Purlieu service that refused, failed or did not answer
├── GateFailed        (RuntimeError)       a version that was built and falls short of the quality gate
├── TargetMissed      (RuntimeError)       an asked-for quality that no candidate reached
└── NotConverged      (RuntimeError)       an iteration that ran out of steps

Facts are fields, advice is in the text. All of them survive pickling, so that a Dask worker's error
arrives as it was raised.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


def _rebuild(cls: type[EngineError], fields: dict[str, Any]) -> EngineError:
    return cls(**fields)


class EngineError(Exception):
    """Base of all; subclasses are keyword-only dataclasses."""

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]  # every subclass is a dataclass
        return _rebuild, (type(self), fields)


@dataclass(eq=False, kw_only=True)
class InvalidParams(EngineError, ValueError):
    """``name = value`` cannot run; ``allowed`` says what can."""

    name: str
    value: object
    allowed: str

    def __str__(self) -> str:
        return f"{self.name} = {self.value!r} cannot be used; allowed: {self.allowed}"


@dataclass(eq=False, kw_only=True)
class InvalidConfig(EngineError, ValueError):
    """A config that cannot be used: ``key`` is dotted, empty when the whole file is meant."""

    path: str
    key: str
    what: str
    fix: str

    def __str__(self) -> str:
        where = f"{self.path}: {self.key}" if self.key else self.path
        return f"{where}: {self.what}; {self.fix}"


@dataclass(eq=False, kw_only=True)
class InvalidInput(EngineError, ValueError):
    """Input data that cannot be used; ``line`` counts from 1, None where lines mean nothing."""

    source: str
    what: str
    fix: str
    line: int | None = None

    def __str__(self) -> str:
        where = self.source if self.line is None else f"{self.source}, line {self.line}"
        return f"{where}: {self.what}; {self.fix}"


@dataclass(eq=False, kw_only=True)
class SourceUnavailable(EngineError, ConnectionError):
    """A source named by a URL that could not be read for a reason that may pass."""

    source: str
    what: str

    def __str__(self) -> str:
        return f"{self.source}: not reachable ({self.what}); check the address and the network, then run again"


@dataclass(eq=False, kw_only=True)
class InvalidQuery(EngineError, ValueError):
    """A question that cannot be answered as asked."""

    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}; {self.fix}"


@dataclass(eq=False, kw_only=True)
class UnknownId(EngineError, LookupError):
    """``kind`` is "node", "document", "index" or "version"; ``nearest`` are known ids like it."""

    kind: str
    id: str
    where: str
    nearest: tuple[str, ...] = ()

    def __str__(self) -> str:
        hint = f"the nearest are {', '.join(self.nearest)}" if self.nearest else "check the spelling"
        return f"no {self.kind} {self.id!r} in {self.where}; {hint}"


@dataclass(eq=False, kw_only=True)
class NotBuilt(EngineError, LookupError):
    """A question that needs a config table ``index`` was built without; ``questions`` are those it can answer."""

    index: str
    question: str
    table: str
    questions: tuple[str, ...] = ()

    def __str__(self) -> str:
        instead = f", or ask {', '.join(self.questions)}" if self.questions else ""
        return (
            f"index {self.index} was not built for {self.question}: its config has no table [{self.table}]; "
            f"add it and build again{instead}"
        )


@dataclass(eq=False, kw_only=True)
class NotOffered(EngineError, NotImplementedError):
    """A call of NetworkX's that our backend leaves to others; NetworkX looks for them when it sees the builtin."""

    what: str
    fix: str

    def __str__(self) -> str:
        return f"backend purlieu does not take {self.what}; {self.fix}"


@dataclass(eq=False, kw_only=True)
class MissingExtra(EngineError, ImportError):
    """A feature whose optional dependency is not installed."""

    feature: str
    package: str
    extra: str

    def __str__(self) -> str:
        return f"{self.feature} needs the package {self.package!r}; run: pip install 'purlieu[{self.extra}]'"


@dataclass(eq=False, kw_only=True)
class ArtifactMissing(EngineError, FileNotFoundError):
    """The store names something that is not on disk."""

    path: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}; {self.fix}"


@dataclass(eq=False, kw_only=True)
class ArtifactCorrupt(EngineError, OSError):
    """Bytes on disk differ from what their manifest promises."""

    path: str
    what: str
    fix: str = "purlieu verify INDEX names its stage, build that again with --force"

    def __str__(self) -> str:
        return f"{self.path}: {self.what}; {self.fix}"


@dataclass(eq=False, kw_only=True)
class ArtifactVersion(EngineError, ValueError):
    """A format version this program does not read."""

    path: str
    found: object
    readable: tuple[int, ...]

    def __str__(self) -> str:
        known = ", ".join(str(version) for version in self.readable)
        return (
            f"{self.path}: format version {self.found!r} cannot be read, this program reads {known}; "
            "open it with the purlieu that wrote it, or build again into a new store"
        )


@dataclass(eq=False, kw_only=True)
class StoreUnavailable(EngineError, OSError):
    """The store cannot be read or written as a place."""

    path: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}; {self.fix}"


@dataclass(eq=False, kw_only=True)
class StoreLocked(EngineError, RuntimeError):
    """Another process holds the lock."""

    path: str
    holder: str

    def __str__(self) -> str:
        return f"{self.path}: locked by {self.holder}; wait for it to end or stop it, then run again"


@dataclass(eq=False, kw_only=True)
class ClusterUnavailable(EngineError, ConnectionError):
    """No Dask scheduler answers at ``address``, or none of its workers does."""

    address: str
    what: str
    fix: str = "start it, or leave out --scheduler"

    def __str__(self) -> str:
        return f"Dask scheduler {self.address}: {self.what}; {self.fix}"


@dataclass(eq=False, kw_only=True)
class ClusterMismatch(EngineError, RuntimeError):
    """Something about ``worker`` would give other bytes, or no answer at all."""

    worker: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"Dask worker {self.worker}: {self.what}; {self.fix}"


@dataclass(eq=False, kw_only=True)
class PartitionFailed(EngineError, RuntimeError):
    """Rows [start, stop) of a stage could not be computed, for a reason that trying again does not mend."""

    stage: str
    start: int
    stop: int
    what: str
    fix: str

    def __str__(self) -> str:
        return f"stage {self.stage}, rows {self.start} to {self.stop}: {self.what}; {self.fix}"


@dataclass(eq=False, kw_only=True)
class StageTimeout(EngineError, TimeoutError):
    """A stage ran longer than ``seconds``."""

    stage: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"stage {self.stage} did not end within {self.seconds:g} s; finished partitions are kept: run again, "
            "or raise runtime.stage_timeout"
        )


@dataclass(eq=False, kw_only=True)
class GateFailed(EngineError, RuntimeError):
    """A new version falls short of its config's ``[gate]``; ``failed`` says each threshold with found and allowed."""

    index: str
    version: str
    failed: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.index}@{self.version} was built and is not served, the gate found: {', '.join(self.failed)}; "
            f"read purlieu report {self.index}@{self.version}, or serve it all the same with: "
            f"purlieu rollback {self.index} {self.version}"
        )


@dataclass(eq=False, kw_only=True)
class ServerUnavailable(EngineError, ConnectionError):
    """No Prefect API answers at ``address``."""

    address: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.address}: no Prefect server answers ({self.what}); {self.fix}"


@dataclass(eq=False, kw_only=True)
class ServiceFailed(EngineError, RuntimeError):
    """A Purlieu service at ``address`` that refused, failed, or did not answer; then ``status`` is None."""

    address: str
    status: int | None
    what: str

    def __str__(self) -> str:
        status = "" if self.status is None else f" (status {self.status})"
        fix = "check the address and that it runs" if self.status is None else "the log of the service says more"
        return f"{self.address}: {self.what}{status}; {fix}"


@dataclass(eq=False, kw_only=True)
class TargetMissed(EngineError, RuntimeError):
    """No candidate reached the asked quality; the best one is named."""

    target: str
    asked: float
    best: float
    candidate: str

    def __str__(self) -> str:
        return (
            f"{self.target} = {self.asked:.4g} was asked for, the best candidate ({self.candidate}) reached "
            f"{self.best:.4g}; ask for less, or allow more memory or candidates"
        )


@dataclass(eq=False, kw_only=True)
class NotConverged(EngineError, RuntimeError):
    """An iteration ended above its tolerance."""

    algorithm: str
    residual: float
    tol: float
    n_iter: int

    def __str__(self) -> str:
        return (
            f"{self.algorithm} stopped at residual {self.residual:.3g} after {self.n_iter} iterations, "
            f"tol is {self.tol:.3g}; raise max_iter or loosen tol"
        )
