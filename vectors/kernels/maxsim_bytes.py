"""MaxSim of int8 tokens and residual codes on the processor's matrix unit: the scores of `vectors.kernels.maxsim`.

Layout   as in `vectors.kernels.maxsim`; ``registers`` is a `Registers` of lanes / 16, ``shapes`` what
         `foundation.kernels.matrix_unit.tile_shapes` gives.
Threads  single-threaded over ``docs``, one writer per entry; a score does not depend on the other documents.
Limits   only where `has_matrix_unit`; vectors are whole pieces of 64 bytes. Documents are walked 16 tokens at a time,
         the last 16 again where fewer are left: that changes no maximum.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.matrix_unit import (
    ROWS,
    add_products,
    clear_sums,
    close_tiles,
    open_tiles,
    raise_scaled,
    raise_weighted,
    take_sums,
)
from foundation.kernels.simd import LANE, Registers
from vectors.kernels.packing import unpack_codes

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]


@numba.njit(nogil=True, cache=True)
def score_bytes(
    registers: Registers,
    shapes: npt.NDArray[np.uint8],
    query: Words,
    start: Int32s,
    weights: Float32s,
    n_tokens: int,
    tokens: Words,
    scales: Float32s,
    offsets: Int64s,
    docs: Int64s,
    out: Float32s,
) -> None:
    """``out[i]`` grows by the MaxSim of the first ``n_tokens`` lanes with document ``docs[i]``; -inf if it is empty."""
    n_words, lanes = query.shape
    sums, best = np.empty((ROWS, lanes), dtype=np.int32), np.empty(lanes, dtype=np.float32)
    few, few_scales = np.zeros((2 * ROWS, n_words), dtype=np.uint32), np.zeros(ROWS, dtype=np.float32)
    open_tiles(shapes)
    for i in range(docs.size):
        doc = docs[i]
        if doc < 0 or offsets[doc] >= offsets[doc + 1]:
            out[i] = -np.inf
            continue
        first, last = offsets[doc], offsets[doc + 1]
        best[:] = -np.inf
        if last - first < ROWS:
            for t in range(ROWS):
                few[t] = tokens[min(first + t, last - 1)]
                few_scales[t] = scales[min(first + t, last - 1)]
            clear_sums(registers)
            for word in range(0, n_words, LANE):
                add_products(registers, few, word, n_words, query, word)
            take_sums(registers, sums)
            raise_scaled(registers, sums, start, few_scales, 0, best)
        else:
            for token in range(first, last, ROWS):
                row = min(token, last - ROWS)
                clear_sums(registers)
                for word in range(0, n_words, LANE):
                    add_products(registers, tokens, row * n_words + word, n_words, query, word)
                take_sums(registers, sums)
                raise_scaled(registers, sums, start, scales, row, best)
        total = out[i]
        for lane in range(n_tokens):
            total += best[lane] * weights[lane]
        out[i] = total
    close_tiles()


@numba.njit(nogil=True, cache=True)
def score_residual_bytes(
    registers: Registers,
    shapes: npt.NDArray[np.uint8],
    query: Words,
    start: Int32s,
    weights: Float32s,
    biases: Float32s,
    n_tokens: int,
    codes: Words,
    bits: int,
    chosen: npt.NDArray[np.uint16],
    offsets: Int64s,
    docs: Int64s,
    slots: Int32s,
    centres: Float32s,
    out: Float32s,
) -> None:
    """As `score_bytes`: products of the centroids are looked up in ``centres``, those of residual codes are added."""
    n_words, lanes = query.shape
    sums, best = np.empty((ROWS, lanes), dtype=np.int32), np.empty(lanes, dtype=np.float32)
    unpacked, places = np.zeros((2 * ROWS, n_words), dtype=np.uint32), np.zeros(ROWS, dtype=np.int64)
    open_tiles(shapes)
    for i in range(docs.size):
        doc = docs[i]
        if doc < 0 or offsets[doc] >= offsets[doc + 1]:
            out[i] = -np.inf
            continue
        first, last = offsets[doc], offsets[doc + 1]
        best[:] = -np.inf
        for token in range(first, last, ROWS):
            n = min(ROWS, last - token)
            unpack_codes(codes, bits, token, n, unpacked)
            for t in range(ROWS):
                places[t] = slots[chosen[min(token + t, last - 1)]]
            for t in range(n, ROWS):
                unpacked[t] = unpacked[n - 1]
            clear_sums(registers)
            for word in range(0, n_words, LANE):
                add_products(registers, unpacked, word, n_words, query, word)
            take_sums(registers, sums)
            raise_weighted(registers, sums, start, weights, centres, places, best)
        total = out[i]
        for lane in range(n_tokens):
            total += best[lane] + biases[lane]
        out[i] = total
    close_tiles()
