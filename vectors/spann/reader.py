"""Reading lists and vectors where they lie on disk: through a memory map, or by parallel reads of what is asked.

A map is quick while the files fit the page cache. Reads ask the disk for all lists of a batch at a time and hold
nothing but those, so that the process's memory is that of the heads and the table.
"""

from __future__ import annotations

import mmap
import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, final

import numpy as np
import numpy.typing as npt

from foundation.errors import ArtifactCorrupt, ArtifactMissing, InvalidParams
from foundation.npy import read_npy_header
from foundation.threads import Crew, even_ranges
from vectors.metrics import Float32s, Int64s
from vectors.spann.postings import Table
from vectors.spann.regions import Int8s, Int32s

Reading = Literal["map", "read"]
READINGS: Final[tuple[Reading, ...]] = ("map", "read")
_READERS: Final = 16  # reads under way at a time: a disk answers many at once sooner than one after another


class Reader(ABC):
    """The list file and the vectors of an opened index; safe to use from several threads.

    ``batch`` is how many queries should be asked at a time.
    """

    batch: int

    @abstractmethod
    def lists(self, lists: Int32s) -> tuple[Int8s, Int64s]:
        """Blocks in memory, and where in them each of ``lists`` (n_queries, n_lists) begins; -1 begins nowhere."""

    @abstractmethod
    def vectors(self, rows: Int64s) -> tuple[Float32s, Int64s]:
        """Vectors in memory, float32 (n, dim), and where in them each of ``rows`` is; -1 is nowhere."""


def open_reader(reading: Reading, postings: Path, vectors: Path, table: Table) -> Reader:
    """Open both files.

    Raises
    ------
    InvalidParams
        For an unknown way of reading.
    ArtifactMissing, ArtifactCorrupt
        When a file is not there or is too short.
    """
    if reading not in READINGS:
        raise InvalidParams(name="reading", value=reading, allowed=", ".join(READINGS))
    try:
        header = read_npy_header(vectors)
        sizes = postings.stat().st_size, vectors.stat().st_size
    except FileNotFoundError as error:
        raise ArtifactMissing(path=str(error.filename), what="is not there", fix="build the index again") from error
    except ValueError as error:
        raise ArtifactCorrupt(path=str(vectors), what=str(error), fix="build the index again") from error
    n_rows, dim = header.shape
    if sizes[0] != table.n_bytes:
        what = f"holds {sizes[0]} bytes, {table.n_bytes} were written"
        raise ArtifactCorrupt(path=str(postings), what=what, fix="build the index again")
    if sizes[1] < header.offset + 4 * n_rows * dim:
        raise ArtifactCorrupt(path=str(vectors), what=f"ends before its {n_rows} rows do", fix="build the index again")
    kind: Callable[..., Reader] = _Mapped if reading == "map" else _Parallel
    return kind(postings, vectors, table, header.offset, n_rows, dim)


@final
class _Mapped(Reader):
    batch = 1024

    def __init__(self, postings: Path, vectors: Path, table: Table, offset: int, n_rows: int, dim: int) -> None:
        self._table = table
        self._data: Int8s = _mapped(postings, np.int8, 0, table.n_bytes)
        self._vectors: Float32s = _mapped(vectors, np.float32, offset, n_rows * dim).reshape(n_rows, dim)

    def lists(self, lists: Int32s) -> tuple[Int8s, Int64s]:
        return self._data, self._table.ats[np.maximum(lists, 0)]

    def vectors(self, rows: Int64s) -> tuple[Float32s, Int64s]:
        return self._vectors, rows


@final
class _Parallel(Reader):
    batch = 32  # their lists are in memory together

    def __init__(self, postings: Path, vectors: Path, table: Table, offset: int, n_rows: int, dim: int) -> None:
        del n_rows
        self._table = table
        self._offset = offset
        self._dim = dim
        self._postings, self._vectors = _File(postings), _File(vectors)

    def lists(self, lists: Int32s) -> tuple[Int8s, Int64s]:
        wanted = np.unique(lists[lists >= 0])  # one list is read once for all queries of a batch
        sizes = self._table.sizes(wanted)
        places = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
        data = np.empty(int(places[-1]), dtype=np.int8)
        room = memoryview(data.data)
        firsts = self._table.ats[wanted]

        def read(start: int, stop: int) -> None:
            for i in range(start, stop):
                self._postings.fill(room[places[i] : places[i + 1]], int(firsts[i]))

        with Crew(min(_READERS, wanted.size)) as crew:
            crew.run(read, even_ranges(wanted.size, max(1, wanted.size // (4 * _READERS))))
        data.flags.writeable = False
        where = np.searchsorted(wanted, lists)
        return data, places[np.minimum(where, max(0, wanted.size - 1))]

    def vectors(self, rows: Int64s) -> tuple[Float32s, Int64s]:
        wanted = np.unique(rows[rows >= 0])
        out = np.empty((wanted.size, self._dim), dtype=np.float32)
        row_bytes = 4 * self._dim
        room = memoryview(out.view(np.int8).data).cast("B") if out.size else memoryview(b"")

        def read(start: int, stop: int) -> None:
            for i in range(start, stop):
                self._vectors.fill(room[i * row_bytes : (i + 1) * row_bytes], self._offset + int(wanted[i]) * row_bytes)

        with Crew(min(_READERS, wanted.size)) as crew:
            crew.run(read, even_ranges(wanted.size, max(1, wanted.size // (4 * _READERS))))
        out.flags.writeable = False
        return out, np.searchsorted(wanted, rows)


@final
class _File:
    """A file open for reading until nobody holds this."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._number)
        if hasattr(os, "posix_fadvise"):  # macOS has none
            os.posix_fadvise(self._number, 0, 0, os.POSIX_FADV_RANDOM)

    def fill(self, room: memoryview, at: int) -> None:
        """Read exactly as much as there is room for."""
        done = 0
        while done < len(room):
            n = os.preadv(self._number, [room[done:]], at + done)
            if n == 0:
                what = "was cut while it was read"
                raise ArtifactCorrupt(path=str(self._path), what=what, fix="build the index again")
            done += n


def _mapped(path: Path, dtype: npt.DTypeLike, offset: int, size: int) -> npt.NDArray[Any]:
    """Read only and shared, so that nothing of it counts as the process's own memory."""
    if size == 0:
        return np.zeros(0, dtype=dtype)
    with path.open("rb") as file:
        room = mmap.mmap(file.fileno(), offset + size * np.dtype(dtype).itemsize, access=mmap.ACCESS_READ)
    room.madvise(mmap.MADV_RANDOM)
    return np.frombuffer(room, dtype=dtype, count=size, offset=offset)
