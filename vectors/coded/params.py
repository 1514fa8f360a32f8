"""What decides an index of codes, and which forms there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from foundation.errors import InvalidParams
from vectors.ann.params import parse_bytes
from vectors.metrics import METRICS

CodedKind = Literal["pq", "ivfpq", "rabitq"]
AskedKind = Literal["auto", "pq", "ivfpq", "rabitq"]
AskedStorage = Literal["float32", "float16", "int8", "codes"]

CODED: Final[tuple[CodedKind, ...]] = get_args(CodedKind)
STORAGES: Final[tuple[AskedStorage, ...]] = get_args(AskedStorage)  # widest first

COLUMNS: Final = 8  # that share a code of 8 bits: PQ-256-8 of arXiv:2405.19504, section 3.2
_NEEDED: Final = "inner_product"
_SCANNED: Final = 32 << 20  # bytes of float32 that a scan reads in some 3 ms


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedParams:
    """Equal params on equal encodings give equal bytes.

    Attributes
    ----------
    metric : "inner_product", the only one that encodings are compared by
    kind : "pq", a code of 8 bits for every 8 numbers (PQ-256-8), all of them scanned; "ivfpq", the same behind
        inverted lists; "rabitq", a bit for every number, scanned in registers; "auto" measures these and plain scans,
        and takes what finds the asked share of exact MaxSim's top 10 with the least work
    storage : "auto": widest form encodings may be kept in, "float32", "float16", "int8", or "codes" alone
    recall : share of exact MaxSim's top 10 asked for; None is that of ``[muvera]``
    memory : most bytes the index may take, a number or text such as "2 GB" or "512 MiB"; None sets no limit
    n_lists : lists of "ivfpq"; None takes about the square root of the number of documents
    seed : of the samples, the codebooks and the lists
    """

    metric: str = _NEEDED
    kind: AskedKind = "auto"
    storage: AskedStorage = "float32"
    recall: float | None = None
    memory: int | str | None = None
    n_lists: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.metric != _NEEDED:
            others = ", ".join(metric for metric in METRICS if metric != _NEEDED)
            raise InvalidParams(name="metric", value=self.metric, allowed=f"{_NEEDED!r}; encodings know no {others}")
        if self.kind not in get_args(AskedKind):
            raise InvalidParams(name="kind", value=self.kind, allowed=", ".join(map(repr, get_args(AskedKind))))
        if self.storage not in STORAGES:
            raise InvalidParams(name="storage", value=self.storage, allowed=", ".join(map(repr, STORAGES)))
        if self.recall is not None and not 0.0 < self.recall <= 1.0:
            raise InvalidParams(name="recall", value=self.recall, allowed="a share in (0, 1], or None")
        if self.n_lists is not None and self.n_lists < 1:
            raise InvalidParams(name="n_lists", value=self.n_lists, allowed="at least 1, or None")
        self.limit()

    def limit(self) -> int | None:
        """``memory`` in bytes."""
        return None if self.memory is None else parse_bytes(self.memory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One way to keep ``n`` encodings of ``dim`` numbers: "flat" keeps them whole, the other kinds are codes."""

    kind: Literal["flat", "pq", "ivfpq", "rabitq"]
    storage: AskedStorage
    n: int
    dim: int
    n_lists: int = 0

    @property
    def width(self) -> int:
        """Columns that are coded: ``dim``, and zeros to whole groups."""
        return self.dim + -self.dim % COLUMNS

    @property
    def code_bytes(self) -> int:
        """Of an encoding, without its number."""
        if self.kind == "flat":
            return self.dim * {"float32": 4, "float16": 2, "int8": 1}[self.storage]
        return self.width // COLUMNS + (8 if self.kind == "rabitq" else 0)  # two floats correct what bits estimate

    @property
    def n_bytes(self) -> int:
        """Of the whole index in memory."""
        size = self.n * (self.code_bytes + (8 if self.kind in ("flat", "ivfpq") else 0))
        if self.kind in ("pq", "ivfpq"):
            size += 4 * 256 * self.width
        return size + 4 * self.width * self.n_lists


def forms(n: int, dim: int, params: CodedParams) -> list[Form]:
    """Every form that ``params`` allow and whose bytes fit.

    Raises
    ------
    InvalidParams
        When none fits into ``memory``.
    """
    kinds = CODED if params.kind == "auto" else (params.kind,)
    found = [
        Form(kind=kind, storage="codes", n=n, dim=dim, n_lists=lists_of(n, params) if kind == "ivfpq" else 0)
        for kind in kinds
    ]
    if params.kind == "auto":
        plain = STORAGES[STORAGES.index(params.storage) : -1]
        found += [Form(kind="flat", storage=storage, n=n, dim=dim) for storage in plain]
    limit = params.limit()
    fitting = [form for form in found if limit is None or form.n_bytes <= limit]
    if not fitting:
        least = min(form.n_bytes for form in found)
        allowed = f"at least {least} bytes for {n} encodings of {dim} numbers, or None"
        raise InvalidParams(name="memory", value=params.memory, allowed=allowed)
    return fitting


def lists_of(n: int, params: CodedParams) -> int:
    """The power of two nearest to the square root, on a logarithmic scale, unless told."""
    if params.n_lists is not None:
        return max(1, min(params.n_lists, n))
    n_lists = 1
    while n_lists * n_lists * 2 < n:
        n_lists *= 2
    return n_lists


def is_open(n: int, dim: int, params: CodedParams) -> bool:
    """Whether there is something to choose: a few encodings are scanned as they are, where they may be."""
    plain = Form(kind="flat", storage="float32", n=n, dim=dim)
    limit = params.limit()
    fits = limit is None or plain.n_bytes <= limit
    return not (params.kind == "auto" and params.storage == "float32" and 4 * n * dim <= _SCANNED and fits)
