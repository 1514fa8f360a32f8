"""Strings in two arrays, so that they can be saved as ``.npy`` and memory-mapped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from foundation.ids import decoded


class Texts(Protocol):
    """What a corpus asks of its texts."""

    @property
    def blob(self) -> npt.NDArray[np.uint8]: ...
    @property
    def offsets(self) -> npt.NDArray[np.int64]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, row: Any) -> Any: ...
    def rows(self, start: int, stop: int) -> list[str]: ...


class TextBlob(Sequence[str]):
    """Strings laid end to end: row i is ``blob[offsets[i]:offsets[i + 1]]``, UTF-8. uint8 and int64 (n + 1,)."""

    def __init__(self, blob: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> None:
        self.blob = blob
        self.offsets = offsets

    @classmethod
    def from_bytes(cls, rows: Sequence[bytes]) -> TextBlob:
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        return cls(np.frombuffer(b"".join(rows), dtype=np.uint8), offsets)

    def __len__(self) -> int:
        return self.offsets.size - 1

    def __getitem__(self, row: Any) -> Any:
        """The string of a row, or the list of a slice of rows."""
        if isinstance(row, slice):
            start, stop, step = row.indices(len(self))
            return self.rows(start, stop)[::step] if step > 0 else [self[index] for index in range(start, stop, step)]
        if not 0 <= row < len(self):
            raise IndexError(row)
        return self.blob[self.offsets[row] : self.offsets[row + 1]].tobytes().decode()

    def take(self, rows: Sequence[int] | npt.NDArray[Any]) -> list[str]:
        """Strings of many rows, which are there."""
        return decoded(self.blob, self.offsets, rows)

    def rows(self, start: int, stop: int) -> list[str]:
        """Strings ``start:stop``, read in one piece."""
        if stop <= start:
            return []
        cuts = np.asarray(self.offsets[start : stop + 1] - self.offsets[start]).tolist()
        data = self.blob[self.offsets[start] : self.offsets[stop]].tobytes()
        return [data[cuts[i] : cuts[i + 1]].decode() for i in range(stop - start)]
