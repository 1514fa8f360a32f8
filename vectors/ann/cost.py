"""What a query costs, counted in work: so many products, rows read and lists opened, each at a fixed price.

A choice that decides bytes must not look at a clock, or a busy machine would build another index. The prices are
nanoseconds of one core of a Zen 4, from `benchmarks/bench_ann_prices.py`; the machine was busy with other work, so only
their proportions mean something. They rank forms of an index, and on another machine are off by about the factor it is
faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vectors.ann.forms import Kind, ListForm, Storage

_QUERY: Final = 10_000.0  # Python, allocation, the heap of the answer; a batch shares some of it
_LISTS_QUERY: Final = 3_000.0  # the same where lists answer, which takes less of it
_PRODUCT: Final = 0.045  # of the projection and of comparing with centroids
_CENTROID: Final = 2.5  # choosing the nearest
_WALKED: Final = 10  # vectors a graph compares for each place of its beam
# To gather a candidate and fetch its vector from a random place, and per value of it.
_CANDIDATE: Final = 100.0
_RESCORED: Final[dict[Storage, float]] = {"float32": 0.85, "float16": 1.5, "int8": 1.5, "uint8": 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Price:
    """Of a list: to open it, and for each of its columns; of a vector in it: to look at it, and for each column."""

    opened: float
    opened_column: float
    row: float
    row_column: float


_LISTS: Final[dict[Kind, _Price]] = {
    "ivf": _Price(opened=300, opened_column=0, row=4, row_column=0.11),
    "ivfsq": _Price(opened=50, opened_column=0, row=0.5, row_column=0.022),
    "ivfpq": _Price(opened=500, opened_column=5, row=2, row_column=0.002),
    "rabitq": _Price(opened=500, opened_column=20, row=2, row_column=0.01),
}


def rescored_cost(n_rows: float, dim: int, storage: Storage) -> float:
    """Nanoseconds of scoring some stored vectors exactly: each is fetched from a random place, then its values."""
    return n_rows * (_CANDIDATE + dim * _RESCORED[storage])


def scan_cost(n: int, dim: int, storage: Storage) -> float:
    """Nanoseconds of comparing a query with all vectors, one query at a time."""
    return _QUERY + n * dim * (0.4 if storage == "float32" else 0.7)


def walk_cost(n: int, dim: int, storage: Storage, ef_search: int) -> float:
    """Nanoseconds of a walk through a graph of n vectors, and of scoring what it found."""
    return _QUERY + _WALKED * (ef_search + n.bit_length()) * (80 + dim * (0.12 if storage == "float32" else 0.4))


def projection_cost(n_values: int) -> float:
    """Nanoseconds of multiplying a query by a matrix of so many values."""
    return _PRODUCT * n_values


def list_cost(form: ListForm, dim: int, storage: Storage, *, n_probe: int, n_read: float, n_rescored: float) -> float:
    """Nanoseconds of a query that opens ``n_probe`` lists, reads ``n_read`` vectors and scores ``n_rescored`` again."""
    price, width = _LISTS[form.kind], form.n_columns
    products = width * (form.n_lists + (dim if form.is_projected else 0))
    opened = n_probe * (price.opened + price.opened_column * width)
    read = n_read * (price.row + price.row_column * width)
    return (
        _LISTS_QUERY
        + _PRODUCT * products
        + _CENTROID * form.n_lists
        + opened
        + read
        + rescored_cost(n_rescored, dim, storage)
    )
