"""Best dot product per query token, over the tokens of a document.

Layout   ``query`` C-contiguous (n_words, n_lanes): query tokens are columns, words as `foundation.kernels.tiles` says;
         sums begin at ``start`` (n_lanes,). ``offsets`` cut tokens into documents. ``docs`` are the documents to score,
         -1 for none.
Threads  single-threaded over ``docs``, one writer per entry; a score does not depend on the other documents.
Limits   float32 scores; lanes are added in order. Small steps are inlined: a call that hands on arrays is dear.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.simd import fma
from foundation.kernels.tiles import Tile, raise_best, raise_best_above, raise_best_from, rows_of, write_products
from vectors.kernels.packing import decode_rows, unpack_codes

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


@numba.njit(nogil=True, cache=True, inline="always")
def _is_scored(offsets: Int64s, docs: Int64s, i: int) -> bool:
    return i < docs.size and docs[i] >= 0 and offsets[docs[i]] < offsets[docs[i] + 1]


@numba.njit(nogil=True, cache=True, inline="always")
def _take(rows: Int64s, first: int, last: int) -> None:
    """``rows`` from ``first`` on, the last one again where there are too few: that changes no maximum."""
    for t in range(rows.size):
        rows[t] = min(first + t, last - 1)


@numba.njit(nogil=True, cache=True, inline="always")
def _added(total: np.float32, best: Float32s, weights: Float32s, biases: Float32s, n_tokens: int) -> np.float32:
    for lane in range(n_tokens):
        total += best[lane] * weights[lane] + biases[lane]
    return total


@numba.njit(nogil=True, cache=True)
def score_rows(
    tile: Tile,
    query: npt.NDArray[np.generic],
    start: npt.NDArray[np.generic],
    weights: Float32s,
    n_tokens: int,
    tokens: npt.NDArray[np.generic],
    scales: Float32s,
    offsets: Int64s,
    docs: Int64s,
    out: Float32s,
) -> None:
    """``out[i]`` grows by the MaxSim of the first ``n_tokens`` lanes with document ``docs[i]``; -inf if it is empty."""
    n_rows = rows_of(tile)
    rows, ahead = np.empty(n_rows, dtype=np.int64), np.empty(n_rows, dtype=np.int64)
    best, biases = np.empty(query.shape[1], dtype=np.float32), np.zeros(query.shape[1], dtype=np.float32)
    for i in range(docs.size):
        if not _is_scored(offsets, docs, i):
            out[i] = -np.inf
            continue
        first, last = offsets[docs[i]], offsets[docs[i] + 1]
        best[:] = -np.inf
        for token in range(first, last, n_rows):
            _take(rows, token, last)
            if token + n_rows < last:
                _take(ahead, token + n_rows, last)
            elif _is_scored(offsets, docs, i + 1):
                _take(ahead, offsets[docs[i + 1]], offsets[docs[i + 1] + 1])
            raise_best(tile, tokens, scales, rows, ahead, query, start, best)
        out[i] = _added(out[i], best, weights, biases, n_tokens)


@numba.njit(nogil=True, cache=True)
def meet_rows(codes: npt.NDArray[np.generic], offsets: Int64s, docs: Int64s, slots: Int32s, met: Int64s) -> int:
    """Rows of a table that tokens of ``docs`` name, in the order they are met: ``slots[met[i]] = i``; how many.

    ``slots`` (n_rows,) begins as -1; ``met`` has room for all that can be met.
    """
    n_met = 0
    for i in range(docs.size):
        if docs[i] >= 0:
            for token in range(offsets[docs[i]], offsets[docs[i] + 1]):
                row = np.int64(codes[token])
                if slots[row] < 0:
                    slots[row] = n_met
                    met[n_met] = row
                    n_met += 1
    return n_met


@numba.njit(nogil=True, cache=True)
def table_products(
    tile: Tile, query: Float32s, start: Float32s, table: Float32s, met: Int64s, products: Float32s
) -> None:
    """``products[i]`` = row ``met[i]`` of ``table`` times the query; ``products`` has whole tiles of rows."""
    n_rows = rows_of(tile)
    rows, ahead, nothing = np.empty(n_rows, dtype=np.int64), np.empty(n_rows, dtype=np.int64), start[:0]
    for i in range(0, met.size, n_rows):
        for t in range(n_rows):
            rows[t] = met[min(i + t, met.size - 1)]
            ahead[t] = met[min(i + n_rows + t, met.size - 1)]
        write_products(tile, table, nothing, rows, ahead, query, start, products, i)


@numba.njit(nogil=True, cache=True)
def score_coded(
    tile: Tile,
    n_tokens: int,
    codes: Int32s,
    offsets: Int64s,
    docs: Int64s,
    slots: Int32s,
    products: Float32s,
    out: Float32s,
) -> None:
    """As `score_rows`; the products of a token's row of the table are looked up."""
    n_rows, n_lanes = rows_of(tile), products.shape[1]
    places, best = np.empty(n_rows, dtype=np.int64), np.empty(n_lanes, dtype=np.float32)
    for i in range(docs.size):
        if not _is_scored(offsets, docs, i):
            out[i] = -np.inf
            continue
        first, last = offsets[docs[i]], offsets[docs[i] + 1]
        best[:] = -np.inf
        for token in range(first, last, n_rows):
            for t in range(n_rows):
                places[t] = slots[codes[min(token + t, last - 1)]]
            raise_best_from(tile, products, places, best)
        total = out[i]
        for lane in range(n_tokens):
            total += best[lane]
        out[i] = total


@numba.njit(nogil=True, cache=True)
def score_residuals(
    tile: Tile,
    query: npt.NDArray[np.uint32],
    start: Int32s,
    weights: Float32s,
    biases: Float32s,
    n_tokens: int,
    codes: npt.NDArray[np.uint32],
    bits: int,
    chosen: npt.NDArray[np.uint16],
    offsets: Int64s,
    docs: Int64s,
    slots: Int32s,
    centres: Float32s,
    out: Float32s,
) -> None:
    """As `score_rows`: products of the centroids are looked up in ``centres``, those of residual codes are added."""
    n_rows, n_lanes = rows_of(tile), query.shape[1]
    rows, places = np.arange(n_rows), np.empty(n_rows, dtype=np.int64)
    ones, same = np.ones(n_rows, dtype=np.float32), np.ones(n_lanes, dtype=np.float32)
    best, unpacked = np.empty(n_lanes, dtype=np.float32), np.zeros((n_rows, query.shape[0]), dtype=np.uint32)
    for i in range(docs.size):
        if not _is_scored(offsets, docs, i):
            out[i] = -np.inf
            continue
        first, last = offsets[docs[i]], offsets[docs[i] + 1]
        best[:] = -np.inf
        for token in range(first, last, n_rows):
            unpack_codes(codes, bits, token, min(n_rows, last - token), unpacked)
            for t in range(n_rows):
                rows[t] = min(t, last - 1 - token)
                places[t] = slots[chosen[min(token + t, last - 1)]]
            raise_best_above(tile, unpacked, ones, rows, rows, query, start, best, weights, centres, places)
        out[i] = _added(out[i], best, same, biases, n_tokens)


@numba.njit(nogil=True, cache=True)
def score_decoded(
    tile: Tile,
    query: Float32s,
    start: Float32s,
    n_tokens: int,
    storage: int,
    halves: npt.NDArray[np.uint16],
    codes: Bytes,
    words: npt.NDArray[np.uint32],
    scales: Float32s,
    chosen: npt.NDArray[np.uint16],
    centroids: Float32s,
    widths: Float32s,
    bits: int,
    offsets: Int64s,
    docs: Int64s,
    room: npt.NDArray[np.uint32],
    room_codes: Bytes,
    decoded: Float32s,
    out: Float32s,
) -> None:
    """As `score_rows`, of what packed tokens stand for; ``decoded`` (rows of the tile, dim) is scratch."""
    n_rows = rows_of(tile)
    rows, nothing = np.empty(n_rows, dtype=np.int64), start[:0]
    best = np.empty(query.shape[1], dtype=np.float32)
    for i in range(docs.size):
        if not _is_scored(offsets, docs, i):
            out[i] = -np.inf
            continue
        first, last = offsets[docs[i]], offsets[docs[i] + 1]
        best[:] = -np.inf
        for token in range(first, last, n_rows):
            n = min(n_rows, last - token)
            decode_rows(
                storage,
                halves,
                codes,
                words,
                scales,
                chosen,
                centroids,
                widths,
                bits,
                token,
                n,
                room,
                room_codes,
                decoded,
            )
            _take(rows, 0, n)
            raise_best(tile, decoded, nothing, rows, rows, query, start, best)
        total = out[i]
        for lane in range(n_tokens):
            total += best[lane]
        out[i] = total


@numba.njit(nogil=True, cache=True)
def best_tokens(query: Float32s, vectors: Float32s, rows: Int64s, where: Int64s, similarity: Float32s) -> None:
    """For every lane the position in ``rows`` of the best dot product, the earliest among equals, and that product."""
    products = np.empty(query.shape[1], dtype=np.float32)
    similarity[:] = -np.inf
    where[:] = -1
    for position in range(rows.size):
        products[:] = np.float32(0.0)
        row = vectors[rows[position]]
        for d in range(query.shape[0]):
            for lane in range(products.size):
                products[lane] = fma(row[d], query[d, lane], products[lane])
        for lane in range(where.size):
            if products[lane] > similarity[lane]:
                similarity[lane] = products[lane]
                where[lane] = position
