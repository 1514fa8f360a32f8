"""Token vectors that arrive in pieces, packed on their way into the artifact of stage ``tokens``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from artifacts.artifact import ArtifactWriter
from vectors.tokens.packed import PackedTokens, pack_tokens, packed_width
from vectors.tokens.residuals import Codebook, sampled_tokens, train_codebook
from vectors.tokens.storage import PackingError, TokenStorageParams, as_set

Float32s = npt.NDArray[np.float32]

_TOKENS = 1 << 15  # packed at a time


def write_packed(
    writer: ArtifactWriter, pieces: Iterable[Float32s], n_tokens: int, dim: int, params: TokenStorageParams
) -> dict[str, float]:
    """Write ``rows`` and what they need; how far what is decoded lies from ``pieces``, which are gone through twice.

    Neither the bytes nor the error depend on how tokens are cut into pieces. What is held of every token are the 2 or 4
    bytes of its centroid or scale.
    """
    storage = params.packed
    assert storage is not None  # the caller has looked
    book = _codebook(pieces, n_tokens, dim, params) if storage == "residual" else None
    width, kind = packed_width(storage, dim, book)
    error, aside = PackingError(), np.empty(n_tokens, dtype=np.uint16 if storage == "residual" else np.float32)

    def rows() -> Iterator[npt.NDArray[np.generic]]:
        done = 0
        for vectors in _blocks(pieces):
            packed = pack_tokens(as_set(vectors), storage, book)
            error.add(vectors, packed.decoded(0, packed.n_tokens))
            _keep(packed, aside[done : done + packed.n_tokens])
            done += packed.n_tokens
            yield packed.rows

    writer.pieces("rows", rows(), kind, (n_tokens, width))
    if storage == "int8":
        writer.array("scales", aside)
    if book is not None:
        writer.array("chosen", aside)
        writer.array("centroids", book.centroids)
        writer.array("widths", book.widths)
    return error.report()


def _keep(packed: PackedTokens, aside: npt.NDArray[np.generic]) -> None:
    for array in (packed.scales, packed.chosen):
        if array is not None:
            aside[:] = array


def _codebook(pieces: Iterable[Float32s], n_tokens: int, dim: int, params: TokenStorageParams) -> Codebook:
    """Trained on tokens that their numbers alone decide."""
    residual = params.residual()
    wanted = sampled_tokens(n_tokens, residual)
    sample, done, before = np.empty((wanted.size, dim), dtype=np.float32), 0, 0
    for piece in pieces:
        stop = int(np.searchsorted(wanted, before + piece.shape[0]))
        sample[done:stop] = piece[wanted[done:stop] - before]
        done, before = stop, before + piece.shape[0]
    return train_codebook(sample, residual.centroids_for(n_tokens), residual)


def _blocks(pieces: Iterable[Float32s]) -> Iterator[Float32s]:
    for piece in pieces:
        for first in range(0, piece.shape[0], _TOKENS):
            yield np.ascontiguousarray(piece[first : first + _TOKENS])
