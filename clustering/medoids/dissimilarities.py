"""Dissimilarities, asked for in blocks: rows of a matrix that need not exist as a whole.

Row m holds the dissimilarity of the candidate m to every object; it is what an object pays when m is its medoid. Where
that is not symmetric, this is the direction that counts; pass ``matrix.T`` for the other one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from clustering.kernels.medoid_starts import first_not_finite
from clustering.sets import frozen
from foundation.errors import InvalidInput
from foundation.memory import written_once
from foundation.threads import even_ranges, run_ranges

Rows = npt.NDArray[Any]  # float32 or float64
Int64s = npt.NDArray[np.int64]
Chosen = slice | Int64s
"""Objects by position: a range with step 1, or positions in any order."""

# Rows computed at a time. The allocator keeps pieces of this size; larger ones are new pages every time, which cost
# more than the distances in them.
BLOCK_BYTES: Final = 8 << 20
_MOST_ROWS: Final = 512  # so that there are blocks enough for threads
EVERY: Final = slice(None)


class Dissimilarities(ABC):
    """Finite dissimilarities among ``len(self)`` objects; an entry never depends on the block it is asked in."""

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """Of the rows: float32 or float64."""

    @abstractmethod
    def rows(self, candidates: Chosen, objects: Chosen = EVERY) -> Rows:
        """C-contiguous, read-only, (n_candidates, n_objects): entry [i, j] of candidate i to object j."""


@final
class Matrix(Dissimilarities):
    """A whole matrix (n, n), in memory or mapped, used where it lies.

    Raises
    ------
    InvalidInput
        When it is not square, not of float32 or float64 (integers and float16 are converted, which copies), has no
        rows, or holds a NaN or an infinity. Negative numbers and a diagonal that is not 0 are taken as they are.
    """

    def __init__(self, matrix: npt.NDArray[Any], *, n_threads: int = 1) -> None:
        given = np.asarray(matrix)
        if given.ndim != 2 or given.shape[0] != given.shape[1] or given.dtype.kind not in "fiu" or not given.size:
            raise InvalidInput(
                source="dissimilarities",
                what=f"{given.dtype} of shape {given.shape} is no square matrix of numbers",
                fix="pass float32 or float64 of shape (n, n), n >= 1",
            )
        if given.dtype not in (np.float32, np.float64):
            given = given.astype(np.float32 if given.dtype == np.float16 else np.float64)
        self._matrix = frozen(given)
        _check_finite(self._matrix, n_threads)

    def __len__(self) -> int:
        return int(self._matrix.shape[0])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._matrix.dtype

    def rows(self, candidates: Chosen, objects: Chosen = EVERY) -> Rows:
        if isinstance(candidates, slice) or isinstance(objects, slice):
            return frozen(self._matrix[candidates, objects])
        return frozen(self._matrix[np.ix_(candidates, objects)])


def numbers(chosen: Chosen, n: int) -> Int64s:
    """The positions that are meant, of ``n``."""
    return np.arange(n, dtype=np.int64)[chosen]


def room(n_candidates: int, n_objects: int) -> npt.NDArray[np.float32]:
    """Memory for rows, each written once in order."""
    shape = n_candidates, n_objects
    return written_once(shape, np.float32) if 4 * n_candidates * n_objects > 2 * BLOCK_BYTES else np.empty(shape, "f4")


def blocks(dissimilarities: Dissimilarities) -> list[tuple[int, int]]:
    """All rows in ranges whose rows fit into `BLOCK_BYTES`."""
    n = len(dissimilarities)
    return even_ranges(n, min(_MOST_ROWS, max(1, BLOCK_BYTES // (n * dissimilarities.dtype.itemsize))))


def _check_finite(matrix: Rows, n_threads: int) -> None:
    def check(start: int, stop: int) -> None:
        row, column = first_not_finite(matrix, start, stop)
        if row >= 0:
            raise InvalidInput(
                source="dissimilarities",
                what=f"{matrix[row, column]} at row {row}, column {column}",
                fix="pass finite numbers; for pairs that cannot be compared one that is larger than all others",
            )

    run_ranges(check, even_ranges(len(matrix), 256), n_threads)
