"""Building the files of an index by ranges of rows and of lists, within a memory budget.

1. `store_vectors`  rows are checked, scaled and written; equal ones are found by their hashes.
2. `choose_heads`   heads are drawn or clustered, and put into cells (`vectors.spann.heads`).
3. `assign_range`   every row enters the lists of its nearest heads, thinned out; a range of rows is a part on disk.
4. `merged`         parts are merged into the list file, a range of lists at a time (`vectors.spann.postings`).

Ranges depend on the budget and the bytes do not.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.npy import open_npy
from foundation.threads import even_ranges, in_order, run_ranges
from vectors.ann.params import parse_bytes
from vectors.kernels.spann_clusters import hash_rows
from vectors.metrics import Float32s, Int64s, Metric, check_matrix, parse_rows, row_norms
from vectors.spann.files import LISTS, VECTORS, write_arrays
from vectors.spann.heads import Heads, choose_heads
from vectors.spann.params import SpannParams
from vectors.spann.postings import Part, Table, assign_range, list_ranges, merged, table_of
from vectors.spann.space import Space

_LEAST_ROWS, _MOST_ROWS = 256, 1 << 16  # of a range
_MOST_BYTES: Final = 64 << 20  # of the list file merged at a time
_LARGEST: Final = 2**31 - 1

Hashes = npt.NDArray[np.uint64]


def build_files(
    vectors: npt.NDArray[Any], directory: Path, params: SpannParams, memory: int | str, n_threads: int
) -> tuple[Heads, Table, Int64s, Int64s, Int64s]:
    """Write all but the description into an empty ``directory``; returns what `vectors.spann.finish.finish` takes.

    Raises
    ------
    InvalidInput
        For a row that is not finite, too long, or beyond the 2³¹ - 1 that lists can name.
    InvalidParams
        For too little ``memory``.
    """
    check_vectors(vectors)
    n, dim = vectors.shape
    n_rows = rows_per_range(n, dim, params, memory, n_threads)
    hashes, longest = store_vectors(vectors, directory / VECTORS, params.metric, n_rows, n_threads)
    stored = open_npy(directory / VECTORS)

    def take(rows: Int64s) -> Float32s:
        return np.array(stored[rows])

    copies, distinct = find_copies(hashes, take, n_rows)
    space = Space.drawn(params.metric, dim, longest, params.seed)
    head_rows = choose_heads(take, distinct, space, params)
    heads = Heads.build(space.rows(take(head_rows)), space, params.seed)
    parts = list(_parts(stored, distinct, heads, params, directory / "parts", n_rows, n_threads))
    table = write_lists(directory / LISTS, parts, params, heads, n_rows, n_threads)
    del parts
    shutil.rmtree(directory / "parts")
    write_arrays(directory, heads, table, copies)
    return heads, table, copies, distinct, head_rows


def check_vectors(vectors: npt.NDArray[Any]) -> None:
    """Refuse what is no matrix of real numbers, or has more rows than lists can name.

    Raises
    ------
    InvalidInput
    """
    check_matrix(vectors)
    if vectors.shape[0] > _LARGEST:
        what = f"{vectors.shape[0]} rows, lists name at most {_LARGEST}"
        raise InvalidInput(source="vectors", what=what, fix="build several indexes")


def rows_per_range(n: int, dim: int, params: SpannParams, memory: int | str, n_threads: int) -> int:
    """Rows a thread works on at a time, so that all of it stays within ``memory``.

    Raises
    ------
    InvalidParams
        When ``memory`` does not hold what must be held at once.
    """
    allowed = parse_bytes(memory)
    n_heads = params.n_heads(max(1, n), dim)
    clustered = min(n, max(n_heads, params.sample)) if params.heads == "balanced" else n_heads
    fixed = 34 * n + n_heads * (2 * dim + 128) + 12 * clustered * (dim + 16)
    per_row = row_bytes(dim, params)
    n_rows = (allowed - fixed) // (per_row * max(1, n_threads))
    if n_rows < _LEAST_ROWS:
        needed = fixed + _LEAST_ROWS * per_row * max(1, n_threads)
        raise InvalidParams(
            name="memory", value=memory, allowed=f"at least {needed} bytes for {n} rows of {dim} values"
        )
    return min(n_rows, _MOST_ROWS)


def row_bytes(dim: int, params: SpannParams) -> int:
    """Memory that a row of a range takes while it enters its lists."""
    return 16 * (dim + 16) + 2 * params.replicas * (dim + 32) + 4 * params.candidates


def hash_range(vectors: npt.NDArray[Any], start: int, stop: int, metric: Metric) -> tuple[Hashes, float, Float32s]:
    """Of rows [start, stop): hashes, the squared length of the longest, and the rows as searches compare them."""
    rows = parse_rows(vectors, start, stop, metric)
    hashes = np.zeros(stop - start, dtype=np.uint64)
    hash_rows(rows.view(np.uint32), hashes)
    return hashes, float(row_norms(rows).max(initial=0.0)), rows


def store_vectors(
    vectors: npt.NDArray[Any], path: Path, metric: Metric, n_rows: int, n_threads: int
) -> tuple[Hashes, float]:
    """Write the rows as searches compare them; returns a hash of each, and the length of the longest."""
    n, dim = vectors.shape
    ranges = even_ranges(n, n_rows)
    hashes = np.zeros(n, dtype=np.uint64)
    longest = np.zeros(len(ranges))
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (n, dim)}
        np.lib.format.write_array_header_1_0(file, header)
        offset = file.tell()
        file.truncate(offset + 4 * n * dim)

    def store(start: int, stop: int) -> None:
        hashes[start:stop], longest[start // n_rows], rows = hash_range(vectors, start, stop, metric)
        with path.open("r+b") as own:
            own.seek(offset + 4 * start * dim)
            own.write(rows.data)

    run_ranges(store, ranges, n_threads)
    return hashes, float(np.sqrt(longest.max(initial=0.0)))


def find_copies(hashes: Hashes, take: Callable[[Int64s], Float32s], n_rows: int) -> tuple[Int64s, Int64s]:
    """Rows equal to an earlier one, int64 (n_copies, 2) of (first row, row), sorted; and all other rows, ascending.

    ``take`` gives rows by number, ``n_rows`` at a time.
    """
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    begins = np.concatenate((np.ones(min(1, ordered.size), dtype=np.bool_), ordered[1:] != ordered[:-1]))
    first = order[np.maximum.accumulate(np.where(begins, np.arange(order.size), 0))]
    first, repeated = first[~begins], order[~begins]
    is_equal = np.zeros(repeated.size, dtype=np.bool_)
    for start, stop in even_ranges(repeated.size, n_rows):  # equal hashes do not prove it
        is_equal[start:stop] = (take(first[start:stop]) == take(repeated[start:stop])).all(axis=1)
    copies = np.stack((first[is_equal], repeated[is_equal]), axis=1)
    copies = copies[np.lexsort((copies[:, 1], copies[:, 0]))]
    is_distinct = np.ones(hashes.size, dtype=np.bool_)
    is_distinct[copies[:, 1]] = False
    return copies, np.flatnonzero(is_distinct)


def _parts(
    stored: Float32s,
    distinct: Int64s,
    heads: Heads,
    params: SpannParams,
    directory: Path,
    n_rows: int,
    n_threads: int,
) -> Iterator[Part]:
    """The lists' rows by ranges of distinct rows, on disk."""
    directory.mkdir()
    origins = heads.vectors()

    def make(bounds: tuple[int, int]) -> Path:
        rows = distinct[bounds[0] : bounds[1]]
        path = directory / str(bounds[0])
        assign_range(np.array(stored[rows]), rows, heads, origins, params).save(path)
        return path

    for path in in_order(make, even_ranges(distinct.size, n_rows), n_threads):
        yield Part.open(path)


def write_lists(path: Path, parts: list[Part], params: SpannParams, heads: Heads, n_rows: int, n_threads: int) -> Table:
    """Merge the parts into one file."""
    block_bytes = heads.space.block_bytes
    if not parts:
        path.write_bytes(b"")
        return Table.placed(np.zeros(0, dtype=np.int32), block_bytes)
    table = table_of(parts, params.list_limit, block_bytes)
    with path.open("wb") as file:
        file.truncate(table.n_bytes)

    def write(start: int, stop: int) -> None:
        first, data = merged(parts, table, params.list_limit, start, stop)
        with path.open("r+b") as own:
            own.seek(first)
            own.write(data.data)

    run_ranges(write, list_ranges(table, min(_MOST_BYTES, n_rows * block_bytes // 16)), n_threads)
    return table
