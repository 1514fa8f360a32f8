"""What decides an index of nearest neighbours, and what is built when the choice is left open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from foundation.errors import InvalidParams
from foundation.threads import even_ranges
from vectors.metrics import Metric, check_metric

AskedKind = Literal["auto", "flat", "hnsw"]
Kind = Literal["flat", "hnsw"]
Storage = Literal["float32", "float16", "int8"]

KINDS: Final[tuple[AskedKind, ...]] = ("auto", "flat", "hnsw")
BYTES_PER_VALUE: Final[dict[Storage, int]] = {"float32": 4, "float16": 2, "int8": 1}  # widest first

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
    kind : "flat" scans everything; "hnsw" walks a graph; "auto" takes whichever suits the size (see `plan`)
    storage : widest form vectors may be kept in: "float32", "float16" or "int8"; ``memory`` may narrow it
    m : links a point keeps on the upper levels of the graph, twice as many on the lowest
    ef_construction : width of the beam that looks for a new point's links
    shard_rows : rows a graph covers at most; more rows are several graphs, built side by side and all searched
    seed : of the points' levels and of the choice of held-out queries
    """

    metric: Metric = "cosine"
    recall: float = 0.95
    memory: int | str | None = None
    kind: AskedKind = "auto"
    storage: Storage = "float32"
    m: int = 32
    ef_construction: int = 80
    shard_rows: int = 65_536
    seed: int = 0

    def __post_init__(self) -> None:
        check_metric(self.metric)
        if not 0.0 < self.recall <= 1.0:
            raise InvalidParams(name="recall", value=self.recall, allowed="a share in (0, 1]")
        if self.kind not in KINDS:
            raise InvalidParams(name="kind", value=self.kind, allowed=", ".join(KINDS))
        if self.storage not in BYTES_PER_VALUE:
            raise InvalidParams(name="storage", value=self.storage, allowed=", ".join(BYTES_PER_VALUE))
        if not 2 <= self.m <= 512:
            raise InvalidParams(name="m", value=self.m, allowed="2 to 512 links")
        if self.ef_construction < 1:
            raise InvalidParams(name="ef_construction", value=self.ef_construction, allowed="at least 1")
        if self.shard_rows < 1:
            raise InvalidParams(name="shard_rows", value=self.shard_rows, allowed="at least 1")
        if self.memory is not None:
            parse_bytes(self.memory)


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
    """Rows of each shard: ``shard_rows`` each, the last shorter; one empty shard when there are no rows."""
    return even_ranges(n, params.shard_rows) or [(0, 0)]


def index_bytes(n: int, dim: int, kind: Kind, storage: Storage, m: int) -> int:
    """Bytes of an index in memory, when no two vectors are equal.

    A vector's values and its 8-byte id; per point of a graph 2·m links of 4 bytes on the lowest level, m on
    each higher one (one point in m - 1 on average has one), an 8-byte offset and a 4-byte level.
    """
    links = int(4 * (2 * m + m / (m - 1))) + 12 if kind == "hnsw" else 0
    return n * (dim * BYTES_PER_VALUE[storage] + 8 + links)


def plan(n: int, dim: int, params: ANNParams) -> Plan:
    """Choose kind and storage for n vectors; a function of its arguments alone.

    Raises
    ------
    InvalidParams
        When nothing of the asked kind fits into ``memory``.
    """
    if params.kind == "auto":
        scanned = 4 * n * dim
        limit = _SCANNED_BYTES_INNER_PRODUCT if params.metric == "inner_product" else _SCANNED_BYTES
        first: Kind = "flat" if scanned <= limit else "hnsw"
        size = f"{scanned / 2**20:.3g} MiB of vectors, a scan is kept up to {limit >> 20} MiB"
        kinds: list[Kind] = ["flat"] if first == "flat" else ["hnsw", "flat"]
        reason = f"auto: {size}"
    else:
        kinds, reason = [params.kind], "asked for"
    storages = list(BYTES_PER_VALUE)[list(BYTES_PER_VALUE).index(params.storage) :]
    if params.memory is None:
        kind = kinds[0]
        n_bytes = index_bytes(n, dim, kind, params.storage, params.m)
        return Plan(kind=kind, storage=params.storage, n_bytes=n_bytes, reason=reason)
    limit = parse_bytes(params.memory)
    for kind in kinds:
        for storage in storages:
            n_bytes = index_bytes(n, dim, kind, storage, params.m)
            if n_bytes <= limit:
                fits = f"{reason}; widest form that fits {limit} bytes of memory"
                return Plan(kind=kind, storage=storage, n_bytes=n_bytes, reason=fits)
    needed = min(index_bytes(n, dim, kind, storages[-1], params.m) for kind in kinds)
    raise InvalidParams(
        name="memory",
        value=params.memory,
        allowed=f"at least {needed} bytes for {n} vectors of {dim} values ({kinds[-1]}, {storages[-1]}), or None",
    )
