"""Arrays that wait on disk while others are made, in a file without a name: it is gone with its process."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, final

import numpy as np
import numpy.typing as npt


@final
class Place(NamedTuple):
    """Where an array of one axis waits."""

    offset: int
    size: int
    dtype: np.dtype[Any]


@final
class Spill:
    """One file in ``folder``; an array got from it is mapped, and stays when the file is closed."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `__exit__`
        self._n_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, array: npt.NDArray[Any]) -> Place:
        """Write an array of one axis."""
        place = Place(self._n_bytes, array.size, array.dtype)
        if array.size:
            self._file.write(np.ascontiguousarray(array).view(np.uint8).data)
        self._n_bytes += array.nbytes
        return place

    def get(self, place: Place) -> npt.NDArray[Any]:
        """Map it, copy-on-write as parts are mapped: kernels see the array type they were compiled for."""
        if not place.size:
            return np.empty(0, dtype=place.dtype)
        self._file.flush()
        mapped = np.memmap(self._file, place.dtype, mode="c", offset=place.offset, shape=(place.size,))
        return np.asarray(mapped)
