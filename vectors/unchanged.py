"""Documents and vectors that are what they were, compared byte for byte."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.matching import equal_texts, matching_rows
from foundation.threads import even_ranges
from vectors.corpus.types import Corpus
from vectors.kernels.tokens import keep_same_tokens
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import TokenSets

Int64s = npt.NDArray[np.int64]

_ROWS_AT_ONCE: Final = 4_096


def unchanged_texts(old: Corpus, new: Corpus, start: int, stop: int) -> Int64s:
    """Row of ``old`` that has both the id and the text of each row ``start:stop`` of ``new``, or -1; int64."""
    rows = matching_rows(old.ids, new.ids, start, stop)
    before, after = old.text_blob, new.text_blob
    return equal_texts((before.blob, before.offsets), (after.blob, after.offsets), rows, start)


def unchanged_tokens(old: TokenSets, new: TokenSets, rows: Int64s, start: int) -> Int64s:
    """``rows`` where document ``rows[i]`` of ``old`` has the tokens of document ``start + i`` of ``new``; else -1.

    Vectors are compared, not codes: they decide the encoding, and codes may be numbered anew. Packed ones are not
    compared and count as changed.
    """
    if not (isinstance(old, MultiVectors) and isinstance(new, MultiVectors)):
        return np.full_like(rows, -1)
    if old.dim != new.dim or (old.codes is None) != (new.codes is None):
        return np.full_like(rows, -1)
    kept = rows.copy()
    none = np.empty(0, dtype=np.int32)
    coded = old.codes is not None
    keep_same_tokens(
        old.vectors.view(np.uint32),
        none if old.codes is None else old.codes,
        old.offsets,
        new.vectors.view(np.uint32),
        none if new.codes is None else new.codes,
        new.offsets[start : start + rows.size + 1],
        coded,
        np.zeros(min(old.vectors.shape[0], new.vectors.shape[0]) if coded else 0, dtype=np.int8),
        kept,
    )
    return kept


def equal_rows(old: npt.NDArray[Any], new: npt.NDArray[Any], start: int, stop: int) -> bool:
    """Whether rows ``start:stop`` of two matrices of one type and width are there in both and equal byte for byte."""
    if old.shape[0] < stop:
        return False
    for first, last in even_ranges(stop - start, _ROWS_AT_ONCE):
        before, now = (np.ascontiguousarray(rows[start + first : start + last]).view(np.uint8) for rows in (old, new))
        if not np.array_equal(before, now):
            return False
    return True
