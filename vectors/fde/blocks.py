"""Which rows of a table the tokens of some documents use, so that each is hashed and projected once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from foundation.threads import balanced_ranges
from vectors.tokens.multivector import MultiVectors

Int32s = npt.NDArray[np.int32]


def blocks_of_rows(sets: MultiVectors, max_rows: int) -> Iterator[tuple[int, int, npt.NDArray[np.intp], Int32s]]:
    """Ranges of whole documents, each with the table rows its tokens use and their ranks: ``max_rows`` if it can."""
    assert sets.codes is not None
    used, rank = _distinct(sets.codes, sets.vectors.shape[0])
    if used.size <= max_rows:
        yield 0, sets.n_docs, used, rank
        return
    for start, stop in balanced_ranges(sets.offsets, max_rows):
        first, last = int(sets.offsets[start]), int(sets.offsets[stop])
        yield start, stop, *_distinct(sets.codes[first:last], sets.vectors.shape[0])


def _distinct(codes: Int32s, n_rows: int) -> tuple[npt.NDArray[np.intp], Int32s]:
    """Rows of the table that some token uses, ascending, and the place of every table row among them."""
    is_used = np.zeros(n_rows, dtype=np.bool_)
    is_used[codes] = True
    return np.flatnonzero(is_used), np.cumsum(is_used, dtype=np.int32) - np.int32(1)
