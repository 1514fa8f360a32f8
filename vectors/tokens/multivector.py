"""Ragged token vectors: one set of vectors per document or query.

Two layouts share one type. *Plain*: ``vectors`` holds one row per token, ``offsets`` cuts it into documents.
*Coded*: ``codes`` holds one row number per token and ``vectors`` is a table of the distinct rows, as a
static encoder yields them; ``offsets`` then cuts ``codes``. Coded storage is lossless and costs
4 bytes a token instead of 4 · dim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MultiVectors:
    """``n_docs`` sets of token vectors.

    Attributes
    ----------
    vectors : float32, shape (n_rows, dim), C-contiguous, finite; n_rows is n_tokens when plain, the table's length
        when coded
    offsets : int64, shape (n_docs + 1,), from 0 to n_tokens, ascending; an empty document repeats its offset
    codes : int32, shape (n_tokens,), rows of ``vectors``; None when plain

    All are C-contiguous and may be memory-mapped. The constructor checks everything but that values are finite, which
    would read all of ``vectors``: `from_list` does, and so must whoever else makes them.

    Raises
    ------
    InvalidInput
        When arrays have another type or layout, offsets do not ascend to the number of tokens, or a code is no row.
    """

    vectors: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        vectors, offsets, codes = self.vectors, self.offsets, self.codes
        if vectors.ndim != 2 or vectors.dtype != np.float32 or vectors.shape[1] < 1:
            raise _invalid(f"vectors are {vectors.dtype} of shape {vectors.shape}", "pass float32 (n_rows, dim)")
        if codes is not None and (codes.ndim != 1 or codes.dtype != np.int32):
            raise _invalid(f"codes are {codes.dtype} of shape {codes.shape}", "pass int32 (n_tokens,)")
        check_offsets(offsets, self.n_tokens)
        for name, array in (("vectors", vectors), ("codes", codes)):
            if array is not None and not array.flags.c_contiguous:
                raise _invalid(f"{name} are not C-contiguous", f"pass np.ascontiguousarray({name})")
        if codes is not None and codes.size and not (int(codes.min()) >= 0 and int(codes.max()) < vectors.shape[0]):
            raise _invalid(
                f"codes lie in [{int(codes.min())}, {int(codes.max())}], the table has {vectors.shape[0]} rows",
                "number rows from 0",
            )

    @property
    def n_docs(self) -> int:
        return self.offsets.size - 1

    @property
    def n_tokens(self) -> int:
        return self.codes.size if self.codes is not None else int(self.vectors.shape[0])

    @property
    def dim(self) -> int:
        return int(self.vectors.shape[1])

    @classmethod
    def from_list(cls, sets: Sequence[npt.ArrayLike], *, dim: int | None = None) -> MultiVectors:
        """From one (n_tokens, dim) array per document; an empty one may have any shape with no element.

        Raises
        ------
        InvalidInput
            When widths differ, a value is not finite, or all sets are empty and ``dim`` is not given.
        """
        arrays: list[npt.NDArray[Any]] = [np.asarray(tokens, dtype=np.float32) for tokens in sets]
        width = dim
        for doc, tokens in enumerate(arrays):
            if tokens.size == 0:
                continue
            width = tokens.shape[-1] if width is None else width
            if tokens.ndim != 2 or tokens.shape[1] != width:
                raise _invalid(f"document {doc} has shape {tokens.shape}", f"every document is (n_tokens, {width})")
            if not np.isfinite(tokens).all():
                raise _invalid(f"document {doc} holds a NaN or infinite value", "pass finite vectors")
        if width is None:
            raise _invalid("every document is empty", "pass dim")
        offsets = np.zeros(len(arrays) + 1, dtype=np.int64)
        np.cumsum([0 if tokens.size == 0 else tokens.shape[0] for tokens in arrays], out=offsets[1:])
        filled = [tokens for tokens in arrays if tokens.size]
        vectors = np.concatenate(filled) if filled else np.zeros((0, width), dtype=np.float32)
        return cls(vectors=np.ascontiguousarray(vectors), offsets=offsets)

    def doc(self, doc: int) -> npt.NDArray[np.float32]:
        """Token vectors of one document, float32 (n_tokens, dim): a view when plain, a copy when coded."""
        start, stop = int(self.offsets[doc]), int(self.offsets[doc + 1])
        return self.vectors[start:stop] if self.codes is None else self.vectors[self.codes[start:stop]]

    def slice(self, start: int, stop: int) -> MultiVectors:
        """Documents ``start:stop``, sharing memory; a coded slice keeps the whole table."""
        offsets = np.asarray(self.offsets[start : stop + 1])
        first, last = int(offsets[0]), int(offsets[-1])
        if self.codes is None:
            return MultiVectors(vectors=self.vectors[first:last], offsets=offsets - first)
        return MultiVectors(vectors=self.vectors, offsets=offsets - first, codes=self.codes[first:last])


def readonly(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same memory, not to be written: one compiled kernel then serves arrays in memory and memory-mapped ones."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view


def check_offsets(offsets: npt.NDArray[np.int64], n_tokens: int) -> None:
    """
    Raises
    ------
    InvalidInput
        When they are not contiguous int64 that ascend from 0 to ``n_tokens``.
    """
    if offsets.ndim != 1 or offsets.size < 1 or offsets.dtype != np.int64 or offsets[0] != 0:
        raise _invalid("offsets must be one-dimensional int64 and start at 0", "pass n_docs + 1 offsets")
    if int(offsets[-1]) != n_tokens:
        raise _invalid(f"offsets end at {int(offsets[-1])}, there are {n_tokens} tokens", "pass n_docs + 1 offsets")
    if (descent := offsets[1:] < offsets[:-1]).any():
        raise _invalid(f"offsets descend after document {int(np.argmax(descent))}", "pass ascending offsets")
    if not offsets.flags.c_contiguous:
        raise _invalid("offsets are not C-contiguous", "pass np.ascontiguousarray(offsets)")


def _invalid(what: str, fix: str) -> InvalidInput:
    return InvalidInput(source="token vectors", what=what, fix=fix)
