"""Bucket tables of locality sensitive hashing: sorted keys, one row per band.

Layout   ``keys`` uint32 and ``nodes`` int32, both (n_bands, n_filled), ascending by (key, node) within a band;
         a bucket is a run of equal keys.
Threads  no shared state; each call writes only its ``out``.
Limits   nodes fit int32. Keys are 32-bit hashes: two different bands of a row collide once in 2**32 pairs,
         which costs a false candidate and never loses a true one.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.splitmix import hash2

_HIGH = np.uint64(0xFFFFFFFF00000000)


@numba.njit(nogil=True, cache=True)
def pack_keys(
    signatures: npt.NDArray[np.uint32],
    rows: npt.NDArray[np.int32],
    n_rows: int,
    first_band: int,
    out: npt.NDArray[np.uint64],
) -> None:
    """``out[b, i]`` becomes the key of ``signatures[rows[i]]`` in band ``first_band + b``, and below it ``rows[i]``."""
    for i in range(rows.size):
        row = rows[i]
        for band in range(out.shape[0]):
            slot = (first_band + band) * n_rows
            word = np.uint64(0)
            for r in range(n_rows):
                word = hash2(word, np.uint64(signatures[row, slot + r]))
            out[band, i] = (word & _HIGH) | np.uint64(row)


@numba.njit(nogil=True, cache=True)
def find_buckets(
    keys: npt.NDArray[np.uint32],
    wanted: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
) -> None:
    """``[starts[b, q], stops[b, q])`` becomes the bucket of ``wanted[b, q]`` in band b; equal ends: no such bucket."""
    n_bands, n_filled = keys.shape
    for band in range(n_bands):
        for q in range(wanted.shape[1]):
            key = wanted[band, q]
            low, high = 0, n_filled
            while low < high:
                middle = (low + high) // 2
                if keys[band, middle] < key:
                    low = middle + 1
                else:
                    high = middle
            starts[band, q] = low
            while low < n_filled and keys[band, low] == key:
                low += 1
            stops[band, q] = low


@numba.njit(nogil=True, cache=True)
def copy_buckets(
    nodes: npt.NDArray[np.int32],
    wanted: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
    cap: int,
    out: npt.NDArray[np.int32],
) -> None:
    """``out`` becomes the members of all buckets, at most ``cap`` of each.

    Of a larger bucket it is the ``cap`` members that follow a place chosen by the key, going round: every band
    shows another part, and no node is favoured for its number.
    """
    filled = 0
    for band in range(starts.shape[0]):
        for q in range(starts.shape[1]):
            start, size = starts[band, q], stops[band, q] - starts[band, q]
            shift = np.int64(wanted[band, q]) % size if size > cap else 0
            for i in range(min(size, cap)):
                out[filled] = nodes[band, start + (shift + i) % size]
                filled += 1
