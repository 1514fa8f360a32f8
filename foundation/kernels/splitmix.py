"""Counter-based random bits for kernels.

A random number is a hash of a 64-bit key and its coordinates; there is no state, hence nothing that
depends on threads or order. The mixer is splitmix64's finaliser (Steele, Lea, Flood, OOPSLA 2014).
"""

from __future__ import annotations

import numba
import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@numba.njit(nogil=True, cache=True, inline="always")
def mix64(x: np.uint64) -> np.uint64:
    """Bijective scramble of 64 bits; pass and keep ``np.uint64`` (numba promotes mixed signs to float)."""
    x = (x ^ (x >> _S30)) * _MIX1
    x = (x ^ (x >> _S27)) * _MIX2
    return x ^ (x >> _S31)


@numba.njit(nogil=True, cache=True, inline="always")
def hash2(key: np.uint64, a: np.uint64) -> np.uint64:
    """Random word at coordinate ``a`` of the stream ``key``."""
    return mix64(key + GOLDEN * (a + np.uint64(1)))


@numba.njit(nogil=True, cache=True, inline="always")
def uniform01(word: np.uint64) -> float:
    """Word to a float64 in [0, 1) with 53 random bits."""
    return np.float64(word >> _S11) * (1.0 / 9007199254740992.0)
