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

from foundation.kernels.simd import prefetch_element
from foundation.kernels.splitmix import hash2

_HIGH, _LOW, _S32, _ONE_NODE = np.uint64(0xFFFFFFFF00000000), np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(1 << 32)
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
# Members of a bucket asked for before the first one is read, 32-bit words in a cache line, and signatures asked for
# before their turn.
_AHEAD, _PER_LINE, _ROWS_AHEAD = 64, 16, 12
# After the first guess a key is off by some √n / 2 places, after each further one by the root of that: three end in
# the right cache line. A third took a fifth off the time of a query with 64 bands in 650,000 nodes.
_GUESSES = 3


@numba.njit(nogil=True, cache=True, inline="always")
def _band_word(signature: npt.NDArray[np.uint32], slot: int, n_rows: int) -> np.uint64:
    """A hash of the slots of one band; its high half is the key."""
    word = np.uint64(0)
    for r in range(n_rows):
        word = hash2(word, np.uint64(signature[slot + r]))
    return word


@numba.njit(nogil=True, cache=True)
def pack_keys(
    signatures: npt.NDArray[np.uint32],
    rows: npt.NDArray[np.int32],
    n_rows: int,
    first_band: int,
    out: npt.NDArray[np.uint64],
) -> None:
    """``out[b, i]`` becomes the key of ``signatures[rows[i]]`` in band ``first_band + b``, and below it ``rows[i]``."""
    width = signatures.shape[1]
    for i in range(rows.size):
        row = rows[i]
        if i + _ROWS_AHEAD < rows.size:  # a stride this long is not foreseen by the processor
            soon = np.int64(rows[i + _ROWS_AHEAD]) * width
            for slot in range(first_band * n_rows, (first_band + out.shape[0]) * n_rows, _PER_LINE):
                prefetch_element(signatures, soon + slot)
        for band in range(out.shape[0]):
            out[band, i] = (_band_word(signatures[row], (first_band + band) * n_rows, n_rows) & _HIGH) | np.uint64(row)


@numba.njit(nogil=True, cache=True)
def unpack_entries(packed: npt.NDArray[np.uint64], keys: npt.NDArray[np.uint32], nodes: npt.NDArray[np.int32]) -> None:
    """Key and node of every entry of `pack_keys`."""
    for band in range(packed.shape[0]):
        entries, row_keys, row_nodes = packed[band], keys[band], nodes[band]
        for i in range(entries.size):
            row_keys[i] = np.uint32(entries[i] >> _S32)
            row_nodes[i] = np.int32(entries[i] & _LOW)


@numba.njit(nogil=True, cache=True)
def find_buckets(
    signature: npt.NDArray[np.uint32],
    n_rows: int,
    keys: npt.NDArray[np.uint32],
    wanted: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
    cap: int,
) -> tuple[int, int]:
    """``[starts[b], stops[b])`` becomes the bucket of the signature in band b, and ``wanted[b]`` its key.

    Returns how many members the buckets have, each counted up to ``cap`` and in all. Keys are hashes, so that a key's
    place is guessed from its value, again and again, and the search begins there. What a guess will read is asked for
    while the other bands are at work: it lies anywhere in memory.
    """
    n_filled = keys.shape[1]
    n_taken = n_all = 0
    if n_filled == 0:
        starts[:] = stops[:] = 0
        return n_taken, n_all
    for band in range(starts.size):
        wanted[band] = np.uint32(_band_word(signature, band * n_rows, n_rows) >> _S32)
        starts[band] = np.int64((np.uint64(wanted[band]) * np.uint64(n_filled)) >> _S32)
        prefetch_element(keys, band * n_filled + starts[band])
    for _ in range(_GUESSES):
        for band in range(starts.size):
            gap = np.int64(wanted[band]) - np.int64(keys[band, starts[band]])
            starts[band] = min(max(starts[band] + ((gap * n_filled) >> 32), 0), n_filled - 1)
            prefetch_element(keys, band * n_filled + starts[band])
    for band in range(starts.size):
        starts[band], stops[band] = run_of(keys[band], wanted[band], starts[band])
        n_all += stops[band] - starts[band]
        n_taken += min(stops[band] - starts[band], cap)
    return n_taken, n_all


@numba.njit(nogil=True, cache=True)
def run_of(keys: npt.NDArray[np.uint32], key: np.uint32, near: int) -> tuple[int, int]:
    """Where the run of ``key`` begins and ends in ascending ``keys``; both the place where it would be if absent."""
    step, n = 1, keys.size
    if keys[near] < key:
        low = near + 1
        while low + step <= n and keys[low + step - 1] < key:
            low += step
            step *= 2
        high = min(low + step - 1, n)
    else:
        high = near
        while high - step >= 0 and keys[high - step] >= key:
            high -= step
            step *= 2
        low = max(high - step + 1, 0)
    start = _first_at_least(keys, key, low, high)
    if start == n or keys[start] != key:
        return start, start
    stop, step = start + 1, 1
    while stop + step <= n and keys[stop + step - 1] == key:
        stop += step
        step *= 2
    return start, _first_above(keys, key, stop, min(stop + step - 1, n))


@numba.njit(nogil=True, cache=True, inline="always")
def _first_at_least(keys: npt.NDArray[np.uint32], key: np.uint32, low: int, high: int) -> int:
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(nogil=True, cache=True, inline="always")
def _first_above(keys: npt.NDArray[np.uint32], key: np.uint32, low: int, high: int) -> int:
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] <= key:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(nogil=True, cache=True)
def table_size(n_members: int) -> int:
    """Slots of a table for `meet`: a power of two, at most half full."""
    size = 16
    while size < 2 * n_members:
        size *= 2
    return size


@numba.njit(nogil=True, cache=True)
def meet(
    nodes: npt.NDArray[np.int32],
    wanted: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
    cap: int,
    table: npt.NDArray[np.uint64],
    slots: npt.NDArray[np.int64],
    n_met: int,
) -> int:
    """Enter the members of the buckets into ``table``, at most ``cap`` of each; return how many there are now.

    ``table`` holds (node + 1) << 32 | times met, 0 where free; its size is a power of two. ``slots[:n_met]`` are those
    in use, in the order of first meetings. Of a larger bucket it is the ``cap`` members that follow a place chosen by
    the key, going round: every band shows another part, and no node is favoured for its number.
    """
    n_filled, mask = nodes.shape[1], np.int64(table.size - 1)
    for band in range(starts.size):
        for at in range(starts[band], min(stops[band], starts[band] + _AHEAD), _PER_LINE):
            prefetch_element(nodes, band * n_filled + at)
    for band in range(starts.size):
        start, stop = starts[band], stops[band]
        size = stop - start
        at = start + np.int64(wanted[band]) % size if size > cap else start
        for _ in range(min(size, cap)):
            node = np.uint64(nodes[band, at]) + np.uint64(1)
            slot = np.int64((node * _SCATTER) >> _S32) & mask
            while table[slot] != np.uint64(0) and table[slot] >> _S32 != node:
                slot = (slot + 1) & mask
            if table[slot] == np.uint64(0):
                slots[n_met] = slot
                n_met += 1
                table[slot] = node << _S32
            table[slot] += np.uint64(1)
            at += 1
            if at == stop:
                at = start
    return n_met


@numba.njit(nogil=True, cache=True)
def collide(
    signatures: npt.NDArray[np.uint32],
    n_rows: int,
    keys: npt.NDArray[np.uint32],
    nodes: npt.NDArray[np.int32],
    cap: int,
    empty: np.uint32,
) -> tuple[npt.NDArray[np.uint64], int]:
    """Whom the signatures meet, as node << 32 | times met in the order of first meetings, and how many were cut off.

    One call for all of it, since a call from Python costs as much as ten buckets; the result's size is known here only.
    ``empty`` marks signatures without elements.
    """
    n_bands, n_taken, n_all = keys.shape[0], 0, 0
    wanted = np.empty((signatures.shape[0], n_bands), dtype=np.uint32)
    starts = np.zeros((signatures.shape[0], n_bands), dtype=np.int64)
    stops = np.zeros((signatures.shape[0], n_bands), dtype=np.int64)
    for q in range(signatures.shape[0]):
        if signatures[q, 0] != empty:
            taken, met = find_buckets(signatures[q], n_rows, keys, wanted[q], starts[q], stops[q], cap)
            n_taken, n_all = n_taken + taken, n_all + met
    table, slots = np.zeros(table_size(n_taken), dtype=np.uint64), np.empty(n_taken, dtype=np.int64)
    n_met = 0
    for q in range(signatures.shape[0]):
        n_met = meet(nodes, wanted[q], starts[q], stops[q], cap, table, slots, n_met)
    found = np.empty(n_met, dtype=np.uint64)
    for i in range(n_met):
        found[i] = table[slots[i]] - _ONE_NODE
    return found, n_all - n_taken
