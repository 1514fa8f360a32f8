"""What decides an index of nearest neighbours, and what is built when the choice is left open."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from foundation.errors import InvalidParams
from foundation.threads import even_ranges
from vectors.ann.forms import LISTED, STORAGES, AskedStorage, Kind, ListForm, Storage, index_bytes, list_form
from vectors.metrics import Metric, check_metric

AskedKind = Literal["auto", "flat", "hnsw", "ivf", "ivfsq", "ivfpq", "rabitq"]

KINDS: Final[tuple[AskedKind, ...]] = ("auto", "flat", "hnsw", "ivf", "ivfsq", "ivfpq", "rabitq")

# A scan reads about 10 GB a second and core: some 3 ms. Past that a graph answers sooner.
_SCANNED_BYTES: Final = 32 << 20
# Inner product is not a metric, and a graph over it needs a beam so wide that little is won: on 63,000 document
# encodings of 2,048 values recall@10 was .89 at ef_search = 512. So the scan is kept for longer.
_SCANNED_BYTES_INNER_PRODUCT: Final = 1 << 30

_UNITS: Final = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BINARY_UNITS: Final = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}


@dataclass(frozen=True, slots=True, kw_only=True)
class ANNParams:
    """Equal params on equal vectors give equal bytes.

    Attributes
    ----------
    metric : "l2", "inner_product" or "cosine"
    recall : recall@10 asked for, in (0, 1]
    memory : most bytes the index may take, a number or text such as "2 GB" or "512 MiB"; None sets no limit
    kind : "flat" scans everything; "hnsw" walks a graph; "ivf", "ivfsq", "ivfpq" and "rabitq" read some of many lists
        of floats, bytes, product codes or single bits and score the best again; "auto" scans what is small and takes
        the cheapest that reaches the targets of what is not
    storage : widest form vectors may be kept in: "float32", "float16" or "int8"; ``memory`` may narrow it
    m : links a point keeps on the upper levels of the graph, twice as many on the lowest
    ef_construction : width of the beam that looks for a new point's links
    shard_rows : rows a graph covers at most; more rows are several graphs, built side by side and all searched
    seed : of the points' levels, the lists and the choice of held-out queries
    latency : most microseconds of counted work for a query; None sets no limit
    n_lists : lists the n vectors are divided into; None takes about the square root of n, "ivfsq" n^(2/3) / 3 if more
    projection : columns that lists keep of the vectors, or that a graph is walked on; None takes what suits the kind
        (for a graph all), the full width projects nothing
    allow_missed : keep the best index even if it misses ``recall`` or ``latency``, instead of failing
    """

    metric: Metric = "cosine"
    recall: float = 0.95
    memory: int | str | None = None
    kind: AskedKind = "auto"
    storage: AskedStorage = "float32"
    m: int = 32
    ef_construction: int = 80
    shard_rows: int = 65_536
    seed: int = 0
    latency: float | None = None
    n_lists: int | None = None
    projection: int | None = None
    allow_missed: bool = False

    def __post_init__(self) -> None:
        check_metric(self.metric)
        if not 0.0 < self.recall <= 1.0:
            raise InvalidParams(name="recall", value=self.recall, allowed="a share in (0, 1]")
        if self.kind not in KINDS:
            raise InvalidParams(name="kind", value=self.kind, allowed=", ".join(KINDS))
        if self.storage not in STORAGES:
            raise InvalidParams(name="storage", value=self.storage, allowed=", ".join(STORAGES))
        if not 2 <= self.m <= 512:
            raise InvalidParams(name="m", value=self.m, allowed="2 to 512 links")
        if self.ef_construction < 1:
            raise InvalidParams(name="ef_construction", value=self.ef_construction, allowed="at least 1")
        if self.shard_rows < 1:
            raise InvalidParams(name="shard_rows", value=self.shard_rows, allowed="at least 1")
        if self.memory is not None:
            parse_bytes(self.memory)
        if self.latency is not None and not 0.0 < self.latency < float("inf"):
            raise InvalidParams(name="latency", value=self.latency, allowed="microseconds above 0, or None")
        for name in ("n_lists", "projection"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidParams(name=name, value=value, allowed="at least 1, or None")


_LATER: Final = ("latency", "n_lists", "projection", "allow_missed")


def stated(params: ANNParams) -> dict[str, Any]:
    """Params as they are written down and identify an index: later ones only where they differ from their default."""
    fields = dataclasses.asdict(params)
    default = dataclasses.asdict(ANNParams())
    return {name: value for name, value in fields.items() if name not in _LATER or value != default[name]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is built: ``n_bytes`` is an upper bound of its size, ``reason`` says why it was chosen."""

    kind: Kind
    storage: Storage
    n_bytes: int
    reason: str


def parse_bytes(size: int | str) -> int:
    """``2 GB`` is 2·10⁹ bytes, ``2 GiB`` 2·2³⁰; a plain number is bytes."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", str(size).lower())
    units = _UNITS | _BINARY_UNITS
    if found is None or found[2] not in units or float(found[1]) <= 0:
        raise InvalidParams(name="memory", value=size, allowed='bytes above 0, or text such as "2 GB" or "512 MiB"')
    return int(float(found[1]) * units[found[2]])


def shard_ranges(n: int, params: ANNParams) -> list[tuple[int, int]]:
    """Rows of each shard: ``shard_rows`` each, the last shorter; one empty shard when there are no rows.

    Lists are not cut: one set of them covers all rows.
    """
    if params.kind in LISTED:
        return [(0, n)]
    return even_ranges(n, params.shard_rows) or [(0, 0)]


def is_open(n: int, dim: int, params: ANNParams) -> bool:
    """Whether the kind is left open and the vectors are too many to scan: then candidates are measured."""
    return params.kind == "auto" and (4 * n * dim > _scanned_bytes(params) or params.latency is not None)


def _scanned_bytes(params: ANNParams) -> int:
    return _SCANNED_BYTES_INNER_PRODUCT if params.metric == "inner_product" else _SCANNED_BYTES


def form_of(kind: Kind, n: int, dim: int, params: ANNParams) -> ListForm | None:
    """The form of the lists of a kind that has them."""
    if kind not in LISTED:
        return None
    return list_form(kind, n, dim, n_lists=params.n_lists, n_columns=params.projection)


def plan(n: int, dim: int, params: ANNParams) -> Plan:
    """Choose kind and storage for n vectors; a function of its arguments alone.

    Where the choice `is_open` this is what would be built without measuring.

    Raises
    ------
    InvalidParams
        When nothing of the asked kind fits into ``memory``.
    """
    if params.kind == "auto":
        scanned = 4 * n * dim
        limit = _scanned_bytes(params)
        first: Kind = "flat" if scanned <= limit else "hnsw"
        size = f"{scanned / 2**20:.3g} MiB of vectors, a scan is kept up to {limit >> 20} MiB"
        kinds: list[Kind] = ["flat"] if first == "flat" else ["hnsw", "flat"]
        reason = f"auto: {size}"
    else:
        kinds, reason = [params.kind], "asked for"
    storages = STORAGES[STORAGES.index(params.storage) :]
    if params.memory is None:
        kind = kinds[0]
        n_bytes = index_bytes(n, dim, kind, params.storage, params.m, form_of(kind, n, dim, params), params.projection)
        return Plan(kind=kind, storage=params.storage, n_bytes=n_bytes, reason=reason)
    limit = parse_bytes(params.memory)
    for kind in kinds:
        for storage in storages:
            n_bytes = index_bytes(n, dim, kind, storage, params.m, form_of(kind, n, dim, params), params.projection)
            if n_bytes <= limit:
                fits = f"{reason}; widest form that fits {limit} bytes of memory"
                return Plan(kind=kind, storage=storage, n_bytes=n_bytes, reason=fits)
    needed = min(
        index_bytes(n, dim, kind, storages[-1], params.m, form_of(kind, n, dim, params), params.projection)
        for kind in kinds
    )
    raise InvalidParams(
        name="memory",
        value=params.memory,
        allowed=f"at least {needed} bytes for {n} vectors of {dim} values ({kinds[-1]}, {storages[-1]}), or None",
    )
