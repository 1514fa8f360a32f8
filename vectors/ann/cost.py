"""What a query costs, counted in work: so many products, rows read and lists opened, each at a fixed price.

A choice that decides bytes must not look at a clock, or a busy machine would build another index. The prices are
nanoseconds of one core of a Sapphire Rapids, from `benchmarks/bench_ann_prices.py`; the machine was busy with other
work, so only their proportions mean something. Those of products, of centroids and of floats scored again are from an
AMD EPYC, since those kernels became quicker; there the other prices hold too (docs/ann.md says how closely). They rank
forms of an index, and on another machine are off by about the factor it is faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vectors.ann.forms import BYTES_PER_VALUE, Kind, ListForm, Storage

_QUERY: Final = 10_000.0  # Python, allocation, the heap of the answer; a batch shares some of it
_LISTS_QUERY: Final = 1_000.0  # the same where lists answer, which takes less of it
_PRODUCT: Final = 0.05  # of the projection and of comparing with centroids
_CENTROID: Final = 2.0  # choosing the nearest
_WALKED: Final = 10  # vectors a graph compares for each place of its beam
# To fetch a vector from a random place: vectors of more bytes than a core keeps close by come from memory.
_CLOSE_BYTES: Final = 4 << 20
_FETCHED: Final = 115.0
_FAR_BYTES: Final = 128 << 20  # beyond, every fetch misses the last cache, and the table of its page is fetched too
_FETCHED_FAR: Final = 1_000.0
_RESCORED: Final[dict[Storage, float]] = {"float32": 0.3, "float16": 1.5, "int8": 1.5, "uint8": 0.02}  # per value
_WALKED_TO: Final = (35.0, 155.0)  # a vector of a graph, close by and from memory; its links are fetched too
_INSIDE: Final = 10.0  # a vector that a filter lets through, scored in the order they lie


@dataclass(frozen=True, slots=True, kw_only=True)
class _Price:
    """Of a list: to open it, and for each of its columns; of a vector in it: to look at it, and for each column; of a
    candidate: to keep it."""

    opened: float
    opened_column: float
    row: float
    row_column: float
    candidate: float


_LISTS: Final[dict[Kind, _Price]] = {
    "ivf": _Price(opened=50, opened_column=0, row=5, row_column=0.125, candidate=180),
    "ivfsq": _Price(opened=0, opened_column=0.6, row=0.3, row_column=0.042, candidate=27),
    "ivfpq": _Price(opened=1300, opened_column=8, row=0, row_column=0.006, candidate=45),
    "rabitq": _Price(opened=200, opened_column=4.1, row=1.5, row_column=0.016, candidate=160),
}


def rescored_cost(n_rows: float, dim: int, storage: Storage, n: int) -> float:
    """Nanoseconds of scoring some of ``n`` stored vectors exactly: each is fetched from a random place."""
    n_bytes = n * dim * BYTES_PER_VALUE[storage]
    fetched = 0.0 if n_bytes <= _CLOSE_BYTES else _FETCHED if n_bytes <= _FAR_BYTES else _FETCHED_FAR
    return n_rows * (fetched + dim * _RESCORED[storage])


def scan_cost(n: int, dim: int, storage: Storage) -> float:
    """Nanoseconds of comparing a query with all vectors, one query at a time."""
    return _QUERY + n * dim * (0.4 if storage == "float32" else 0.7)


def inside_cost(n_rows: int, dim: int, storage: Storage) -> float:
    """Nanoseconds of scoring exactly the vectors that a filter lets through, one after another."""
    return n_rows * (_INSIDE + dim * _RESCORED[storage])


def walk_cost(n: int, dim: int, storage: Storage, ef_search: int) -> float:
    """Nanoseconds of a walk through a graph of n vectors, and of scoring what it found."""
    reached = _WALKED_TO[n * dim * BYTES_PER_VALUE[storage] > _CLOSE_BYTES]
    vector = reached + dim * (0.12 if storage == "float32" else 0.4)
    return _QUERY + _WALKED * (ef_search + n.bit_length()) * vector


def projection_cost(n_values: int) -> float:
    """Nanoseconds of multiplying a query by a matrix of so many values."""
    return _PRODUCT * n_values


def list_cost(
    form: ListForm,
    dim: int,
    storage: Storage,
    n: int,
    *,
    n_probe: int,
    n_read: float,
    n_rescored: float,
    share: float = 1.0,
) -> float:
    """Nanoseconds of a query to lists of ``n`` vectors that opens ``n_probe`` of them, reads ``n_read`` vectors and
    scores ``n_rescored`` again, under a filter that ``share`` of the vectors pass.

    Of floats only those that pass are compared; of single bits more are kept, until enough of them pass.
    """
    price, width = _LISTS[form.kind], form.n_columns
    products = width * (form.n_lists + (dim if form.is_projected else 0))
    opened = n_probe * (price.opened + price.opened_column * width)
    read = n_read * (price.row + price.row_column * width * (share if form.kind == "ivf" else 1.0))
    kept = n_rescored * price.candidate / (share if form.kind == "rabitq" else 1.0)
    kept += rescored_cost(n_rescored, dim, storage, n)
    return _LISTS_QUERY + _PRODUCT * products + _CENTROID * form.n_lists + opened + read + kept
