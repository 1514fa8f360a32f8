"""Encoded documents put together from those that are kept and those encoded anew: equal to encoding all of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vectors.encoders.encoded import LEFT_OUT, Encoded
from vectors.tokens.multivector import MultiVectors

Int64s = npt.NDArray[np.int64]


def merged(old: Encoded, rows: Int64s, fresh: Encoded, n_shared: int) -> Encoded:
    """Document i is document ``rows[i]`` of ``old``, or where that is -1 the next one of ``fresh``.

    Both are plain, or both are coded by one table of ``n_shared`` rows, after which come rows of the documents' own.
    """
    is_kept = rows >= 0
    starts, lengths = np.empty(rows.size, dtype=np.int64), np.empty(rows.size, dtype=np.int64)
    counts = np.empty((rows.size, len(LEFT_OUT)), dtype=np.int32)
    for mine, encoded, docs in ((is_kept, old, rows[is_kept]), (~is_kept, fresh, np.arange(fresh.vectors.n_docs))):
        offsets = encoded.vectors.offsets
        starts[mine] = offsets[docs]
        lengths[mine] = offsets[docs + 1] - offsets[docs]
        counts[mine] = encoded.left_out[docs]
    offsets = np.zeros(rows.size + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    tokens = np.arange(offsets[-1], dtype=np.int64) + np.repeat(starts - offsets[:-1], lengths)
    is_old = np.repeat(is_kept, lengths)
    if old.vectors.codes is None or fresh.vectors.codes is None:
        rows_of_tokens = _gathered(old.vectors, fresh.vectors, tokens, is_old)
        return Encoded(vectors=MultiVectors(vectors=rows_of_tokens, offsets=offsets), left_out=counts)
    codes = np.empty(tokens.size, dtype=np.int32)
    codes[is_old] = old.vectors.codes[tokens[is_old]]
    codes[~is_old] = fresh.vectors.codes[tokens[~is_old]]
    is_own = codes >= n_shared
    own = _gathered(old.vectors, fresh.vectors, codes[is_own].astype(np.int64), is_old[is_own])
    codes[is_own] = n_shared + np.arange(own.shape[0], dtype=np.int32)
    table = old.vectors.vectors[:n_shared]
    vectors = MultiVectors(vectors=np.concatenate((table, own)), offsets=offsets, codes=codes)
    return Encoded(vectors=vectors, left_out=counts)


def _gathered(
    old: MultiVectors, fresh: MultiVectors, rows: Int64s, is_old: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Rows of either table, in order."""
    out = np.empty((rows.size, old.dim), dtype=np.float32)
    out[is_old] = old.vectors[rows[is_old]]
    out[~is_old] = fresh.vectors[rows[~is_old]]
    return out
