"""Weighted minhash by improved consistent weighted sampling.

Layout   sets are CSR rows with a weight per element, zeros left out by the caller; signatures are C-contiguous uint32
         (n_sets, num_perm), a hash of the chosen element and its level.
Threads  a range of sets per call and one writer per row: bytes do not depend on ranges or threads.
Limits   weights are positive and finite. Logarithms are computed here from sums and products alone, so that bytes do
         not depend on the machine's mathematical library either.

Source: Ioffe, ICDM 2010. Gamma(2, 1) is -ln(u v); uniform numbers have 32 bits.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from clustering.kernels.sketching import EMPTY, NEVER_EMPTY
from foundation.kernels.splitmix import hash2, mix64

_S32, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_S52, _FRACTION, _ONE = np.uint64(52), np.uint64((1 << 52) - 1), np.uint64(1023 << 52)
_LN2, _ROOT2 = 0.6931471805599453, 1.4142135623730951
_PER_WORD = 2.0**-32


@numba.njit(nogil=True, cache=True, inline="always")
def _ln(x: float) -> float:
    """Natural logarithm of a normal positive number: 2 artanh((m - 1) / (m + 1)) of the part m in [√½, √2)."""
    bits = np.float64(x).view(np.uint64)
    exponent = np.int64(bits >> _S52) - 1023
    m = np.uint64((bits & _FRACTION) | _ONE).view(np.float64)
    high = m > _ROOT2
    m = m * 0.5 if high else m
    exponent += np.int64(high)
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    series = 1.0 / 19.0
    for n in (17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0):
        series = series * q + 1.0 / n
    return exponent * _LN2 + 2.0 * s * series


@numba.njit(nogil=True, cache=True, inline="always")
def _uniform(word: np.uint64) -> float:
    """The low half of a word to (0, 1)."""
    return (np.float64(np.int64(word & _LOW)) + 0.5) * _PER_WORD


@numba.njit(nogil=True, cache=True)
def sketch_weighted(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: npt.NDArray[np.float64],
    key: np.uint64,
    start: int,
    stop: int,
    out: npt.NDArray[np.uint32],
) -> None:
    """``out[i - start]`` becomes the signature of set i, for i in [start, stop)."""
    n_slots = out.shape[1]
    least = np.empty(n_slots, dtype=np.float64)
    for i in range(start, stop):
        row = out[i - start]
        row[:] = EMPTY
        least[:] = np.inf
        for at in range(indptr[i], indptr[i + 1]):
            element, log_weight = hash2(key, np.uint64(indices[at])), _ln(weights[at])
            for slot in range(n_slots):
                first = hash2(element, np.uint64(slot))
                second = mix64(first)
                third = mix64(second)
                r = -_ln(_uniform(first) * _uniform(first >> _S32))
                log_c = _ln(-_ln(_uniform(second) * _uniform(second >> _S32)))
                level = np.floor(log_weight / r + _uniform(third))
                log_a = log_c - (level - _uniform(third)) * r - r
                if log_a < least[slot]:
                    least[slot] = log_a
                    chosen = mix64(element ^ np.uint64(np.int64(level)))
                    row[slot] = min(np.uint32(chosen >> _S32), NEVER_EMPTY)
