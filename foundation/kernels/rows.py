"""What kernels do with rows of 16 n float32 sums, whether ``lanes`` keeps them in registers or in memory.

`foundation.kernels.simd` has the version in registers and says what the words mean; here is the plain one, and the
choice between the two, which is made when a kernel is compiled. `new_lanes` chooses for this processor.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import binding
from numba.core import types
from numba.extending import overload

from foundation.kernels import simd
from foundation.kernels.simd import GROUP, LANE, LanesType, Registers, RegistersType

Lanes = Registers | npt.NDArray[np.float32]

_NEEDED = ({"avx2", "fma", "f16c"}, {"neon", "fullfp16"})
_HALF = LANE // 2


@functools.cache  # asking the processor takes half a millisecond
def has_vectors() -> bool:
    """Whether this processor has the vectors, fused products and half-precision loads that registers need."""
    features = binding.get_host_cpu_features()
    return any(all(features.get(name, False) for name in needed) for needed in _NEEDED)


@functools.cache
def widest() -> int:
    """Columns whose sums fit into registers here."""
    return 16 * LANE if binding.get_host_cpu_features().get("avx512f", False) else GROUP


def new_lanes(n_columns: int, *, vectors: bool) -> Lanes:
    """``lanes`` of ``n_columns``, a multiple of `GROUP`, for one thread."""
    return Registers(n_columns // LANE) if vectors else np.zeros(n_columns, dtype=np.float32)


def zeros(lanes: Any) -> Any:
    """Sums of 0."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def add_row(sums: Any, block: Any, at: int, factors: Any, factor_at: int, weight: np.float32) -> Any:
    """``sums + (weight * factors[factor_at + g]) * block[at:]``, g the group of each column."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def read_floats(lanes: Any, block: Any, at: int) -> Any:
    """Sums from the floats at ``at``."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def write_row(sums: Any, block: Any, at: int, factors: Any, factor_at: int) -> None:
    """``block[at:] = factors[factor_at + g] * sums``, rounded to what the block holds."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def group_squares(sums: Any, squares: Any, at: int) -> None:
    """``squares[at + g]`` = sum of the squares of group g, in float64."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def group_largest(sums: Any, largest: Any, at: int) -> None:
    """``largest[at + g]`` = greatest absolute value of group g."""
    raise NotImplementedError  # only compiled code has this: see its overload below


def pack_row(sums: Any, block: Any, row: Any, group: int, scales: Any, squares: Any, room: Any) -> None:
    """Write the row, from ``group`` on, so that ``scales[row, group + g] * block[row]`` is near; and its squares.

    float16 is scaled to a length of 1 in each group, int8 to a greatest value of 127, float32 not at all; a group of
    zeros has scale 0. ``room`` is float32, an element a group.
    """
    raise NotImplementedError  # only compiled code has this: see its overload below


def fetch_row(lanes: Any, block: Any, at: int) -> None:
    """Say that the row at ``at`` will be read soon; does nothing in memory."""
    raise NotImplementedError  # only compiled code has this: see its overload below


@numba.njit(nogil=True, cache=True)
def half_of(value: np.float32) -> np.uint16:
    """Bits of the float16 nearest to ``value``, ties to even. ``value`` is no NaN."""
    bits = simd.bits_of_float(value)
    sign = (bits >> np.uint32(16)) & np.uint32(0x8000)
    size = bits & np.uint32(0x7FFFFFFF)
    if size >= np.uint32(0x477FF000):  # rounds to beyond 65504
        return np.uint16(sign | np.uint32(0x7C00))
    if size < np.uint32(0x38800000):  # below 2**-14: adding 0.5 rounds to a multiple of 2**-24
        whole = simd.bits_of_float(np.float32(simd.float_of_bits(size) + np.float32(0.5)))
        return np.uint16(sign | (whole - np.uint32(0x3F000000)))
    odd = (size >> np.uint32(13)) & np.uint32(1)
    rounded = size - np.uint32(0x38000000) + np.uint32(0xFFF) + odd
    return np.uint16(sign | (rounded >> np.uint32(13)))


@numba.njit(nogil=True, cache=True)
def float_of_half(bits: np.uint16) -> Any:
    """The float32 equal to a finite float16."""
    word = np.uint32(bits)
    sign = (word & np.uint32(0x8000)) << np.uint32(16)
    size = (word & np.uint32(0x7FFF)) << np.uint32(13)
    if size >= np.uint32(0x00800000):
        return simd.float_of_bits(sign | (size + np.uint32(0x38000000)))
    small = simd.float_of_bits(size + np.uint32(0x38800000)) - simd.float_of_bits(np.uint32(0x38800000))
    return simd.float_of_bits(sign | simd.bits_of_float(np.float32(small)))


def _decoder(stored: Any) -> Callable[[Any], Any]:
    if stored == types.uint16:
        return float_of_half
    return _as_float


def _encoder(stored: Any) -> Callable[[Any], Any]:
    if stored == types.uint16:
        return half_of
    return _as_byte if stored == types.int8 else _as_float


@numba.njit(nogil=True, cache=True)
def _as_float(value: Any) -> np.float32:
    return np.float32(value)


@numba.njit(nogil=True, cache=True)
def _as_byte(value: np.float32) -> np.int8:
    return np.int8(np.rint(value))


@overload(zeros, inline="always", strict=False)
def _zeros(lanes: Any) -> Any:
    if isinstance(lanes, RegistersType):
        return lambda lanes: simd.zero_lanes(lanes)

    def plain(lanes: Any) -> Any:
        lanes[:] = np.float32(0.0)
        return lanes

    return plain


@overload(add_row, inline="always", strict=False)
def _add_row(sums: Any, block: Any, at: Any, factors: Any, factor_at: Any, weight: Any) -> Any:
    if isinstance(sums, LanesType):
        return lambda sums, block, at, factors, factor_at, weight: simd.fma_row(
            sums, block, at, factors, factor_at, weight
        )
    decode = _decoder(block.dtype)

    def plain(sums: Any, block: Any, at: Any, factors: Any, factor_at: Any, weight: Any) -> Any:
        flat, scale = block.reshape(-1), factors.reshape(-1)
        for i in range(sums.size):
            factor = np.float32(scale[factor_at + i // GROUP] * weight)
            sums[i] = simd.fma(decode(flat[at + i]), factor, sums[i])
        return sums

    return plain


@overload(read_floats, inline="always", strict=False)
def _read_floats(lanes: Any, block: Any, at: Any) -> Any:
    if isinstance(lanes, RegistersType):
        return lambda lanes, block, at: simd.load_floats(lanes, block, at)

    def plain(lanes: Any, block: Any, at: Any) -> Any:
        flat = block.reshape(-1)
        for i in range(lanes.size):
            lanes[i] = flat[at + i]
        return lanes

    return plain


@overload(write_row, inline="always", strict=False)
def _write_row(sums: Any, block: Any, at: Any, factors: Any, factor_at: Any) -> Any:
    if isinstance(sums, LanesType):
        return lambda sums, block, at, factors, factor_at: simd.store_row(sums, block, at, factors, factor_at)
    encode = _encoder(block.dtype)

    def plain(sums: Any, block: Any, at: Any, factors: Any, factor_at: Any) -> None:
        flat, scale = block.reshape(-1), factors.reshape(-1)
        for i in range(sums.size):
            flat[at + i] = encode(np.float32(sums[i] * scale[factor_at + i // GROUP]))

    return plain


@overload(group_squares, inline="always", strict=False)
def _group_squares(sums: Any, squares: Any, at: Any) -> Any:
    if isinstance(sums, LanesType):
        return lambda sums, squares, at: simd.group_squares(sums, squares, at)

    def plain(sums: Any, squares: Any, at: Any) -> None:
        flat = squares.reshape(-1)
        part = np.empty(LANE, dtype=np.float64)
        for g in range(sums.size // GROUP):
            part[:] = 0.0
            for i in range(GROUP):
                x = np.float64(sums[g * GROUP + i])
                part[i % LANE] += x * x
            size = _HALF
            while size > 0:
                for i in range(size):
                    part[i] += part[i + size]
                size //= 2
            flat[at + g] = part[0]

    return plain


@overload(group_largest, inline="always", strict=False)
def _group_largest(sums: Any, largest: Any, at: Any) -> Any:
    if isinstance(sums, LanesType):
        return lambda sums, largest, at: simd.group_largest(sums, largest, at)

    def plain(sums: Any, largest: Any, at: Any) -> None:
        flat = largest.reshape(-1)
        for g in range(sums.size // GROUP):
            top = np.float32(0.0)
            for i in range(GROUP):
                top = max(top, abs(sums[g * GROUP + i]))
            flat[at + g] = top

    return plain


@overload(pack_row, inline="always", strict=False)
def _pack_row(sums: Any, block: Any, row: Any, group: Any, scales: Any, squares: Any, room: Any) -> Any:
    if block.dtype == types.int8:

        def pack(sums: Any, block: Any, row: Any, group: Any, scales: Any, squares: Any, room: Any) -> None:
            at = row * scales.shape[1] + group
            group_squares(sums, squares, at)
            group_largest(sums, scales, at)
            for g in range(room.size):
                top = scales[row, group + g]
                room[g] = np.float32(127.0) / top if top > np.float32(0.0) else np.float32(0.0)
                scales[row, group + g] = top / np.float32(127.0)
            write_row(sums, block, row * block.shape[1] + group * GROUP, room, 0)

    elif block.dtype == types.uint16:

        def pack(sums: Any, block: Any, row: Any, group: Any, scales: Any, squares: Any, room: Any) -> None:
            group_squares(sums, squares, row * scales.shape[1] + group)
            for g in range(room.size):
                root = np.float32(np.sqrt(squares[row, group + g]))
                room[g] = np.float32(1.0) / root if root > np.float32(0.0) else np.float32(0.0)
                scales[row, group + g] = root
            write_row(sums, block, row * block.shape[1] + group * GROUP, room, 0)

    else:

        def pack(sums: Any, block: Any, row: Any, group: Any, scales: Any, squares: Any, room: Any) -> None:
            group_squares(sums, squares, row * scales.shape[1] + group)
            for g in range(room.size):
                room[g] = np.float32(1.0)
                scales[row, group + g] = np.float32(1.0)
            write_row(sums, block, row * block.shape[1] + group * GROUP, room, 0)

    return pack


@overload(fetch_row, inline="always", strict=False)
def _fetch_row(lanes: Any, block: Any, at: Any) -> Any:
    if isinstance(lanes, LanesType):
        return lambda lanes, block, at: simd.prefetch_row(lanes, block, at)
    return lambda lanes, block, at: None
