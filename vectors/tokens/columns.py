"""Token vectors that come with the data: lists of lists out of JSON or Parquet, as `MultiVectors`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from vectors.tokens.multivector import MultiVectors

_FIX = "every document needs a list of vectors, all of one length and finite"


def vectors_from_lists(rows: Sequence[Any], *, source: str, column: str) -> MultiVectors:
    """One list of equally long lists of numbers per document; None and the empty list are a document without vectors.

    Raises
    ------
    InvalidInput
        Names the first document (counted from 1) that is no such list, differs in width or holds what is not finite;
        or when no document has a vector.
    """
    arrays = [check_token_list(value, source=source, column=column, number=row + 1) for row, value in enumerate(rows)]
    widths = {tokens.shape[1]: row for row, tokens in reversed(list(enumerate(arrays))) if tokens.size}
    if not widths:
        raise InvalidInput(source=source, what=f"no document has a vector in {column!r}", fix=_FIX)
    if len(widths) > 1:
        (width, _), (other, row), *_ = sorted(widths.items(), key=lambda item: item[1])
        what = f"{column!r} holds vectors of {width} numbers, and of {other} in document {row + 1}"
        raise InvalidInput(source=source, what=what, fix=_FIX)
    return MultiVectors.from_list(arrays)


def check_token_list(value: Any, *, source: str, column: str, number: int) -> npt.NDArray[np.float32]:
    """One document's vectors as float32 (n_tokens, dim), (0, 0) when there are none; raises as `vectors_from_lists`."""
    try:
        tokens = np.asarray([] if value is None else value)
    except ValueError:  # rows of unequal length
        tokens = np.zeros(1, dtype=np.str_)
    if tokens.size == 0:
        return np.zeros((0, 0), dtype=np.float32)
    if tokens.ndim != 2 or tokens.dtype.kind not in "fiu":
        what = f"{column!r} of document {number} is not a list of equally long lists of numbers"
        raise InvalidInput(source=source, what=what, fix=_FIX)
    with np.errstate(over="ignore"):
        single = tokens.astype(np.float32)
    if not np.isfinite(single).all():
        what = f"{column!r} of document {number} holds a value that is not finite as float32"
        raise InvalidInput(source=source, what=what, fix=_FIX)
    return single


def take_documents(vectors: MultiVectors, docs: npt.NDArray[np.int64]) -> MultiVectors:
    """Documents ``docs`` in that order, in the layout they have; ``vectors`` itself when they are all of them."""
    if docs.size == vectors.n_docs and bool((docs == np.arange(docs.size)).all()):
        return vectors
    starts, lengths = vectors.offsets[:-1][docs], np.diff(vectors.offsets)[docs]
    offsets = np.zeros(docs.size + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    tokens = np.arange(offsets[-1], dtype=np.int64) + np.repeat(starts - offsets[:-1], lengths)
    if vectors.codes is not None:
        return MultiVectors(vectors=vectors.vectors, offsets=offsets, codes=vectors.codes[tokens])
    return MultiVectors(vectors=vectors.vectors[tokens], offsets=offsets)
