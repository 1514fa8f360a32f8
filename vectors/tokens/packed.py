"""Ragged token vectors in fewer bytes than float32: packed once, scored as they are or decoded a few at a time.

``float16``   half the bytes; scores are those of float32 to three digits
``bfloat16``  half the bytes, a digit less, and dot products without decoding on processors that have them
``int8``      a quarter, one scale a token: the fastest to score, for rankings whose head is scored again
``residual``  a centroid and 2 or 4 bits a number (`vectors.tokens.residuals`): an eighth or a sixteenth
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.threads import even_ranges, run_ranges
from vectors.kernels.packing import ZERO, decode_rows, to_brains, to_bytes, to_halves
from vectors.tokens.multivector import MultiVectors, check_offsets, readonly
from vectors.tokens.residuals import Codebook, encode

Storage = Literal["float16", "bfloat16", "int8", "residual"]
Float32s = npt.NDArray[np.float32]

_NUMBERS: dict[str, int] = {"float16": 0, "bfloat16": 1, "int8": 2, "residual": 3}  # as the kernels know them
MOST_NUMBERS = 1 << 16  # products of bytes are added up in 32 bits
_ROWS_PER_CALL = 8192
_FLOAT16_MOST = 65504.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PackedTokens:
    """``n_docs`` sets of token vectors; the arrays may be memory-mapped.

    Attributes
    ----------
    storage : one of `Storage`
    dim : numbers of a vector
    offsets : int64, shape (n_docs + 1,), as in `MultiVectors`
    rows : shape (n_tokens, width), C-contiguous: uint16 bits of float16 (width dim) or of bfloat16 (dim, made even);
        uint8, the number plus 128 (dim, to a multiple of 4); uint8 residual codes (width `Codebook.row_bytes`)
    scales : float32 (n_tokens,), of int8 only
    chosen : uint16 (n_tokens,), the centroid of each token; residual only
    codebook : what residual codes mean

    Raises
    ------
    InvalidInput
        When arrays do not fit one another or ``storage``.
    """

    storage: Storage
    dim: int
    offsets: npt.NDArray[np.int64]
    rows: npt.NDArray[Any]
    scales: Float32s | None = None
    chosen: npt.NDArray[np.uint16] | None = None
    codebook: Codebook | None = None

    def __post_init__(self) -> None:
        check_storage(self.storage)
        n_tokens = self.rows.shape[0]
        check_offsets(self.offsets, n_tokens)
        width, kind = packed_width(self.storage, self.dim, self.codebook)
        if self.rows.dtype != kind or self.rows.shape != (n_tokens, width) or not self.rows.flags.c_contiguous:
            raise _invalid(f"{self.storage} rows are {self.rows.dtype} {self.rows.shape}", f"pass {kind} (n, {width})")
        for name, array, dtype, storage in (
            ("scales", self.scales, np.float32, "int8"),
            ("chosen", self.chosen, np.uint16, "residual"),
        ):
            wanted = self.storage == storage
            if (array is not None) != wanted or (
                array is not None and (array.dtype != dtype or array.shape != (n_tokens,))
            ):
                raise _invalid(f"{name} do not fit {self.storage} rows", f"pass {name} with {storage} and nowhere else")
        n_centroids = 0 if self.codebook is None else self.codebook.centroids.shape[0]
        if self.chosen is not None and n_tokens and int(self.chosen.max()) >= n_centroids:
            raise _invalid(f"a token's centroid is {int(self.chosen.max())}", "pass the codebook it was coded by")

    @property
    def n_docs(self) -> int:
        return self.offsets.size - 1

    @property
    def n_tokens(self) -> int:
        return int(self.rows.shape[0])

    @property
    def nbytes(self) -> int:
        """Bytes of all tokens, the codebook included."""
        book = 0 if self.codebook is None else self.codebook.centroids.nbytes + self.codebook.widths.nbytes
        return self.rows.nbytes + sum(a.nbytes for a in (self.scales, self.chosen) if a is not None) + book

    def doc(self, doc: int) -> Float32s:
        """Token vectors of one document as they are decoded, float32 (n_tokens, dim)."""
        return self.decoded(int(self.offsets[doc]), int(self.offsets[doc + 1]))

    def slice(self, start: int, stop: int) -> PackedTokens:
        """Documents ``start:stop``, sharing memory."""
        offsets = np.asarray(self.offsets[start : stop + 1])
        first, last = int(offsets[0]), int(offsets[-1])
        return PackedTokens(
            storage=self.storage,
            dim=self.dim,
            offsets=offsets - first,
            rows=self.rows[first:last],
            scales=None if self.scales is None else self.scales[first:last],
            chosen=None if self.chosen is None else self.chosen[first:last],
            codebook=self.codebook,
        )

    def decoded(self, first: int, last: int, n_threads: int = 1) -> Float32s:
        """Tokens ``first:last`` as float32 (last - first, dim)."""
        out = np.empty((last - first, self.dim), dtype=np.float32)
        arrays = self.arrays_to_decode()

        def work(start: int, stop: int) -> None:
            decode_rows(*arrays, first + start, stop - start, *self.room(), out[start:stop])  # type: ignore[call-arg]  # numba's stubs know no *

        run_ranges(work, even_ranges(last - first, _ROWS_PER_CALL), n_threads)
        return out

    def to_multivectors(self, n_threads: int = 1) -> MultiVectors:
        """All documents decoded: 4 · dim bytes a token."""
        return MultiVectors(vectors=self.decoded(0, self.n_tokens, n_threads), offsets=np.asarray(self.offsets))

    def arrays_to_decode(self) -> tuple[Any, ...]:
        """What `vectors.kernels.packing.decode_rows` takes first."""
        halves, codes, words = (np.empty((0, 0), dtype=kind) for kind in (np.uint16, np.uint8, np.uint32))
        if self.storage in ("float16", "bfloat16"):
            halves = self.rows
        elif self.storage == "int8":
            codes = self.rows
        else:
            words = self.rows.view(np.uint32)
        book = self.codebook
        scales = np.empty(0, dtype=np.float32) if self.scales is None else self.scales
        chosen = np.empty(0, dtype=np.uint16) if self.chosen is None else self.chosen
        centroids = np.empty((0, 0), dtype=np.float32) if book is None else book.centroids
        widths = np.empty(0, dtype=np.float32) if book is None else book.widths
        arrays = (halves, codes, words, scales, chosen, centroids, widths)
        return (_NUMBERS[self.storage], *map(readonly, arrays), 4 if book is None else book.bits)

    def room(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
        """Scratch for one row's residual codes, one a byte, in words and in bytes."""
        n_codes = 0 if self.codebook is None else self.rows.shape[1] * 8 // self.codebook.bits
        words = np.empty((1, n_codes // 4), dtype=np.uint32)
        return words, words.view(np.uint8)


TokenSets = MultiVectors | PackedTokens


def check_storage(storage: str) -> None:
    """
    Raises
    ------
    InvalidParams
        When there is no such storage.
    """
    if storage not in get_args(Storage):
        raise InvalidParams(name="storage", value=storage, allowed=", ".join(map(repr, get_args(Storage))))


def packed_width(storage: str, dim: int, codebook: Codebook | None = None) -> tuple[int, np.dtype[Any]]:
    """Columns and type of `PackedTokens.rows`.

    Raises
    ------
    InvalidInput
        When ``codebook`` is missing, of another width, or not wanted, or vectors are too wide for whole numbers.
    """
    if (codebook is not None) != (storage == "residual") or (codebook is not None and codebook.dim != dim):
        raise _invalid(f"the codebook does not fit {storage} vectors of {dim} numbers", "pass the one they need")
    if storage in ("int8", "residual") and dim > MOST_NUMBERS:
        raise _invalid(f"vectors of {dim} numbers", f"{storage} takes at most {MOST_NUMBERS}")
    if codebook is not None:
        return codebook.row_bytes, np.dtype(np.uint8)
    if storage == "int8":
        return dim + -dim % 4, np.dtype(np.uint8)
    return dim + (dim % 2 if storage == "bfloat16" else 0), np.dtype(np.uint16)


def pack_tokens(
    documents: MultiVectors, storage: Storage, codebook: Codebook | None = None, n_threads: int = 1
) -> PackedTokens:
    """Pack all documents; a token's bytes depend on its vector (and the codebook) alone.

    Raises
    ------
    InvalidParams, InvalidInput
        When there is no such storage, ``codebook`` is missing, of another width or not wanted, a value is not finite,
        or one is too large for float16.
    """
    check_storage(storage)
    width, kind = packed_width(storage, documents.dim, codebook)
    n_tokens = documents.n_tokens
    rows = np.full((n_tokens, width), ZERO if storage == "int8" else 0, dtype=kind)
    scales = np.empty(n_tokens, dtype=np.float32) if storage == "int8" else None
    chosen = np.empty(n_tokens, dtype=np.uint16) if storage == "residual" else None

    def work(start: int, stop: int) -> None:
        taken = slice(start, stop) if documents.codes is None else documents.codes[start:stop]
        block = readonly(np.ascontiguousarray(documents.vectors[taken]))
        top = float(np.abs(block).max(initial=0.0))
        if not np.isfinite(top):
            raise _invalid("a vector holds a NaN or infinite value", "pass finite vectors")
        if storage == "float16":
            if top > _FLOAT16_MOST:
                raise _invalid(f"a vector holds {top:.3g}, float16 ends at 65504", "normalise, or use bfloat16")
            to_halves(block, rows[start:stop])
        elif storage == "bfloat16":
            to_brains(block, rows[start:stop])
        elif scales is not None:
            to_bytes(block, rows[start:stop], scales[start:stop])
        elif chosen is not None and codebook is not None:
            chosen[start:stop], rows[start:stop] = encode(block, codebook)

    run_ranges(work, even_ranges(n_tokens, _ROWS_PER_CALL), n_threads)
    return PackedTokens(
        storage=storage,
        dim=documents.dim,
        offsets=documents.offsets,
        rows=rows,
        scales=scales,
        chosen=chosen,
        codebook=codebook,
    )


def pack_parts(
    parts: Iterable[MultiVectors], storage: Storage, codebook: Codebook | None = None, n_threads: int = 1
) -> Iterator[PackedTokens]:
    """`pack_tokens` of ranges of documents that come one after another: only one of them is in memory."""
    return (pack_tokens(part, storage, codebook, n_threads) for part in parts)


def _invalid(what: str, fix: str) -> InvalidInput:
    return InvalidInput(source="token vectors", what=what, fix=fix)
