"""What a stage is: pure functions from input artifacts and parameters to one artifact, cut into partitions.

``split`` says which row ranges there are, in rounds (a round begins when the one before is done);
``partition`` computes one range on a Dask worker; ``assemble`` joins the parts into the artifact. None of them
may let the bytes depend on the ranges: the sizes of partitions are a matter of the machine, not of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, final

from artifacts.arrays import Array
from artifacts.artifact import ArtifactWriter
from artifacts.parts import Part
from artifacts.store import Store
from foundation.pieces import Pieces

Range = tuple[int, int]
Work = Literal["gather", "stream", "parse"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Everything a stage is told; travels to the workers, hence paths and numbers only.

    ``inputs`` maps a role to an artifact's directory, ``sources`` a role to a file or URL outside the store,
    ``params`` are the stage's own, ``part_nodes`` and ``part_docs`` the wanted partition sizes.

    ``previous`` is empty, or holds artifacts of the served version: the stage's own of then ("self"), and one for each
    role in `Stage.compares`; ``beside`` holds this build's artifacts under the same roles. What is equal in both may
    be taken from "self"; they may save work, and must not change a byte.
    """

    inputs: Mapping[str, Path]
    sources: Mapping[str, str]
    params: Mapping[str, Any]
    work: Path
    part_nodes: int
    part_docs: int
    previous: Mapping[str, Path] = field(default_factory=dict)
    beside: Mapping[str, Path] = field(default_factory=dict)


# Keys of a part's statistics that the runner adds up for its report; they never reach a manifest.
ROWS, ROWS_REUSED = "n_rows", "n_rows_reused"


@final
@dataclass(frozen=True, slots=True)
class Output:
    """What one partition computed; arrays that are too much for the memory together are given one by one, or in pieces,
    and ``stats`` are complete after the last."""

    arrays: Mapping[str, Array] | Iterator[tuple[str, Array | Pieces]]
    stats: Mapping[str, Any] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True)
class Findings:
    """What the whole stage found out: counts, and qualities measured on held-out data."""

    stats: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What an estimate starts from: known from manifests, else guessed from a sample of the sources.

    ``n_edges`` are the stored arcs of the graph that the stage reads, ``n_links`` those of the graph read both ways,
    ``n_lines`` the edges of the source, a ``table`` (Parquet, a matrix) or text. ``part_nodes``, ``part_docs`` are the
    rows of a partition. Node features have ``n_feature_rows`` of ``n_features`` in a file of ``feature_bytes``.
    """

    n_nodes: int = 0
    n_edges: int = 0
    n_links: int = 0
    n_lines: int = 0
    table: bool = False
    directed: bool = True
    weighted: bool = False
    part_nodes: int = 16_384
    part_docs: int = 8_192
    n_docs: int = 0
    n_tokens: int = 0
    text_bytes: int = 0
    n_features: int = 0
    n_feature_rows: int = 0
    feature_bytes: int = 0
    feature_form: Literal["columns", "fields", "json"] = "columns"
    node_dim: int = 0
    doc_dim: int = 0


@final
@dataclass(frozen=True, slots=True)
class Estimate:
    """What a stage is expected to take on the machine its constants were measured on, a core of a Xeon of 2.6 GHz.

    Attributes
    ----------
    memory : bytes of one partition, or of the whole stage where it has none
    disk : bytes of the artifact
    seconds : of one core, all partitions together, or the whole stage where it has none
    n_parts : partitions, the most that can be computed at a time
    shared : bytes that all partitions read, mapped once per process
    assembling : bytes mapped and held while the parts are joined
    serial : seconds of joining and measuring, which no worker shares
    work : what kind of work it is, for the machine's speed
    kernels, compiling : a module of compiled loops, and the seconds to compile what the stage needs when numba's cache
        is empty
    """

    memory: int
    disk: int
    seconds: float
    n_parts: int = 1
    shared: int = 0
    assembling: int = 0
    serial: float = 0.0
    work: Work = "gather"
    kernels: str = ""
    compiling: float = 0.0


def unsplit(job: Job) -> list[list[Range]]:  # noqa: ARG001  # the signature of every split
    """The split of a stage that is all assembling."""
    return []


def no_partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """The partition of such a stage: never called."""
    raise AssertionError(f"nothing to compute for round {round_}, rows {start} to {stop} of {job.work}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One kind of artifact and how it is made. Raise ``code_version`` when equal input gives other bytes.

    ``compares`` names what the stage looks at to find what it may keep of its previous artifact: a role of its inputs,
    or a dotted one for an input of that input; empty for a stage that always computes everything.
    ``parallel`` says that there are partitions, which `Estimate` must know. ``row_bytes``
    is what a partition needs in memory per row, where its rows are nodes or documents. ``looks_back`` is how many
    rounds before its own a partition may read parts of.
    """

    kind: str
    kind_version: int
    code_version: int
    assemble: Callable[[Job, ArtifactWriter, list[list[Part]]], Findings]
    estimate: Callable[[Sizes, Mapping[str, Any]], Estimate]
    parallel: bool = False
    compares: tuple[str, ...] = ()
    split: Callable[[Job], list[list[Range]]] = unsplit
    partition: Callable[[Job, int, int, int], Output] = no_partition
    row_bytes: Callable[[Job], float] | None = None
    looks_back: int = 1


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A stage's work as it travels to the workers: names and numbers only, a few kilobytes.

    ``store`` is the store's address, ``cache`` and ``cache_limit`` where and how much of a far one a worker keeps;
    ``inputs``, ``previous`` and ``beside`` map a role to an artifact's name (see `Job`); ``program`` tells which code
    and libraries decide the bytes.
    """

    name: str
    stage: Stage
    digest: str
    store: str
    inputs: Mapping[str, str]
    sources: Mapping[str, str]
    params: Mapping[str, Any]
    part_nodes: int
    part_docs: int
    cache: str | None = None
    cache_limit: int | None = None
    program: str = ""
    previous: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)

    def open_store(self) -> Store:
        """The store, unchecked: whoever gave the order has looked."""
        return Store.at(self.store, cache=self.cache, cache_limit=self.cache_limit)

    def job(self, store: Store) -> Job:
        """The same with paths of this machine; what is far away is fetched."""
        return Job(
            inputs={role: store.bring(name) for role, name in self.inputs.items()},
            sources=self.sources,
            params=self.params,
            work=store.work_dir(self.digest),
            part_nodes=self.part_nodes,
            part_docs=self.part_docs,
            previous={role: store.bring(name) for role, name in self.previous.items()},
            beside={role: store.bring(name) for role, name in self.beside.items()},
        )
