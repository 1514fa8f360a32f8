"""One query's MaxSim with some documents, however their tokens are stored, at the fidelity asked for.

The query's tokens go through the kernels 32 at a time, as columns; what a kernel needs of them is made here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams
from foundation.kernels.matrix_unit import has_matrix_unit, tile_shapes
from foundation.kernels.simd import LANE, Registers
from foundation.kernels.tiles import Product, Tile, new_tile
from foundation.threads import even_ranges
from vectors.kernels.maxsim import meet_rows, score_coded, score_decoded, score_residuals, score_rows, table_products
from vectors.kernels.maxsim_bytes import score_bytes, score_residual_bytes
from vectors.kernels.packing import to_brains
from vectors.tokens.multivector import MultiVectors, readonly
from vectors.tokens.packed import PackedTokens, TokenSets

Fidelity = Literal["exact", "bfloat16", "int8"]
Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]

_LANES = 2 * LANE  # query tokens scored in one pass
_NONE = np.empty(0, dtype=np.float32)
_NATIVE: dict[str, tuple[Fidelity, ...]] = {
    "float32": ("exact",),
    "float16": ("exact",),
    "bfloat16": ("exact", "bfloat16"),
    "int8": ("exact", "int8"),
    "residual": ("exact", "int8"),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Query tokens as a kernel reads them; ``weights`` and ``biases`` turn a lane's sum into a dot product."""

    tile: Tile
    n_tokens: int
    query: npt.NDArray[Any]
    start: npt.NDArray[Any]
    weights: Float32s
    biases: Float32s


def check_fidelity(fidelity: str) -> None:
    """
    Raises
    ------
    InvalidParams
        When there is no such fidelity.
    """
    if fidelity not in get_args(Fidelity):
        raise InvalidParams(name="fidelity", value=fidelity, allowed="'exact', 'bfloat16' or 'int8'")


def fidelities(documents: TokenSets) -> tuple[Fidelity, ...]:
    """Those that these documents can be scored at as they are stored."""
    return _NATIVE["float32" if isinstance(documents, MultiVectors) else documents.storage]


def add_scores(tokens: Float32s, documents: TokenSets, docs: Int64s, out: Float32s, fidelity: Fidelity) -> None:
    """Add to ``out`` the scores of ``docs`` (-1 for none) with ``tokens`` (n, dim); -inf where there is nothing."""
    for start, stop in even_ranges(tokens.shape[0], _LANES):
        part, chosen = tokens[start:stop], readonly(docs)
        if isinstance(documents, MultiVectors):
            _add_float(_float_columns(part), documents, chosen, out)
        elif fidelity == "exact":
            _add_decoded(_float_columns(part), documents, chosen, out)
        elif documents.storage == "residual":
            _add_residual(part, documents, chosen, out)
        else:
            columns = _brain_columns(part) if fidelity == "bfloat16" else _byte_columns(part, offset=-128)
            _add_packed(columns, documents, chosen, out)


def _add_float(columns: _Columns, documents: MultiVectors, docs: Int64s, out: Float32s) -> None:
    vectors, offsets = readonly(documents.vectors), readonly(documents.offsets)
    query = (columns.query, columns.start)
    if documents.codes is None:
        score_rows(columns.tile, *query, columns.weights, columns.n_tokens, vectors, _NONE, offsets, docs, out)
        return
    codes = readonly(documents.codes)
    slots, products = _table_products(columns, documents.vectors, codes, offsets, docs)
    score_coded(columns.tile, columns.n_tokens, codes, offsets, docs, slots, products, out)


def _add_decoded(columns: _Columns, documents: PackedTokens, docs: Int64s, out: Float32s) -> None:
    decoded = np.empty((columns.tile.n_rows, documents.dim), dtype=np.float32)
    score_decoded(  # type: ignore[call-arg]  # numba's stubs know no *
        columns.tile,
        columns.query,
        columns.start,
        columns.n_tokens,
        *documents.arrays_to_decode(),
        readonly(documents.offsets),
        docs,
        *documents.room(),
        decoded,
        out,
    )


def _add_packed(columns: _Columns, documents: PackedTokens, docs: Int64s, out: Float32s) -> None:
    words = readonly(documents.rows.view(np.uint32))
    scales = _NONE if documents.scales is None else documents.scales
    on_unit = documents.storage == "int8" and _suits_matrix_unit(columns)
    score: Callable[..., None] = score_bytes if on_unit else score_rows
    score(
        *(_matrix_unit(columns) if on_unit else (columns.tile,)),
        columns.query,
        columns.start,
        columns.weights,
        columns.n_tokens,
        words,
        readonly(scales),
        readonly(documents.offsets),
        docs,
        out,
    )


def _add_residual(part: Float32s, documents: PackedTokens, docs: Int64s, out: Float32s) -> None:
    """A dot product is the centroid's, exactly, plus that of the codes with the query's numbers times the widths."""
    book, chosen = documents.codebook, documents.chosen
    assert book is not None  # the constructor has looked
    assert chosen is not None
    offsets, centroid_of = readonly(documents.offsets), readonly(chosen)
    slots, centres = _table_products(_float_columns(part), book.centroids, centroid_of, offsets, docs)
    n_codes = documents.rows.shape[1] * 8 // book.bits
    columns = _byte_columns(part * book.widths, offset=0, n_numbers=n_codes, middle=(2**book.bits - 1) / 2)
    on_unit = _suits_matrix_unit(columns)
    score: Callable[..., None] = score_residual_bytes if on_unit else score_residuals
    score(
        *(_matrix_unit(columns) if on_unit else (columns.tile,)),
        columns.query,
        columns.start,
        columns.weights,
        columns.biases,
        columns.n_tokens,
        readonly(documents.rows.view(np.uint32)),
        book.bits,
        centroid_of,
        offsets,
        docs,
        slots,
        centres,
        out,
    )


def _suits_matrix_unit(columns: _Columns) -> bool:
    """Whether bytes can be multiplied there: it takes them 64 at a time."""
    return columns.query.shape[0] % LANE == 0 and has_matrix_unit()


def _matrix_unit(columns: _Columns) -> tuple[Registers, npt.NDArray[np.uint8]]:
    return Registers(columns.query.shape[1] // LANE), tile_shapes()


def _table_products(
    columns: _Columns, table: Float32s, codes: npt.NDArray[Any], offsets: Int64s, docs: Int64s
) -> tuple[npt.NDArray[np.int32], Float32s]:
    """Products of the rows of ``table`` that tokens of ``docs`` name, and where each row's are (-1 if nowhere)."""
    named = docs[docs >= 0]
    most = min(table.shape[0], int((offsets[named + 1] - offsets[named]).sum()))
    slots, met = np.full(table.shape[0], -1, dtype=np.int32), np.empty(most, dtype=np.int64)
    n_met = meet_rows(codes, offsets, docs, slots, met)
    n_rows = columns.tile.n_rows
    products = np.empty((n_met + -n_met % n_rows, columns.query.shape[1]), dtype=np.float32)
    table_products(columns.tile, columns.query, columns.start, readonly(table), met[:n_met], products)
    return slots, products


def _lanes(n_tokens: int) -> int:
    return LANE if n_tokens <= LANE else _LANES


def _float_columns(part: Float32s) -> _Columns:
    n_tokens, dim = part.shape
    query = np.zeros((dim, _lanes(n_tokens)), dtype=np.float32)
    query[:, :n_tokens] = part.T
    return _columns("float32", n_tokens, query, np.zeros(query.shape[1], dtype=np.float32))


def _brain_columns(part: Float32s) -> _Columns:
    n_tokens, dim = part.shape
    rows = np.zeros((_lanes(n_tokens), dim + dim % 2), dtype=np.uint16)
    to_brains(readonly(np.ascontiguousarray(part)), rows[:n_tokens])
    return _columns("bfloat16", n_tokens, _words(rows), np.zeros(rows.shape[0], dtype=np.float32))


def _byte_columns(part: Float32s, *, offset: int, n_numbers: int = 0, middle: float = 0.0) -> _Columns:
    """Each token to multiples of its largest number / 127; what the other side's offset adds is taken off at once."""
    n_tokens, dim = part.shape
    rows = np.zeros((_lanes(n_tokens), max(dim + -dim % 4, n_numbers)), dtype=np.int8)
    weights = (np.abs(part).max(axis=1) / np.float32(127.0)).astype(np.float32)
    rows[:n_tokens, :dim] = np.rint(part / np.where(weights > 0, weights, np.float32(1.0))[:, None])
    totals = rows.sum(axis=1, dtype=np.int64)
    padded = np.zeros(rows.shape[0], dtype=np.float32)
    padded[:n_tokens] = weights
    biases = (-middle * totals * padded.astype(np.float64)).astype(np.float32)
    return _columns("int8", n_tokens, _words(rows), (offset * totals).astype(np.int32), padded, biases)


def _words(rows: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """Rows of smaller numbers as columns of words."""
    return np.ascontiguousarray(rows.view(np.uint32).T)


def _columns(
    product: Product,
    n_tokens: int,
    query: npt.NDArray[Any],
    start: npt.NDArray[Any],
    weights: Float32s | None = None,
    biases: Float32s | None = None,
) -> _Columns:
    lanes = query.shape[1]
    weights = np.ones(lanes, dtype=np.float32) if weights is None else weights
    biases = np.zeros(lanes, dtype=np.float32) if biases is None else biases
    return _Columns(new_tile(product, lanes, vectors=True), n_tokens, readonly(query), readonly(start), weights, biases)
