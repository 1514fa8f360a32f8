"""Products of a token and a query token in plain loops: the bytes of `foundation.kernels.tiles` on any processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from foundation.kernels.simd import bits_of_float, float_of_bits, fma

_LEAST = np.float32(2.0**-126)


@numba.njit(nogil=True, cache=True)
def float_product(tokens: Any, scales: Any, row: int, query: Any, lane: int, start: Any) -> np.float32:
    total = np.float32(start[lane])
    for w in range(query.shape[0]):
        total = fma(tokens[row, w], query[w, lane], total)
    return total


@numba.njit(nogil=True, cache=True)
def _flushed(value: np.float32) -> np.float32:
    """The value, or a zero of its sign where the processor's instruction sees one."""
    return float_of_bits(bits_of_float(value) & np.uint32(0x80000000)) if abs(value) < _LEAST else value


@numba.njit(nogil=True, cache=True)
def brain_product(tokens: Any, scales: Any, row: int, query: Any, lane: int, start: Any) -> np.float32:
    total = np.float32(start[lane])
    for w in range(query.shape[0]):
        x, q = np.uint32(tokens[row, w]), np.uint32(query[w, lane])
        upper = np.uint32(0xFFFF0000)
        total = _flushed(fma(_flushed(float_of_bits(x & upper)), _flushed(float_of_bits(q & upper)), total))
        x, q = np.uint32(x << np.uint32(16)), np.uint32(q << np.uint32(16))
        total = _flushed(fma(_flushed(float_of_bits(x)), _flushed(float_of_bits(q)), total))
    return total


@numba.njit(nogil=True, cache=True)
def byte_product(tokens: Any, scales: Any, row: int, query: Any, lane: int, start: Any) -> np.float32:
    total = np.int32(start[lane])
    for w in range(query.shape[0]):
        x, q = np.uint32(tokens[row, w]), np.uint32(query[w, lane])
        for _ in range(4):
            total += np.int32(x & np.uint32(0xFF)) * np.int32(np.int8(q & np.uint32(0xFF)))
            x, q = np.uint32(x >> np.uint32(8)), np.uint32(q >> np.uint32(8))
    return np.float32(np.float32(total) * scales[row])


PRODUCTS: dict[str, Callable[..., Any]] = {
    "float32": float_product,
    "bfloat16": brain_product,
    "int8": byte_product,
}
