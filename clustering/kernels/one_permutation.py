"""One-permutation hashing: every element is hashed once, and each bin keeps the least of its elements.

Layout   sets are CSR rows; signatures are C-contiguous uint32 (n_sets, num_perm). A hash h lies in bin
         h · num_perm / 2**32, so that a slot whose value lies in another bin is known to be a copy from there.
Threads  a range of sets per call and one writer per row: bytes do not depend on ranges or threads.
Limits   elements are taken modulo 2**64. The bins an empty bin asks are the same for all sets.

Source: Li, Owen, Zhang, NIPS 2012; optimal densification: Shrivastava, ICML 2017.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from clustering.kernels.sketching import EMPTY, NEVER_EMPTY, mix32

_WINDOW = 1024  # elements hashed at a time
_S32, _STEP = np.uint64(32), np.uint32(0x9E3779B1)


@numba.njit(nogil=True, cache=True, inline="always")
def _bin_of(word: np.uint32, n_bins: np.uint64) -> int:
    return int((np.uint64(word) * n_bins) >> _S32)


@numba.njit(nogil=True, cache=True)
def _densify(row: npt.NDArray[np.uint32], salt: np.uint32, empty: npt.NDArray[np.int64]) -> None:
    """Every empty bin copies the first filled one it asks; bins keep their own values while others ask."""
    n_bins, n_empty = np.uint64(row.size), 0
    for slot in range(row.size):
        if row[slot] == EMPTY:
            empty[n_empty] = slot
            n_empty += 1
    if n_empty == row.size:
        return
    for i in range(n_empty):
        attempt = mix32(empty[i], salt)
        asked = _bin_of(mix32(int(attempt), salt), n_bins)
        while row[asked] == EMPTY or _bin_of(row[asked], n_bins) != asked:
            attempt = np.uint32(attempt + _STEP)
            asked = _bin_of(mix32(int(attempt), salt), n_bins)
        row[empty[i]] = row[asked]


@numba.njit(nogil=True, cache=True)
def sketch_once(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    salt: np.uint32,
    probe_salt: np.uint32,
    start: int,
    stop: int,
    out: npt.NDArray[np.uint32],
) -> None:
    """``out[i - start]`` becomes the signature of set i, for i in [start, stop)."""
    words, bins = np.empty(_WINDOW, dtype=np.uint32), np.empty(_WINDOW, dtype=np.uint32)
    n_bins, empty = np.uint64(out.shape[1]), np.empty(out.shape[1], dtype=np.int64)
    for i in range(start, stop):
        row = out[i - start]
        row[:] = EMPTY
        for at in range(indptr[i], indptr[i + 1], _WINDOW):
            part = indices[at : min(at + _WINDOW, indptr[i + 1])]
            for j in range(part.size):
                words[j] = min(mix32(part[j], salt), NEVER_EMPTY)
                bins[j] = np.uint32((np.uint64(words[j]) * n_bins) >> _S32)
            for j in range(part.size):
                row[bins[j]] = min(row[bins[j]], words[j])
        _densify(row, probe_salt, empty)


@numba.njit(nogil=True, cache=True)
def merge_once(
    left: npt.NDArray[np.uint32],
    right: npt.NDArray[np.uint32],
    probe_salt: np.uint32,
    out: npt.NDArray[np.uint32],
) -> None:
    """Signatures of the unions, row by row: copies are dropped, least values kept, and empty bins filled anew."""
    n_bins, empty = np.uint64(out.shape[1]), np.empty(out.shape[1], dtype=np.int64)
    for i in range(out.shape[0]):
        for slot in range(out.shape[1]):
            a, b = left[i, slot], right[i, slot]
            if _bin_of(a, n_bins) != slot:
                a = EMPTY
            if _bin_of(b, n_bins) != slot:
                b = EMPTY
            out[i, slot] = min(a, b)
        _densify(out[i], probe_salt, empty)
