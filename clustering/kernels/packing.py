"""b-bit signatures: the low bits of a scramble of every slot, packed into words and compared by counting bits.

Layout   ``packed`` uint64 (n, n_words), slot i in bits [i·b mod 64, …) of word i·b / 64; b divides 64,
         spare bits are 0.
Threads  one writer per row: bytes do not depend on ranges.
Limits   nothing is checked.

A slot is scrambled with its number first: the low bits of a hash `a x + b` follow from those of x, so that a pair of
elements that meets in many slots of small sets would agree in all of them or in none.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.words import count_bits

_MIX1, _MIX2, _STEP = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35), np.uint32(0x9E3779B1)
_S16, _S13 = np.uint32(16), np.uint32(13)
_ONES = np.uint64(0x0101010101010101)
_TWOS = np.uint64(0x5555555555555555)


@numba.njit(nogil=True, cache=True, inline="always")
def _scrambled(word: np.uint32, slot: int) -> np.uint32:
    x = np.uint32(word ^ np.uint32(np.uint32(slot) * _STEP))
    x = np.uint32((x ^ (x >> _S16)) * _MIX1)
    x = np.uint32((x ^ (x >> _S13)) * _MIX2)
    return np.uint32(x ^ (x >> _S16))


@numba.njit(nogil=True, cache=True)
def pack_slots(
    signatures: npt.NDArray[np.uint32], bits: int, start: int, stop: int, out: npt.NDArray[np.uint64]
) -> None:
    """``out[i - start]`` becomes the packed row of signature i, for i in [start, stop)."""
    mask, n_slots = np.uint32((1 << bits) - 1), signatures.shape[1]
    per_word = 64 // bits
    for i in range(start, stop):
        row, words = signatures[i], out[i - start]
        for word in range(words.size):
            filled = np.uint64(0)
            for slot in range(word * per_word, min((word + 1) * per_word, n_slots)):
                low = np.uint64(_scrambled(row[slot], slot) & mask)
                filled |= low << np.uint64((slot - word * per_word) * bits)
            words[word] = filled


@numba.njit(nogil=True, cache=True, inline="always")
def count_unequal(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64], bits: int) -> int:
    """Slots of 1, 2 or 8 bits in which two packed rows differ."""
    unequal = 0
    for word in range(left.size):
        differing = left[word] ^ right[word]
        if bits == 2:
            differing = (differing | (differing >> np.uint64(1))) & _TWOS
        elif bits == 8:
            differing |= differing >> np.uint64(4)
            differing |= differing >> np.uint64(2)
            differing = (differing | (differing >> np.uint64(1))) & _ONES
        unequal += int(count_bits(differing))
    return unequal


@numba.njit(nogil=True, cache=True)
def count_unequal_slots(
    left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64], bits: int, out: npt.NDArray[np.int32]
) -> None:
    """``out[i, j]`` becomes in how many slots the packed rows ``left[i]`` and ``right[j]`` differ."""
    for i in range(left.shape[0]):
        for j in range(right.shape[0]):
            out[i, j] = count_unequal(left[i], right[j], bits)
